// A module that is reloaded again and again takes no more memory than its newest generations do.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { type LuaCoroutine, type LuaFunction, resumed } from '../../../core/lua/engine.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'
import { generationsMax } from '../../../core/lua/v8/reload/generations.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const path = 'lua/services/shop.lua'

/** A file with short functions, long ones, closures, a removed function in every second text. */
function source(version: number): Uint8Array {
  const long = (i: number) => `
function M.sell${i}(item)
  local price = prices[item] or 1
  if price > ${i} then
    price = price - 1
  end
  hits = hits + 1
  local function tell(x)
    return x + price
  end
  return tell(${version}), hits
end`
  const sells = Array.from({ length: 20 }, (_, i) => long(i)).join('\n')
  const extra = version % 2 === 0 ? 'function M.extra() return hits end' : ''
  return Buffer.from(`local M, hits = {}, 0
local prices = { sword = ${version} }
local function each(f) return function() hits = hits + 1 return f(), ${version} end end
M.made = each(function() return ${version} end)
function M.wait() local v = coroutine.yield() return v, (M.sell0("x")) end
function M.version() return ${version} end
${extra}${sells}
return M`)
}

function fixture() {
  const engine = createV8Engine({
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 20,
  })
  const run = (text: string) => engine.call(engine.load(Buffer.from(text), 'probe'))
  const reload = (version: number) => engine.modules.patch(source(version), path).apply()
  const [M] = engine.call(engine.modules.load(source(0), path))
  engine.rawSet(engine.globals, 'M', M)
  return { engine, run, reload }
}

/** A coroutine that waits in `M.wait`; it has called nothing else yet. */
function waiter({ engine, run }: ReturnType<typeof fixture>): LuaCoroutine {
  const co = engine.createCoroutine(run('return M.wait')[0] as LuaFunction)
  expect(engine.resume(co)).toBe(resumed.yielded)
  return co
}

describe('many reloads of one file', () => {
  it('1,000 take no more memory than 100 do', { timeout: 300_000 }, () => {
    const { run, reload } = fixture()
    const heapAfter = (from: number, to: number): number => {
      for (let version = from; version <= to; version++) {
        reload(version)
        const wanted = [version, version, version]
        expect(run('return M.version(), (select(2, M.made())), (M.sell0("x"))')).toEqual(wanted)
      }
      collect()
      collect()
      return process.memoryUsage().heapUsed
    }
    run('copies = { M.sell3, M.made, M.version }')
    const few = heapAfter(1, 100)
    const many = heapAfter(101, 1000)
    // One generation of this file takes more than 100 KB.
    expect((many - few) / 2 ** 20).toBeLessThan(8)
    expect(run('return copies[1]("x") - 1, copies[3]()')).toEqual([1000, 1000])
  })

  it('who has waited through as many as are kept finishes the code that it began with', () => {
    const host = fixture()
    host.reload(1)
    const co = waiter(host)
    for (let i = 0; i < generationsMax - 1; i++) host.reload(2 + i)
    expect(host.engine.resume(co, 'go')).toBe(resumed.returned)
    expect(host.engine.results).toEqual(['go', 1])
  })

  it('who has waited through one more goes on with the oldest that is kept', () => {
    const host = fixture()
    host.reload(1)
    const co = waiter(host)
    for (let i = 0; i < generationsMax; i++) host.reload(2 + i)
    expect(host.engine.resume(co, 'go')).toBe(resumed.returned)
    expect(host.engine.results).toEqual(['go', 2])
  })

  it('a function that was taken away keeps its last text through any number of reloads', () => {
    const host = fixture()
    const text = (body: string) => Buffer.from(`local M = {}\n${body}\nreturn M`)
    const patch = (body: string) => host.engine.modules.patch(text(body), path).apply()
    const load = host.engine.modules.load(text('function M.f() return "first" end'), path)
    host.engine.rawSet(host.engine.globals, 'M', host.engine.call(load)[0])
    host.run('copy = M.f')
    patch('function M.f() return "last" end')
    for (let i = 0; i < generationsMax * 2; i++) patch(`function M.g() return ${i} end`)
    expect(host.run('return copy(), M.f')).toEqual(['last', undefined])
    patch('function M.f() return "again" end')
    expect(host.run('return copy()')).toEqual(['again'])
  })
})
