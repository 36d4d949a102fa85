// What a parked activation keeps: hand-made intermediate forms, and what the twin of a real function
// stores.

import { expect, it } from 'vitest'
import type { FunctionIr, Ir, Target } from '../../../core/lua/v8/emit/ir.ts'
import { livePoints } from '../../../core/lua/v8/emit/liveness.ts'
import { createV8Engine } from '../../../core/lua/v8/engine.ts'

const js = (text: string): Ir => ({ op: 'js', text })
const site = (pc: number, test: string, resume = ''): Ir => ({
  op: 'site',
  pc,
  test,
  resume,
  line: 1,
})
const target = (name: string): Target => ({ name, used: true })
const jump = (to: Target, how: 'break' | 'continue'): Ir => ({ op: 'jump', target: to, how })

/** The names that are live at each point, from the first on. */
function live(saved: string[], body: Ir[], fallOff = '$ret0()'): string[] {
  const countSites = (list: readonly Ir[]): number =>
    list.reduce((sum, node) => {
      if (node.op === 'site') return sum + 1
      if (node.op === 'if') return sum + countSites(node.yes) + countSites(node.no)
      return 'body' in node ? sum + countSites(node.body) : sum
    }, 0)
  const ir: FunctionIr = {
    name: 'f',
    parameters: [],
    rest: false,
    body,
    variables: [],
    saved,
    fixed: new Set(),
    sites: countSites(body),
    siteLines: [],
    flatOnly: false,
    line: 1,
    endLine: 1,
    redirect: '',
    entry: '',
    fallOff,
  }
  return livePoints(ir)
    .slice(1)
    .map((set) => saved.filter((_, i) => (set & (1n << BigInt(i))) !== 0n).join(' '))
}

it('what is read later is live; what is set first, and what the late answer sets, is not', () => {
  const body = [
    js('a = 1'),
    js('b = 2'),
    site(1, '($1 = f(a)) === null', '$1 = $v'),
    js('a = $1'),
    site(2, 'g(a, b) === null'),
  ]
  expect(live(['a', 'b', '$1'], body, 'a')).toEqual(['b', 'a'])
})

it('a loop keeps what its next turn reads, however the turn is reached', () => {
  const end = target('loop1')
  const body: Ir[] = [
    {
      op: 'loop',
      target: end,
      body: [
        { op: 'if', condition: 'done', yes: [jump(end, 'break')], no: [] },
        site(1, 'wait(x) === null'),
        { op: 'if', condition: 'skip', yes: [jump(end, 'continue')], no: [] },
        site(2, 'wait(y) === null'),
        js('y = 1'),
      ],
    },
  ]
  // At 2 `y` is about to be set; at 1 this turn reads it, or the next one after the jump.
  expect(live(['x', 'y', 'done', 'skip'], body, 'z')).toEqual(['x y done skip', 'x done skip'])
})

it('a counting loop keeps its counter', () => {
  const body: Ir[] = [
    {
      op: 'for',
      target: target('for1'),
      condition: '$i <= $limit',
      step: '$i += 1',
      body: [js('i = $i'), site(1, 'wait(i) === null')],
    },
  ]
  expect(live(['$i', '$limit', 'i'], body)).toEqual(['$i $limit'])
})

it('a goto back keeps what the text behind the label reads', () => {
  const again = target('again')
  const body: Ir[] = [
    js('n = 0'),
    { op: 'label', target: again },
    js('n = n + 1'),
    site(1, 'wait() === null'),
    { op: 'if', condition: 'more', yes: [jump(again, 'continue')], no: [] },
  ]
  expect(live(['n', 'more', 'dead'], body)).toEqual(['n more'])
})

it('a variable that only one way sets stays live', () => {
  const body: Ir[] = [
    site(1, 'wait() === null'),
    { op: 'if', condition: 'c', yes: [js('x = 1')], no: [] },
    site(2, 'g(x) === null'),
  ]
  expect(live(['c', 'x'], body)).toEqual(['c x', ''])
})

it('an assignment that reads the variable itself, or stands inside another text, is a use', () => {
  expect(live(['x'], [site(1, 'w() === null'), js('x = x + 1')])).toEqual(['x'])
  expect(live(['x'], [site(1, 'w() === null'), js('if (c) x = 1')], 'x')).toEqual(['x'])
})

it('a parked coroutine goes on with all it needs, and drops what it has answered', () => {
  const scripts: string[] = []
  const engine = createV8Engine({
    print: () => {},
    stringBytesMax: 1 << 20,
    wallMs: () => 0,
    seed: [1n, 2n],
    dump: (_, script) => scripts.push(script),
  })
  const source = `
    local co = coroutine.wrap(function(session)
      local reply, count = nil, 0
      while true do
        local message = coroutine.yield(reply)
        count = count + 1
        reply = session .. message .. count
      end
    end)
    co("s")
    return co("a") .. co("b") .. co("c")`
  expect(engine.call(engine.load(Buffer.from(source), 't'))).toEqual(['sa1sb2sc3'])
  const twin = scripts.find((script) => script.includes('$repark()')) ?? ''
  // Only the counter outlives the yield; `reply` is its argument, `message` its answer.
  expect(twin).toMatch(/\$f\.v\d+ = count; break;/)
})
