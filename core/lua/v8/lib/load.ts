// load: chunks from Lua; only the stand-alone interpreter takes binary ones. Lanes.
//
// The compiler is handed in, because it stands above the library. A syntax error is an answer (nil and
// the message), not an error, as in PUC.

import { first, ret2 } from '../run/answer.ts'
import { callSync } from '../run/call.ts'
import { LuaThrow } from '../run/errors.ts'
import { vm } from '../run/state.ts'
import type { LuaFn, Ret, Value } from '../run/value.ts'
import { checkString } from './args.ts'
import { type CompileDump, loadBinary } from './dump-lib.ts'
import { checkSize, fail } from './failure.ts'

/**
 * Compiles a byte string. `name` is as messages show it, `given` as Lua gave it; `env` is its _ENV.
 * @throws LuaThrow with the message of a syntax error
 */
export type Compile = (source: string, name: string, env: Value, given: string) => LuaFn

const nameBytesMax = 60

/** A chunk name as messages show it: `=x` and `@x` are x, all else is `[string "first line..."]`. */
export function displayName(chunkName: string): string {
  if (chunkName.startsWith('=')) return chunkName.slice(1, nameBytesMax)
  if (chunkName.startsWith('@')) {
    const path = chunkName.slice(1)
    return path.length < nameBytesMax ? path : `...${path.slice(path.length - nameBytesMax + 4)}`
  }
  const newline = chunkName.indexOf('\n')
  const line = newline < 0 ? chunkName : chunkName.slice(0, newline)
  // PUC's buffer also holds the brackets, the quotes, the dots and a zero.
  const room = nameBytesMax - 15
  if (newline < 0 && line.length < room) return `[string "${line}"]`
  return `[string "${line.slice(0, room)}..."]`
}

/** All pieces that a reader function gives until nil or an empty one. */
function readAll(reader: LuaFn): string {
  let source = ''
  for (;;) {
    const piece = first(callSync(reader))
    if (piece === undefined || piece === '') return source
    if (typeof piece !== 'string') fail('reader function must return a string')
    source += piece
    checkSize(source.length)
  }
}

/** `load` over a compiler. @param compileDump without it binary chunks are refused in every mode */
export function loadFunction(compile: Compile, compileDump?: CompileDump): LuaFn {
  function load(...args: Value[]): Ret {
    const [chunk, chunkName, modeValue] = args
    const mode = modeValue === undefined ? 'bt' : checkString(modeValue, 3, 'load')
    const env = args.length > 3 ? args[3] : vm.realm.globals
    try {
      const source = typeof chunk === 'function' ? readAll(chunk) : checkString(chunk, 1, 'load')
      const fallback = typeof chunk === 'function' ? '=(load)' : source
      const name = chunkName === undefined ? fallback : checkString(chunkName, 2, 'load')
      if (source.startsWith('\x1b')) {
        if (compileDump !== undefined && mode.includes('b')) {
          return loadBinary(compileDump, source, name, env)
        }
        return ret2(undefined, `attempt to load a binary chunk (mode is '${textOnly(mode)}')`)
      }
      if (!mode.includes('t')) {
        return ret2(undefined, `attempt to load a text chunk (mode is '${mode}')`)
      }
      return compile(source, displayName(name), env, name)
    } catch (thrown) {
      if (thrown instanceof LuaThrow) return ret2(undefined, thrown.value)
      throw thrown
    }
  }
  return load
}

/** Binary chunks do not load here; the mode is told as the one that stays. */
function textOnly(mode: string): string {
  return mode.replace('b', '') || 't'
}
