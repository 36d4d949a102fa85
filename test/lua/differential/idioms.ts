// Larger pieces of random programs: what Lua is written with, in shapes that single random statements
// hardly ever make. Each is a few statements that end by themselves and show what they did.

import { block, line, type Statement } from './program.ts'
import type { Random } from './random.ts'

/** What an idiom may ask of the generator it is part of. */
export interface Surroundings {
  readonly random: Random
  fresh(prefix: string): string
  expression(kind: 'int' | 'num' | 'str'): string
  /** An expression whose value is not nil: an item of a table without holes. */
  some(kind: 'int' | 'num'): string
}

type Idiom = (g: Surroundings) => Statement[]

const raw = (text: string): Statement[] =>
  text
    .trim()
    .split('\n')
    .map((each) => line(each.trim()))

/** Two functions in tail calls to and fro. */
const stateMachine: Idiom = (g) => {
  const s = g.fresh('s')
  return [
    ...raw(`local ${s} = {}`),
    block(
      [`function ${s}.a(n, acc)`, 'end'],
      raw(`
      if n <= 0 then return acc, "end" end
      return ${s}.b(n - 1, acc + (${g.expression('int')}) % 7)`),
    ),
    block(
      [`function ${s}:c(n, acc)`, 'end'],
      raw(`return self.a(n - ${g.random.between(1, 3)}, Y(acc))`),
    ),
    block(
      [`function ${s}.b(n, ...)`, 'end'],
      raw(g.random.chance(0.5) ? `return ${s}:c(n, ...)` : `return (${s}:c(n, ...))`),
    ),
    line(`show(pcall(${s}.a, ${g.random.between(1, 12)}, ${g.expression('int')}))`),
  ]
}

/** A class, a class that inherits from it, and calls of both. */
const inheritance: Idiom = (g) => {
  const [base, sub, o] = [g.fresh('B'), g.fresh('D'), g.fresh('o')]
  return [
    ...raw(`
      local ${base} = { kind = "base" }
      ${base}.__index = ${base}
      ${base}.__tostring = function(self) return "<" .. self.kind .. ">" end
      ${base}.__call = function(self, ...) return self.kind, ... end
      function ${base}.new(class, v) return setmetatable({ v = v }, class) end
      function ${base}:get(by) return self.v, by end
      function ${base}:twice(...) return self:get(...), self:get(Y(1)) end
      local ${sub} = setmetatable({ kind = "sub" }, ${base})
      ${sub}.__index = ${sub}
      function ${sub}:get(by) return ${base}.get(self, by), "sub" end
      local ${o} = ${g.random.pick([base, sub])}:new(${g.expression('num')})
      show(${o}:get(${g.expression('int')}))
      show(${o}:twice(${g.expression('str')}))
      show(pcall(tostring, ${o}), pcall(${o}, 1), ${o}.missing)
      ${o}.v = ${g.expression('int')}
      show(${o}.v, rawget(${o}, "kind"), ${o}.kind, pcall(${o}.twice))`),
  ]
}

/** A generator of values in a coroutine that runs others. */
const nestedCoroutines: Idiom = (g) => {
  const f = g.fresh('gen')
  return [
    block(
      [`local function ${f}(n)`, 'end'],
      [
        block(
          ['return coroutine.wrap(function(...)', 'end)'],
          raw(`
        if n > 0 then for v in ${f}(n - 1) do coroutine.yield(v + n) end end
        local got = coroutine.yield(n)
        show("got", got, select("#", ...))
        ${g.random.pick(['error("in " .. n)', 'error({ code = n })', 'return nil', 'return'])}`),
        ),
      ],
    ),
    block(
      [`show(pcall(function()`, 'end))'],
      [block([`for v in ${f}(${g.random.between(0, 3)}) do`, 'end'], raw('show(v, Y(v))'))],
    ),
  ]
}

/** Variables to be closed in a loop that is left in many ways. */
const closingLoop: Idiom = (g) => {
  const leave = g.random.pick([
    'if i == 2 then break end',
    'if i == 2 then goto out end',
    'if i == 2 then return "left", i end',
    'if i == 2 then error("left " .. i, 0) end',
    'if i == 1 then goto continue end',
    'show(pcall(error, i))',
  ])
  return [
    block(
      [`show(pcall(function()`, 'end))'],
      [
        block(
          ['for i = 1, 3 do', 'end'],
          [
            line(`local a <close> = Closer("a" .. i${g.random.chance(0.2) ? ', true' : ''})`),
            block(
              ['do', 'end'],
              [line('local b <close> = Closer("b" .. i)'), line(leave), line('Y(i)')],
            ),
            line('show("turn", i)'),
            line('::continue::'),
          ],
        ),
        line('do return "through" end'),
        line('::out::'),
        line('show("out")'),
      ],
    ),
  ]
}

/** Keys that are equal as numbers or nearly so. */
const numericKeys: Idiom = (g) => {
  const t = g.fresh('t')
  const key = () =>
    g.random.pick([
      '1',
      '1.0',
      '"1"',
      '2^53',
      '2^53 + 1',
      '-0.0',
      '0',
      '1e15',
      '3 // 1.0',
      '7 // 2',
      '1 << 53',
      'math.maxinteger',
      'math.maxinteger + 0.0',
      '-1',
      '0.5',
      '"x"',
      '2^63',
      '1e300',
    ])
  const list = raw(`local ${t} = { ${g.expression('int')}, [${key()}] = "k" }`)
  for (let i = 0; i < 6; i++) {
    list.push(line(`${t}[${key()}] = ${g.random.chance(0.2) ? 'nil' : i}`))
    list.push(line(`show(${t}[${key()}], ${t}[${key()}], rawget(${t}, ${key()}))`))
  }
  // The order of pairs is open: only what does not depend on it is shown.
  const count = raw(`
    local n = 0
    for k in pairs(${t}) do n = n + 1 end
    show(n)`)
  return [...list, block(['do', 'end'], count)]
}

/** Strings that are read as numbers, and numbers that are read as strings. */
const coercions: Idiom = (g) => {
  const text = () =>
    g.random.pick([
      '"10"',
      '" 7 "',
      '"0x1F"',
      '"1e2"',
      '"3."',
      '".5"',
      '"0x.8p1"',
      '"x"',
      '""',
      '"1 2"',
      '"9223372036854775807"',
      '"9223372036854775808"',
      '"-0"',
      '"1e"',
      '"0x"',
      '"inf"',
      '"nan"',
    ])
  const op = () =>
    g.random.pick(['+', '-', '*', '/', '//', '%', '^', '..', '<', '==', '&', '|', '<<'])
  const list: Statement[] = []
  for (let i = 0; i < 4; i++) {
    const other = g.random.chance(0.5) ? text() : `(${g.expression('num')})`
    const [a, b] = g.random.chance(0.5) ? [text(), other] : [other, text()]
    list.push(line(`show(pcall(function() return ${a} ${op()} ${b} end))`))
    list.push(
      line(
        `show(tonumber(${text()}), tonumber(${text()}, ${g.random.between(2, 36)}), math.tointeger(${text()}))`,
      ),
    )
    list.push(line(`show(pcall(function() return -${text()}, ~${text()}, #${text()} end))`))
  }
  return list
}

const packing: Idiom = (g) => {
  const format = Array.from({ length: g.random.between(1, 4) }, () =>
    g.random.pick([
      'b',
      'B',
      '<h',
      '>H',
      'i3',
      '<I7',
      '>j',
      'i16',
      'd',
      '<f',
      'n',
      's1',
      'z',
      's2',
      'x',
      '!4',
      '!',
      'Xi4',
      '=l',
      'I',
    ]),
  ).join('')
  const p = g.fresh('p')
  // The sign of a NaN is in its bytes, and in its text.
  const number = (kind: 'int' | 'num') => `Sure(${g.expression(kind)})`
  return raw(`
    local ${p} = table.pack(pcall(string.pack, "${format}", ${number('int')}, ${number('num')}, ${g.expression('str')}, 3))
    show(${p}[1], ${p}[1] and #${p}[2], pcall(string.packsize, "${format}"))
    if ${p}[1] then show(pcall(string.unpack, "${format}", ${p}[2])) show((${p}[2]:byte(1, 6))) end
    show(pcall(string.unpack, "${format}", ${g.expression('str')}, ${g.random.between(-3, 4)}))`)
}

const stringMethods: Idiom = (g) => {
  const s = g.fresh('s')
  const i = () => g.random.between(-4, 8)
  const pattern = () =>
    g.random.pick([
      '"%w+"',
      '"l+"',
      '"(.)%1"',
      '"%f[%w]%w+"',
      '"[^%s]+"',
      '"%b()"',
      '"(()%a)"',
      '"^.-o"',
      '"o$"',
      '"%%"',
      '"."',
      '".-"',
      '"[a-c]*"',
      '"%d?%a"',
    ])
  return raw(`
    local ${s} = ${g.expression('str')} .. " hello (world) 50% aa"
    show(${s}:find(${pattern()}, ${i()}))
    show(${s}:match(${pattern()}, ${i()}))
    show(${s}:gsub(${pattern()}, "<%0>", ${i()}))
    show(${s}:gsub(${pattern()}, function(a, b) return b and a or nil end))
    show(${s}:byte(${i()}, ${i()}))
    show(${s}:find("l", ${i()}, true), ${s}:sub(${i()}), #${s}:rep(2, "-"))
    show(("%5s|%-6.2s|%05d|%+.3f|%x|%g|%q|%i"):format(${s}, ${s}, ${i()}, ${i()} / 4, 255, 0.1, "a\\n\\0b", 3.0))
    for a, b in ${s}:gmatch(${pattern()}) do show(a, b) end
    show(utf8.len(${s}), utf8.char(72, 228, 8364, 128512), utf8.codepoint(${s}, 1, 2))`)
}

const tableFunctions: Idiom = (g) => {
  const t = g.fresh('t')
  const i = () => g.random.between(-1, 6)
  return raw(`
    local ${t} = { ${[1, 2, 3, 4, 5].map(() => g.some('num')).join(', ')} }
    show(pcall(table.concat, ${t}, ",", ${i()}, ${i()}))
    show(pcall(table.move, ${t}, ${i()}, ${i()}, ${i()}, {}))
    show(table.unpack(table.move(${t}, 1, 5, ${g.random.between(1, 3)}, { "a", "b", "c", "d", "e", "f", "g", "h" })))
    show(pcall(table.sort, ${t}), pcall(table.sort, ${t}, function(a, b) return Y(a) > b end))
    show(table.unpack(${t}, ${i()}, ${i()}))
    show(select(${g.random.pick(['1', '2', '-1', '-2', '7', '"#"'])}, table.unpack(${t})))
    show(pcall(table.insert, ${t}, ${i()}, "in"), pcall(table.remove, ${t}, ${i()}))
    show(pcall(setmetatable({}, { __index = ${t}, __len = function() return 3 end })), table.pack().n)`)
}

const numericLoops: Idiom = (g) => {
  const bound = () =>
    g.random.pick([
      'math.maxinteger',
      'math.mininteger',
      'math.maxinteger - 2',
      '2^53',
      '-3',
      '3.5',
      '1e308',
      '0',
      '-0.0',
      '"2"',
      '5',
    ])
  const step = g.random.pick([
    '1',
    '-1',
    '2^62',
    'math.maxinteger',
    'math.mininteger',
    '0.5',
    '-1.5',
    '0',
    '3',
  ])
  return [
    block(
      ['show(pcall(function()', 'end))'],
      [
        line('local turns = 0'),
        block(
          [`for i = ${bound()}, ${bound()}, ${step} do`, 'end'],
          raw(`
        show(i, math.type(i))
        turns = turns + 1
        if turns > 3 then break end`),
        ),
        line('return turns'),
      ],
    ),
  ]
}

/** Places of an assignment are found before anything is stored; its values too. */
const manyTargets: Idiom = (g) => {
  const [t, i] = [g.fresh('t'), g.fresh('i')]
  return raw(`
    local ${t}, ${i} = { 1, 2, 3, x = {} }, 1
    ${i}, ${t}[${i}], ${t}.x[${i}] = ${i} + 1, Y(20), ${g.expression('int')}
    ${t}[1], ${t}[2], ${t}[3] = ${t}[3], ${t}[1], Two(${t}[2])
    show(${i}, ${t}[1], ${t}[2], ${t}[3], ${t}.x[1], ${t}.x[2])`)
}

const chunks: Idiom = (g) => {
  const text = g.random.pick([
    'return ... , select("#", ...)',
    'local a <const>, b = 1, ... ; return a + b',
    'x = (x or 0) + 1 return x',
    'return function(...) return ... end',
    'for i = 1, 2 do goto c ::c:: end return',
    'return 1 +',
    'local a <close> = 1',
    'goto nowhere',
    'error("in chunk")',
  ])
  return raw(`
    do local f, message = load('${text}', "=chunk", "t", { error = error, select = select, x = ${g.expression('int')} })
    show(type(f), message) if f then show(pcall(f, ${g.expression('num')}, nil)) show(pcall(f, 1)) end end`)
}

/** Calls and operators that refuse most values; `?` stands for one. */
const refusals = `
  table.unpack(?) ; table.unpack(?, 1, ?) ; table.concat(?, ?) ; table.concat({ ?, ? })
  table.sort({ 1, ?, ? }) ; table.sort({ 2, 1 }, ?) ; table.remove(?) ; table.insert(?, 1)
  table.insert({}, ?, 1) ; table.move(?, 1, 2, 3, ?) ; next(?) ; type(ipairs(?)) ; type(pairs(?))
  tonumber(?, 10) ; rawlen(?) ; rawget(?, 1) ; assert(?) ; rawset(?, nil, 1)
  setmetatable(?, ?) ; select(?, 1) ; assert(false, ?) ; next({}, ?) ; string.rep(?, 2)
  ("x"):rep(?) ; ("x"):gsub("x", ?) ; ("x"):gsub(?, "y") ; error(?)
  ("x"):gsub("x", function() return ? end) ; ("%d"):format(?) ; ("%s"):format(?)
  tostring(?) ; "10" + ? ; ? + "10" ; ? // 0 ; ? % 0 ; -? ; #? ; ~? ; ?.x ; ?.x.y ; ?()
  (?)(?) ; ? .. "x" ; "a" < ? ; ? < ? ; ? <= ? ; ? == ? ; 1 & ? ; (?):foo()
  coroutine.wrap(?) ; coroutine.resume(?) ; coroutine.status(?) ; pcall(?) ; error(?, 2)
  xpcall(?, print) ; xpcall(print, ?) ; math.floor(?) ; math.max(1, ?) ; math.abs(?)
  math.fmod(1, ?) ; math.fmod(?, 0) ; math.tointeger(?) ; utf8.char(?) ; utf8.len(?)
  string.char(?) ; string.byte("x", ?) ; string.pack("i1", ?) ; string.find("a", ?)
  coroutine.wrap(function() error(?) end)() ; math.ult(?, 1) ; coroutine.close(?)
  (function() local x <close> = ? return 1 end)() ; (function() ({})[?] = 1 end)()
`
  .trim()
  .split(/ ; |\n */)

/** What library functions say about wrong arguments, and where: called last, or with more to do. */
const libraryErrors: Idiom = (g) => {
  const value = () =>
    g.random.pick([
      ...['nil', '5', '0.5', 'true', '"s"', '"10"', '{}', '{ 1, "x" }', '{ {}, {} }', '(print)'],
      ...['Obj(1)', 'coroutine.create(print)', 'setmetatable({}, { __index = 5, __len = 9 })'],
      ...['setmetatable({}, { __add = 5, __call = 1, __lt = 2, __concat = 3, __tostring = 4 })'],
    ])
  const call = () => g.random.pick(refusals).replaceAll('?', () => `(${value()})`)
  const list: Statement[] = []
  for (let i = 0; i < 4; i++) {
    const wrap = g.random.pick([
      (text: string) => `return ${text}`,
      (text: string) => `local r = ${text} return r`,
      (text: string) => `return (${text})`,
      (text: string) => `for a, b in ${text} do return a end`,
      (text: string) => `return pcall(function() return ${text} end)`,
    ])
    list.push(line(`show(pcall(function() ${wrap(call())} end))`))
  }
  return list
}

const idioms: readonly Idiom[] = [
  stateMachine,
  inheritance,
  nestedCoroutines,
  closingLoop,
  numericKeys,
  coercions,
  packing,
  stringMethods,
  tableFunctions,
  numericLoops,
  manyTargets,
  chunks,
  libraryErrors,
]

/** Some idiom, with random parts. */
export function idiom(g: Surroundings): Statement[] {
  return g.random.pick(idioms)(g)
}
