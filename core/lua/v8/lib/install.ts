// Puts the library into an engine's globals. Lanes; once for each engine.
//
// Function objects are shared by the engines of a thread; the tables are not. In a sandbox the
// library tables and the string metatable are frozen by JavaScript itself: a write throws a
// TypeError, which thrown.ts turns into "attempt to modify a read-only table", and reading costs
// nothing extra. `_G` stays writable until the engine seals it. There is no io, no os.execute, no
// package and no debug in here at all, and bytecode only where the stand-alone interpreter asks for it.

import type { Realm } from '../run/state.ts'
import { Table } from '../run/table.ts'
import type { LuaFn, Value } from '../run/value.ts'
import { baseFunctions } from './base-lib.ts'
import { coroutineFunctions } from './coroutine-lib.ts'
import { type CompileDump, stringDump } from './dump-lib.ts'
import { type Compile, loadFunction } from './load.ts'
import { mathConstants, mathFunctions } from './math-lib.ts'
import { osFunctions } from './os-lib.ts'
import { luaAssert, luaError, luaPcall, luaXpcall } from './protected-call.ts'
import { randomFunctions } from './random-lib.ts'
import { stringMetamethods } from './string-arithmetic.ts'
import { stringFunctions } from './string-lib.ts'
import { tableFunctions } from './table-lib.ts'
import { utf8CharPattern, utf8Functions } from './utf8-lib.ts'

export interface LibraryOptions {
  readonly compile: Compile
  /** Freezes the library tables and the string metatable; the stand-alone interpreter does not. */
  readonly readOnly: boolean
  /** string.dump and binary chunks exist: only in the stand-alone interpreter. */
  readonly compileDump?: CompileDump | undefined
}

/** A table of named values, which stand in its record part. */
export function tableOf(fields: Record<string, Value>): Table {
  const t = new Table()
  for (const [name, value] of Object.entries(fields)) t.setField(name, value)
  return t
}

/** From now on every write to the table throws; reading it is as fast as before. */
export function freezeTable(t: Table): void {
  if (t.rec !== undefined) {
    // Iteration keeps the names on the table, and cannot do so later.
    t.names = Object.keys(t.rec)
    Object.freeze(t.rec)
  }
  // The shared empty sequence is not ours to freeze.
  t.arr = []
  Object.freeze(t.arr)
  Object.freeze(t)
}

/** Fills `realm.globals` and sets the string metatable. */
export function installLibrary(realm: Realm, options: LibraryOptions): void {
  const libraries: Record<string, Record<string, LuaFn | Value>> = {
    coroutine: coroutineFunctions,
    math: { ...mathFunctions, ...mathConstants, ...randomFunctions(realm.seed) },
    os: osFunctions,
    string: options.compileDump ? { ...stringFunctions, dump: stringDump } : stringFunctions,
    table: tableFunctions,
    utf8: { ...utf8Functions, charpattern: utf8CharPattern },
  }
  const globals: Record<string, LuaFn> = {
    ...baseFunctions,
    assert: luaAssert,
    error: luaError,
    load: loadFunction(options.compile, options.compileDump),
    pcall: luaPcall,
    xpcall: luaXpcall,
  }
  for (const [name, fn] of Object.entries(globals)) realm.globals.setField(name, fn)
  realm.globals.setField('_G', realm.globals)
  realm.globals.setField('_VERSION', 'Lua 5.4')
  const tables: Table[] = []
  for (const [name, fields] of Object.entries(libraries)) {
    const t = tableOf(fields)
    realm.globals.setField(name, t)
    tables.push(t)
    if (name === 'string') {
      realm.stringMeta = tableOf({ __index: t, ...stringMetamethods })
      tables.push(realm.stringMeta)
    }
  }
  if (options.readOnly) for (const t of tables) freezeTable(t)
}
