// The only door to Lua: what a lane may ask of an engine, and the values that cross.
//
// Runs in lanes (and, for config files, in the core thread and in tools). Two engines implement it:
// fengari (the reference) and v8 (compiles to JavaScript). Services must not see which one runs
// them, and nothing outside core/lua may import an engine's inside.
//
// Values at the border
//   nil        undefined                boolean   boolean
//   integer    number while it is a safe integer, else bigint (64-bit two's complement range)
//   float      number when it is not integral or is ±inf/nan; a LuaFloat when it is integral (5.0)
//   string     a JavaScript string with one character for each byte (0..255): see bytes.ts
//   table, function, coroutine   opaque handles; only the engine that made one looks inside
//
// Invariants
//   - No JavaScript object reaches Lua: what is not one of the above is refused by an assertion.
//   - Nothing thrown crosses unconverted: Lua errors leave as LuaError; what a host function throws
//     becomes a Lua error, but for AssertionError and LuaKilled, which no Lua code can catch.
//   - Only text chunks load; there is no io, os.execute, package, debug or bytecode.

declare const tableBrand: unique symbol
declare const functionBrand: unique symbol
declare const coroutineBrand: unique symbol

export interface LuaTable {
  readonly [tableBrand]: true
}
export interface LuaFunction {
  readonly [functionBrand]: true
}
export interface LuaCoroutine {
  readonly [coroutineBrand]: true
}

/** A float whose value is integral: `5.0`, which Lua prints and compares apart from how 5 prints. */
export class LuaFloat {
  readonly n: number
  constructor(n: number) {
    this.n = n
  }
}

export type LuaValue =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | LuaFloat
  | LuaTable
  | LuaFunction
  | LuaCoroutine

/** What a host function returns for none or several values; one value is returned bare. */
export class LuaMulti {
  readonly values: readonly LuaValue[]
  constructor(values: readonly LuaValue[]) {
    this.values = values
  }
}

/**
 * A function of the host that Lua may call. It cannot yield: a wait is written in lua/lib, which
 * calls coroutine.yield itself. Arguments that the caller left out are undefined.
 */
export type HostFunction = (...args: LuaValue[]) => LuaValue | LuaMulti

/** An error that left Lua: the error value, and a traceback in Lua terms (file:line, names). */
export class LuaError extends Error {
  readonly value: LuaValue
  readonly traceback: string
  /**
   * @param message the error value as text, decoded (`file:line: message` for a string raised by
   *   `error`); it and the traceback are for people, and no byte strings
   * @param value the error value itself: a byte string as Lua sees it, or a table, ...
   */
  constructor(message: string, value: LuaValue, traceback: string) {
    super(message)
    this.name = 'LuaError'
    this.value = value
    this.traceback = traceback
  }
}

/** A run that was ended from outside (kill flag, step limit); Lua code cannot catch it. */
export class LuaKilled extends Error {
  readonly traceback: string
  constructor(message: string, traceback: string) {
    super(message)
    this.name = 'LuaKilled'
    this.traceback = traceback
  }
}

/** How a resumed coroutine came back. */
export const resumed = {
  /** It yielded; `engine.results` holds what it yielded. */
  yielded: 0,
  /** Its function returned; `engine.results` holds the returned values. The coroutine is dead. */
  returned: 1,
  /** It raised; `engine.failure` holds the LuaError or LuaKilled. The coroutine is dead. */
  failed: 2,
} as const
export type Resumed = (typeof resumed)[keyof typeof resumed]

export type LuaType = 'nil' | 'boolean' | 'number' | 'string' | 'table' | 'function' | 'thread'

export interface EngineOptions {
  /** Where `print` writes, one line without its newline, as a byte string. */
  readonly print: (line: string) => void
  /** Milliseconds since 1970, for os.time and os.date. */
  readonly wallMs: () => number
  /** Seed of math.random: two 64-bit integers. */
  readonly seed: readonly [bigint, bigint]
  /** The longest string that string.rep, concat, format, gsub and table.concat may build. */
  readonly stringBytesMax: number
  /**
   * The kill flag: one cell in shared memory. While cell 0 is not 0, running Lua code is ended with
   * LuaKilled at its next loop turn or function entry. The engine only reads it.
   */
  readonly interrupt?: Int32Array
  /** Ends any single call or resume with LuaKilled after about this many loop turns and calls. */
  readonly stepsMax?: number
}

/**
 * Modules whose functions are replaced one by one while they run: each closure that exists anywhere,
 * copied or kept in a table or timer, runs the new code with its own upvalues. A function is known by
 * its path: the names around it and its own. Module-level locals keep their values (docs/LUA.md).
 */
export interface LuaModules {
  /** As `LuaEngine.load`; its functions can be replaced. Loading a name again begins it anew. */
  load(source: Uint8Array, chunkName: string): LuaFunction
  /** Is a module of this name loaded, so that it can be patched? */
  has(chunkName: string): boolean
  /**
   * A coroutine begins new work: it runs the code that holds now. Until then it runs none that is newer
   * than when it was made or last began, so what waits during a reload finishes the old code.
   */
  begin(coroutine: LuaCoroutine): void
  /** False for a function of a module that its text does not have any more: it runs old code. */
  runsLatest(fn: LuaFunction): boolean
  /** As if a module had never been loaded. */
  forget(chunkName: string): void
  /**
   * Compiles a new text of a module that `load` has loaded and that has run.
   * @throws LuaError for a syntax error; nothing has changed
   */
  patch(source: Uint8Array, chunkName: string): LuaPatch
}

export interface LuaPatch {
  /**
   * Makes the new text hold, from the next call of each function on (but see LuaModules.begin).
   * Module-level statements that are new may run Lua code.
   * @returns what undoes it all @throws LuaError, LuaKilled; nothing has changed then
   */
  apply(): () => void
  /** What the module's file returned, for `require`; data keeps its table and has new contents. */
  readonly value: LuaValue
}

export interface LuaEngine {
  readonly name: 'fengari' | 'v8'
  /** `_G`. The host fills it before services load, then calls `sealGlobals`. */
  readonly globals: LuaTable

  /**
   * Compiles a text chunk; its varargs are what `call` passes. `chunkName` is a path as shown in
   * messages (`lua/services/bag.lua`), without Lua's `@` or `=`.
   * @throws LuaError for a syntax error: `lua/services/bag.lua:12: unexpected symbol near 'x'`
   */
  load(source: Uint8Array, chunkName: string): LuaFunction

  /** Reload by function identity; an engine without it reloads whole modules. */
  readonly modules?: LuaModules

  /**
   * Calls a function to its end; a yield inside is a Lua error.
   * @returns all its results @throws LuaError, LuaKilled
   */
  call(fn: LuaFunction, ...args: LuaValue[]): LuaValue[]

  createCoroutine(fn: LuaFunction): LuaCoroutine
  /** Starts or continues a coroutine; never throws but for bugs. Not reentrant from inside Lua. */
  resume(coroutine: LuaCoroutine, ...args: LuaValue[]): Resumed
  /** Values of the last resume; valid until the next call into the engine. */
  readonly results: readonly LuaValue[]
  /** Why the last resume failed; valid until the next call into the engine. */
  readonly failure: LuaError | LuaKilled | undefined
  /** Ends a suspended coroutine: closes its to-be-closed variables, as coroutine.close does. */
  close(coroutine: LuaCoroutine): void

  hostFunction(name: string, fn: HostFunction): LuaFunction
  newTable(): LuaTable
  /** Raw access: metamethods are not consulted. */
  rawGet(table: LuaTable, key: LuaValue): LuaValue
  rawSet(table: LuaTable, key: LuaValue, value: LuaValue): void
  /** The border of the sequence part, as rawlen. */
  rawLength(table: LuaTable): number
  /** Calls `visit` for each pair until it returns false. The table must not gain keys meanwhile. */
  forEach(table: LuaTable, visit: (key: LuaValue, value: LuaValue) => boolean | undefined): void
  typeOf(value: LuaValue): LuaType
  /**
   * Where a function is written: `lua/services/bag.lua:12`; undefined for one of the host's or the
   * library's. For messages; an engine that cannot tell leaves it out.
   */
  placeOf?(fn: LuaFunction): string | undefined

  /**
   * From now on, writing an undeclared global or reading an undefined one is an error that names it:
   * "global 'x' is not defined (did you forget 'local'?)". Library tables are read-only already.
   */
  sealGlobals(): void

  /**
   * JSON in UTF-8 to Lua: objects and arrays to tables, null to nil inside objects and to `jsonNull`
   * inside arrays and at the top, integral numbers that are safe to integers, others to floats.
   * An empty array gets the `jsonArray` metatable, so that it encodes as `[]` again.
   * @throws LuaError naming what is wrong; nesting is limited to 64.
   */
  parseJson(bytes: Uint8Array): LuaValue
  /**
   * Lua to JSON text as a byte string of ASCII and UTF-8; characters beyond the BMP are written as
   * `\u` pairs (old browser clients read nothing else). A table with only keys 1..n is an array, an
   * empty one `{}` unless its metatable is `jsonArray`; else an object, integer keys as text.
   * @throws LuaError that names the path of what cannot be encoded (`items[3].cb: a function`);
   *   nan, inf, functions, coroutines, cycles and nesting over 64, strings that are not UTF-8.
   */
  stringifyJson(value: LuaValue): string
  /** The value that stands for JSON null: a read-only table, equal only to itself. */
  readonly jsonNull: LuaTable
  /** The metatable that marks an array. */
  readonly jsonArray: LuaTable

  /** Bytes of the heap that Lua values take, as far as the engine can tell. */
  memoryBytes(): number
}
