// string.dump and binary chunks of the stand-alone interpreter; services have neither. One Lua thread.

import { originOf, textOf } from '../emit/function-origin.ts'
import { LuaThrow } from '../run/errors.ts'
import type { LuaFn, Ret, Value } from '../run/value.ts'
import { checkFunction } from './args.ts'
import { type Dump, decodeDump, encodeDump } from './dump-format.ts'
import { fail } from './failure.ts'

/** Compiles a dump over its first upvalue. */
export type CompileDump = (dump: Dump, firstUpvalue: Value) => LuaFn

/** `string.dump(f, strip)`: see dump-format.ts. */
export function stringDump(f: Value, strip: Value): Ret {
  const origin = originOf(checkFunction(f, 1, 'dump'))
  if (origin === undefined) fail('unable to dump given function')
  const isStripped = (strip !== undefined && strip !== false) || origin.chunk.isStripped === true
  const chunkName = isStripped ? '=?' : origin.chunk.given
  return encodeDump({ fn: textOf(origin), chunkName, isStripped })
}

/** Loads a binary chunk. @param name as `load` got it @throws LuaThrow when it is none of ours */
export function loadBinary(compile: CompileDump, bytes: string, name: string, env: Value): LuaFn {
  const dump = decodeDump(bytes)
  if ('fault' in dump) {
    throw new LuaThrow(`${shownName(name)}: bad binary format (${dump.fault})`, '', false)
  }
  return compile(dump, env)
}

function shownName(name: string): string {
  if (name.startsWith('@') || name.startsWith('=')) return name.slice(1)
  return name.startsWith('\x1b') ? 'binary string' : name
}
