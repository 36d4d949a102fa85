// `load` again and again: equal texts are compiled once, and ever new ones leave nothing behind.

import { expect, it } from 'vitest'
import { limits } from '../../../core/base/limits.ts'
import type { LuaValue } from '../../../core/lua/engine.ts'
import type { ChunkMaker } from '../../../core/lua/v8/compile.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { RecentChunks } from '../../../core/lua/v8/recent-chunks.ts'
import { chunkOf, registerChunk } from '../../../core/lua/v8/run/traceback.ts'

/** Runs Lua, and tells how many scripts V8 was given besides its own. */
function run(text: string): { values: LuaValue[]; scripts: number } {
  let scripts = 0
  const engine = createV8Engine({
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
    dump: () => scripts++,
  })
  const main = engine.load(Buffer.from(text), 'main')
  scripts = 0
  return { values: engine.call(main), scripts }
}

it('a text that is loaded again is not compiled again', () => {
  const { values, scripts } = run(`
    local sum = 0
    for i = 1, 100 do sum = sum + load("local x = ... return x * 2 + 1")(i) end
    return sum`)
  expect(values).toEqual([10_200])
  expect(scripts).toBe(1)
})

it('each load makes a function of its own, with its own environment and upvalues', () => {
  const { values } = run(`
    local text = "count = (count or 0) + 1 local n = 0 return function() n = n + 1 return n + count end"
    local a, b = { }, { count = 10 }
    local f, g = load(text, "=t", "t", a), load(text, "=t", "t", b)
    local x, y = f(), g()
    return f ~= g, x(), x(), y(), a.count, b.count, f() ~= x`)
  expect(values).toEqual([true, 2, 3, 12, 1, 11, true])
})

it('the name is a part of what was loaded: messages tell the right one', () => {
  const { values } = run(`
    local messages = {}
    for i, name in ipairs{ "=one", "=two", "=one" } do
      local _, message = pcall(load("local t = ... return t.x", name))
      messages[i] = message
    end
    return table.concat(messages, "; ")`)
  const wrong = "attempt to index a nil value (local 't')"
  expect(values).toEqual([`one:1: ${wrong}; two:1: ${wrong}; one:1: ${wrong}`])
})

it('a message is told with the text that was loaded last by that name', () => {
  // Whether `format` was called as a method is read off the line.
  const { values } = run(`
    local method = "local s = ... return s:format({}, 1)"
    local plain = "local s = ... return string.format(s, {}, 1)"
    local messages = {}
    for i, text in ipairs{ method, plain, method } do
      messages[i] = select(2, pcall(load(text, "=f"), "%d"))
    end
    return table.unpack(messages)`)
  const message = (i: number) => `f:1: bad argument #${i} to 'format' (number expected, got table)`
  expect(values).toEqual([message(1), message(2), message(1)])
})

it('a syntax error is told each time', () => {
  const { values } = run('local a, b = load("x ="), select(2, load("x =")) return a == nil, b')
  expect(values).toEqual([true, '[string "x ="]:1: unexpected symbol near <eof>'])
})

it('what was used longest ago is forgotten first, by number and by length', () => {
  const recent = new RecentChunks()
  let compiled = 0
  const maker: ChunkMaker = () => () => undefined
  const get = (text: string) =>
    recent.get(text, '=t', () => {
      compiled++
      return maker
    })
  for (let i = 0; i < limits.luaRecentChunksMax; i++) get(`return ${i}`)
  get('return 0')
  expect(compiled).toBe(limits.luaRecentChunksMax)
  get('one more')
  get('return 0')
  expect(compiled).toBe(limits.luaRecentChunksMax + 1)
  get('return 1')
  expect(compiled).toBe(limits.luaRecentChunksMax + 2)

  const long = ' '.repeat(limits.luaRecentChunkCharactersMax)
  get(long)
  get(long)
  expect(compiled).toBe(limits.luaRecentChunksMax + 4)
  get('return 0')
  expect(compiled).toBe(limits.luaRecentChunksMax + 4)
  get(long.slice(10))
  get('return 0')
  expect(compiled).toBe(limits.luaRecentChunksMax + 6)
})

it('tracebacks know all files, and the newest of what load made', () => {
  const chunk = (name: string, isPassing: boolean) =>
    registerChunk({ name, given: `@${name}`, source: '', isPassing })
  chunk('a file', false)
  for (let i = 0; i <= limits.luaPassingChunksMax; i++) chunk(`loaded ${i}`, true)
  expect(chunkOf('loaded 0')).toBeUndefined()
  expect(chunkOf('loaded 1')?.name).toBe('loaded 1')
  chunk('loaded 1', true)
  chunk('another', true)
  expect(chunkOf('loaded 1')?.name).toBe('loaded 1')
  expect(chunkOf('loaded 2')).toBeUndefined()
  expect(chunkOf('a file')?.name).toBe('a file')
  // The newest of a name is the one that is meant.
  chunk('a file', true)
  expect(chunkOf('a file')?.isPassing).toBe(true)
  chunk('a file', false)
  expect(chunkOf('a file')?.isPassing).toBe(false)
})
