// Attempts to leave the sandbox, to change what others rely on, or to take more than is allowed.
//
// Each is a Lua chunk that returns true when the sandbox held. They run on every engine, but for those
// that need Lua 5.4.

export interface Attempt {
  readonly what: string
  readonly source: string
  /** Lua 5.4 syntax, or takes many seconds in fengari's slow VM: not for fengari. */
  readonly v8Only?: boolean
}

const attempt = (what: string, source: string): Attempt => ({ what, source })
const attemptV8 = (what: string, source: string): Attempt => ({ what, source, v8Only: true })

/** Every name that a library table may have, on any engine. */
export const allowedNames: Readonly<Record<string, string>> = {
  coroutine: 'close create isyieldable resume running status wrap yield',
  math: `abs acos asin atan ceil cos deg exp floor fmod huge log max maxinteger min mininteger modf pi
    rad random randomseed sin sqrt tan tointeger type ult`,
  os: 'clock date difftime time',
  string: `byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack
    upper`,
  table: 'concat insert move pack remove sort unpack',
  utf8: 'char charpattern codepoint codes len offset',
}

/** What a refused call looks like from Lua. */
const refused = (call: string) => `return not pcall(function() ${call} end)`

/** JavaScript's own names, which must be nothing to Lua. */
const foreign = `{ "constructor", "__proto__", "prototype", "toString", "valueOf", "hasOwnProperty",
  "__defineGetter__", "__lookupGetter__", "length", "rec", "arr", "map", "meta", "arguments",
  "caller", "globalThis", "process", "require", "eval", "Function", "module", "$vm", "$c", "$T" }`

export const reachOutside: readonly Attempt[] = [
  attempt('io is not there', 'return io == nil'),
  attempt('package and require are not there', 'return package == nil and require == nil'),
  attempt('debug is not there', 'return debug == nil'),
  attempt('dofile and loadfile are not there', 'return dofile == nil and loadfile == nil'),
  attempt(
    'os has nothing that acts',
    `for _, name in ipairs { "execute", "exit", "getenv", "remove", "rename", "tmpname", "setlocale" } do
       if os[name] ~= nil then return name end
     end return true`,
  ),
  attempt(
    'JavaScript names are no globals',
    `for _, n in ipairs(${foreign}) do if _G[n] ~= nil then return n end end return true`,
  ),
  attempt(
    'JavaScript names are no fields',
    `for _, n in ipairs(${foreign}) do if ({})[n] ~= nil then return n end end return true`,
  ),
  attempt(
    'nor of library tables',
    `for _, n in ipairs(${foreign}) do if string[n] ~= nil or math[n] ~= nil then return n end end return true`,
  ),
  attempt(
    'nor of strings',
    `for _, n in ipairs(${foreign}) do if (("x")[n]) ~= nil then return n end end return true`,
  ),
  attempt('a function has no fields', 'return not pcall(function() return print.constructor end)'),
  attempt(
    'a number has no fields',
    'local n = 1 return not pcall(function() return n.constructor end)',
  ),
  attempt(
    'a coroutine has no fields',
    'local co = coroutine.create(print) return not pcall(function() return co.status end)',
  ),
  attempt('a function takes no fields', 'return not pcall(function() print.x = 1 end)'),
  attempt(
    '__proto__ is a key like others',
    'local t = {} t.__proto__ = { x = 1 } return t.x == nil and t.__proto__.x == 1',
  ),
  attempt(
    '__proto__ in a constructor',
    'local t = { __proto__ = { x = 1 } } return t.x == nil and next(t) == "__proto__"',
  ),
  attempt(
    '__proto__ as a computed key',
    'local k = "__proto__" local t = { [k] = { x = 1 } } t[k .. ""] = { y = 2 } return t.y == nil and t.x == nil',
  ),
  attempt(
    'constructor is a key like others',
    'local t = { constructor = 5 } t.constructor = t.constructor + 1 return t.constructor == 6 and ({}).constructor == nil',
  ),
  attempt(
    'a field named as a method of objects',
    'local t = { toString = 1, valueOf = 2 } return not pcall(function() return t .. "" end)',
  ),
  attempt(
    'locals named as JavaScript keywords',
    'local eval, arguments, this, await, let, static, new = 1, 2, 3, 4, 5, 6, 7 return eval + arguments + this + await + let + static + new == 28',
  ),
  attempt(
    'parameters named as JavaScript keywords',
    'local function f(arguments, eval, class, ...) return arguments + eval + class + select("#", ...) end return f(1, 2, 3, 4) == 7',
  ),
  attempt(
    'locals and functions named as JavaScript globals',
    `local Math, Number, Object, BigInt, Array, JSON = {}, {}, {}, {}, {}, {}
     local function String() end local function undefined() end local NaN, Infinity = 1, 2
     local x, t = 7.25, { undefined, NaN }
     for i = 1, 2 do x = x / 2 end
     return x * 8 == 14.5 and 7.5 // 2 == 3 and -7 % 2.5 == 0.5 and #t == 2 and 1 / 0 > NaN`,
  ),
  attempt(
    'functions named as JavaScript keywords',
    'local function delete() return 1 end function typeof() return 2 end return delete() + typeof() == 3',
  ),
  attempt(
    'labels named as JavaScript keywords',
    'goto switch ::switch:: do goto case end ::case:: return true',
  ),
  attempt(
    'a string that would end its literal',
    'local s = "\\"];globalThis.x=1;//" return #s == 20 and x == nil',
  ),
  attempt(
    'a string of template and comment marks',
    'local s = "*/$\\123x}`</script>\\226\\128\\168" return #s == 19',
  ),
  attempt(
    'a key that would end its access',
    'local t = {} t["\\"];x=1;//"] = 5 for k, v in pairs(t) do return v == 5 and x == nil end',
  ),
  attempt(
    'a comment that would end ours',
    '--[==[ */ } process.exit(1) ]] ]==] return true --*/ })',
  ),
  attempt(
    'a chunk name that would end its text',
    'local f = load("return 1", "=*/ \\"\\n\\\\ `$\\1231}` //") return f() == 1',
  ),
  attempt(
    'a source map comment in a string',
    'return load("return [[\\n//# sourceMappingURL=data:x\\n]]", "=m")() == "//# sourceMappingURL=data:x\\n"',
  ),
  attempt(
    'a name of ten thousand letters',
    'local n = ("a"):rep(10000) return load("local " .. n .. " = 1 return " .. n)() == 1',
  ),
  attempt(
    'a name with a dollar is no name',
    'return load("local $vm = 1") == nil and load("return $vm") == nil',
  ),
  attempt('an escape in a name is no name', 'return load("return \\\\u0061") == nil'),
]

export const loading: readonly Attempt[] = [
  attempt('bytecode does not load', 'return load("\\27Lua") == nil'),
  attempt('nor in mode b', 'return load("\\27Lua", "x", "b") == nil'),
  attempt(
    'nor from a reader',
    'local parts = { "\\27", "Lua" } local i = 0 return load(function() i = i + 1 return parts[i] end) == nil',
  ),
  attempt('text does not load in mode b', 'return load("return 1", "x", "b") == nil'),
  attempt('functions cannot be dumped', 'return string.dump == nil'),
  attempt(
    'a chunk sees only its environment',
    'local e = {} local f = load("y = 1 return string, _G, y", "c", "t", e) local a, b, c = f() return a == nil and b == nil and c == 1 and y == nil',
  ),
  attempt(
    'a reader that yields',
    'local co = coroutine.wrap(function() return load(function() coroutine.yield(1) end) end) local ok, v = pcall(co) return not ok or v == nil',
  ),
  attempt(
    'a reader that gives a table',
    'local ok, f = pcall(load, function() return {} end) return not ok or f == nil',
  ),
  attempt(
    'a reader that fails',
    'local ok, f = pcall(load, function() error("no") end) return not ok or f == nil',
  ),
  attempt(
    'thousands of parentheses',
    'local f, m = load("return " .. ("("):rep(5000) .. "1" .. (")"):rep(5000)) return f == nil and m ~= nil',
  ),
  attempt(
    'thousands of nested tables',
    'local f, m = load("return " .. ("{"):rep(5000) .. ("}"):rep(5000)) return f == nil and m ~= nil',
  ),
  attempt(
    'thousands of nested functions',
    'local f, m = load(("function f() "):rep(5000) .. ("end "):rep(5000)) return f == nil and m ~= nil',
  ),
  attempt(
    'thousands of nested blocks',
    'local f, m = load(("do "):rep(5000) .. ("end "):rep(5000)) return f == nil and m ~= nil',
  ),
  attempt(
    'thousands of unary operators',
    'local f, m = load("return " .. ("not "):rep(5000) .. "1") return f == nil and m ~= nil',
  ),
  attempt(
    'thousands of powers',
    'local f, m = load("return 1" .. ("^1"):rep(5000)) return f == nil and m ~= nil',
  ),
  attempt(
    'a chain of a thousand fields',
    'local ok, f = pcall(load, "local t = {} t.x = t return t" .. (".x"):rep(1000)) return not ok or f == nil or type(f()) == "table"',
  ),
  attempt(
    '201 locals',
    'local t = {} for i = 1, 201 do t[i] = "local a" .. i end return load(table.concat(t, " ")) == nil',
  ),
  attempt(
    '256 upvalues',
    'local t = {} for i = 1, 150 do t[#t + 1] = "local a" .. i end t[#t + 1] = "local function f()" for i = 1, 150 do t[#t + 1] = "local b" .. i end t[#t + 1] = "return function() return 0" for i = 1, 150 do t[#t + 1] = "+a" .. i .. "+b" .. i end t[#t + 1] = " end end" return load(table.concat(t, " ")) == nil',
  ),
]

export const protectedTables: readonly Attempt[] = [
  attempt(
    'types without a metatable have none',
    'return getmetatable(1) == nil and getmetatable(true) == nil and getmetatable(nil) == nil and getmetatable(print) == nil and getmetatable(coroutine.create(print)) == nil',
  ),
  attempt('no metatable can be set on a string', refused('setmetatable("x", {})')),
  attempt('nor on a function', refused('setmetatable(print, {})')),
  attempt('nor on nil', refused('setmetatable(nil, {})')),
  attempt('nor on a coroutine', refused('setmetatable(coroutine.create(print), {})')),
  attempt('the string metatable is read-only', refused('getmetatable("").__index = {}')),
  attempt('also for a new field', refused('getmetatable("").__add = print')),
  attempt('also for rawset', refused('rawset(getmetatable(""), "__index", {})')),
  attempt(
    'and has no metatable to replace',
    refused('setmetatable(getmetatable(""), { __index = {} })'),
  ),
  attempt('string is read-only', refused('string.format = print')),
  attempt('also through an alias', refused('local s = ("x"); getmetatable(s).__index.rep = print')),
  attempt('table.insert does not change a library', refused('table.insert(table, 1)')),
  attempt('table.move does not', refused('table.move({ 1 }, 1, 1, 1, string)')),
  attempt('table.remove takes nothing away', 'pcall(table.remove, math) return math.pi > 3'),
  attempt('table.sort does not', 'pcall(table.sort, math) return math.pi > 3'),
  attempt('next cannot be used to write', refused('for k in pairs(math) do math[k] = nil end')),
  attempt(
    'a nil write to a missing field changes nothing',
    'pcall(function() math.none = nil end) return math.none == nil',
  ),
  attempt(
    'a protected metatable stays',
    'local t = setmetatable({}, { __metatable = "mine" }) return getmetatable(t) == "mine" and not pcall(setmetatable, t, nil)',
  ),
  attempt(
    'collectgarbage cannot be told to stop',
    'pcall(collectgarbage, "stop") return collectgarbage("count") > 0',
  ),
]

export const hostile: readonly Attempt[] = [
  attempt(
    '__tostring that answers no string',
    'return not pcall(tostring, setmetatable({}, { __tostring = function() return {} end }))',
  ),
  attempt(
    '__tostring that fails',
    'local ok, e = pcall(tostring, setmetatable({}, { __tostring = function() error("x", 0) end })) return not ok and e == "x"',
  ),
  attempt(
    '__tostring that yields',
    'local co = coroutine.wrap(function() return tostring(setmetatable({}, { __tostring = coroutine.yield })) end) return not pcall(co)',
  ),
  attempt(
    '__name that is no string',
    'return type(tostring(setmetatable({}, { __name = {} }))) == "string"',
  ),
  attempt(
    '__index in a loop',
    'local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) return not pcall(function() return a.x end)',
  ),
  attempt(
    '__newindex in a loop',
    'local a, b = {}, {} setmetatable(a, { __newindex = b }) setmetatable(b, { __newindex = a }) return not pcall(function() a.x = 1 end)',
  ),
  attempt('__call in a loop', 'local a = {} setmetatable(a, { __call = a }) return not pcall(a)'),
  attempt(
    '__index that is a number',
    'return not pcall(function() return setmetatable({}, { __index = 1 }).x end)',
  ),
  attempt(
    '__gc is never run',
    'local ran = false do local t = setmetatable({}, { __gc = function() ran = true end }) end collectgarbage() collectgarbage() return not ran',
  ),
  attempt(
    '__metatable on an error value',
    'local ok, e = pcall(error, setmetatable({}, { __metatable = false })) return getmetatable(e) == false',
  ),
  attempt(
    '__eq that fails',
    'local m = { __eq = function() error("x") end } return not pcall(function() return setmetatable({}, m) == setmetatable({}, m) end)',
  ),
  attempt(
    '__len that lies to unpack',
    'return not pcall(table.unpack, setmetatable({}, { __len = function() return 1e8 end }))',
  ),
  attempt(
    '__len that lies to concat',
    'return not pcall(table.concat, setmetatable({}, { __len = function() return 1e15 end }))',
  ),
  attempt(
    '__len that is no integer',
    'return not pcall(table.insert, setmetatable({}, { __len = function() return "x" end }), 1)',
  ),
  attempt(
    '__pairs that gives nonsense',
    'return not pcall(function() for _ in pairs(setmetatable({}, { __pairs = function() return 1, 2, 3 end })) do end end)',
  ),
  attempt(
    'an inconsistent order in sort',
    'local t = {} for i = 1, 100 do t[i] = i % 7 end pcall(table.sort, t, function() return true end) return #t == 100',
  ),
  attempt(
    'a comparator that empties the table',
    'local t = { 5, 4, 3, 2, 1 } pcall(table.sort, t, function(a, b) for i = 1, 5 do t[i] = nil end return (a or 0) < (b or 0) end) return true',
  ),
  attempt(
    'a table that grows under next',
    'local t = { 1 } return (pcall(function() local n = 0 for k in pairs(t) do n = n + 1 t["k" .. n] = 1 if n > 1000 then break end end end)) ~= nil',
  ),
  attempt('next with a key that is not there', 'return not pcall(next, {}, "x")'),
  attemptV8(
    '__close that is no function',
    'return not pcall(function() local x <close> = setmetatable({}, { __close = 1 }) end)',
  ),
  attemptV8(
    '__close that fails replaces the error',
    'local ok, e = pcall(function() local x <close> = setmetatable({}, { __close = function() error("late", 0) end }) error("first", 0) end) return not ok and e == "late"',
  ),
  attemptV8(
    '__close on a coroutine that is closed',
    'local closed = false local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() closed = true end }) coroutine.yield() end) coroutine.resume(co) return coroutine.close(co) and closed',
  ),
]

export const sizes: readonly Attempt[] = [
  attempt('string.rep of 2^53', refused('return ("x"):rep(2^53)')),
  attempt('string.rep of math.maxinteger', refused('return ("ab"):rep(math.maxinteger)')),
  attempt('string.rep with a long separator', refused('return (""):rep(1e8, ("y"):rep(1000))')),
  attempt('string.rep of nothing, often', 'return (""):rep(2^31 - 1) == ""'),
  attempt('doubling a string', refused('local s = "x" while true do s = s .. s end')),
  attempt('a format width of three digits', refused('return ("%100d"):format(1)')),
  attempt('a format precision of three digits', refused('return ("%.100f"):format(1)')),
  attempt(
    'many formats',
    refused('return (("%99d"):rep(20000)):format(table.unpack({}, 1, 20000))'),
  ),
  attempt('gsub that multiplies', refused('return (("x"):rep(1000)):gsub("x", ("y"):rep(10000))')),
  attempt(
    'gsub by a function that multiplies',
    refused(
      'local long = ("y"):rep(10000) return (("x"):rep(1000)):gsub("x", function() return long end)',
    ),
  ),
  attempt(
    'table.concat that multiplies',
    refused(
      'local long, t = ("y"):rep(100000), {} for i = 1, 100 do t[i] = long end return table.concat(t)',
    ),
  ),
  attempt(
    'table.concat by separator',
    refused(
      'local t = {} for i = 1, 1000 do t[i] = "" end return table.concat(t, ("y"):rep(10000))',
    ),
  ),
  attempt('unpack of too many', refused('return table.unpack({}, 1, 1e7)')),
  attempt(
    'unpack over the whole range',
    refused('return table.unpack({}, math.mininteger, math.maxinteger)'),
  ),
  attempt(
    'string.byte of too many',
    refused('return select("#", (("x"):rep(1e6)):byte(1, -1)) == 1e6 and error("let through")'),
  ),
  attempt('string.char out of range', refused('return string.char(256)')),
  attempt('utf8.char out of range', refused('return utf8.char(2^31)')),
  attempt('string.pack of a huge integer', refused('return string.pack("i17", 1)')),
  attempt('string.pack of a huge padding', refused('return string.pack("c" .. 2^31, "x")')),
  attempt(
    'string.packsize that overflows',
    refused('return string.packsize(("c2147483647"):rep(10))'),
  ),
  attempt('string.unpack behind the end', refused('return string.unpack("i4", "abc")')),
  attempt('string.unpack at a far place', refused('return string.unpack("i4", "abcdefgh", 2^40)')),
  attempt('table.insert far away', refused('table.insert({}, 1e9, 1)')),
  attempt(
    'an array with a far index takes no room',
    'local t = {} t[2^40] = 1 t[math.maxinteger] = 2 return #t == 0',
  ),
  attempt('select far away', 'return select("#", select(1000, 1, 2, 3)) == 0'),
  attempt('string.rep of a table of results', 'return #{ (("x"):rep(10)):byte(1, -1) } == 10'),
  attempt('a pattern of too many captures', refused('return ("x"):find(("()"):rep(40))')),
  attempt(
    'a pattern that nests too deep',
    'local ok, e = pcall(string.find, ("x"):rep(300000), (".-"):rep(300) .. "b") return not ok',
  ),
  attempt('a malformed pattern', refused('return ("x"):find("[a")')),
  attempt('%b without arguments', refused('return ("x"):find("%b")')),
  attempt('%f without a set', refused('return ("x"):find("%f")')),
  attempt('math.random of an empty range', refused('return math.random(2, 1)')),
  attempt('os.date with a bad conversion', refused('return os.date("%Ez", 0)')),
  attempt('os.date of a far year', 'return (pcall(os.date, "%Y", 2^60)) == false'),
  attempt(
    'os.time of fields out of range',
    refused('return os.time({ year = 2^40, month = 1, day = 1 })'),
  ),
  attemptV8(
    'tonumber of long texts that are nearly numerals',
    `for _, ending in ipairs { "ex", ".ex", "px", " x", "..", "e+" } do
       for _, start in ipairs { "1", "0x1", "0x.1", ".1", " ", "" } do
         for _, fill in ipairs { "1", "f", " ", "0" } do
           if tonumber(start .. (fill):rep(200000) .. ending) then
             return start .. fill .. ending
           end
         end
       end
     end return true`,
  ),
  attempt('tonumber of a long numeral', 'return tonumber(("9"):rep(100000)) == math.huge'),
]

/** Functions that recurse without end, each by another way. */
const overflowing: readonly (readonly [string, string, boolean?])[] = [
  ['a function', 'local function f() return 1 + f() end f()'],
  [
    'two functions',
    'local a, b function a() return 1 + b() end function b() return 1 + a() end a()',
  ],
  [
    'a function through a tail call',
    'local f local function g() return f() end function f() return 1 + g() end f()',
  ],
  ['a vararg function', 'local function f(...) return 1 + f(1, ...) end f()'],
  ['a method', 'local t = {} function t:f() return 1 + self:f() end t:f()'],
  [
    '__index',
    'local t = setmetatable({}, { __index = function(t, k) return t[k .. "x"] .. "" end }) return t.x',
  ],
  [
    '__newindex',
    'local t = setmetatable({}, { __newindex = function(t, k, v) t[k + 1] = v return 1 end }) t[1] = 1',
  ],
  ['__call', 'local t = setmetatable({}, { __call = function(t) return 1 + t() end }) t()'],
  [
    '__add',
    'local t = setmetatable({}, { __add = function(a, b) return 1 + (a + b) end }) return t + 1',
  ],
  [
    '__concat',
    'local t = setmetatable({}, { __concat = function(a, b) return "" .. (a .. b) end }) return t .. "x"',
  ],
  ['__unm', 'local t = setmetatable({}, { __unm = function(a) return 1 + -a end }) return -t'],
  ['__len', 'local t = setmetatable({}, { __len = function(a) return 1 + #a end }) return #t'],
  [
    '__eq',
    'local m = {} m.__eq = function(a, b) return not (a == b) end return setmetatable({}, m) == setmetatable({}, m)',
  ],
  [
    '__lt',
    'local t = setmetatable({}, { __lt = function(a, b) return not (a < b) end }) return t < 1',
  ],
  [
    '__le',
    'local t = setmetatable({}, { __le = function(a, b) return not (a <= b) end }) return t <= 1',
  ],
  [
    '__tostring',
    'local t = setmetatable({}, { __tostring = function(t) return "" .. tostring(t) end }) return tostring(t)',
  ],
  [
    'a sort comparator',
    'local function f(a, b) table.sort({ 3, 2, 1 }, f) return a < b end table.sort({ 3, 2, 1 }, f)',
  ],
  ['a gsub callback', 'local function f(s) return (s:gsub(".", f)) end f("x")'],
  ['a gmatch loop', 'local function f() for w in ("x"):gmatch(".") do f() end return 1 end f()'],
  ['an iterator', 'local function f() for _ in f do end end f()'],
  ['load', 'local function f() return 1 + load("local f = ... return f()")(f) end f()', true],
  ['coroutines in coroutines', 'local function f() return 1 + coroutine.wrap(f)() end f()'],
  [
    'string.format',
    'local t t = setmetatable({}, { __tostring = function() return ("%s"):format(t) .. "" end }) return ("%s"):format(t)',
  ],
  [
    'table.concat of hostile tables',
    'local t t = setmetatable({}, { __index = function(_, i) return table.concat(t, "", 1, 1) .. "" end }) return table.concat(t, "", 1, 1)',
  ],
  ['assert', 'local function f() return 1 + assert(f()) end f()'],
  [
    '__close',
    'local function f() local x <close> = setmetatable({}, { __close = f }) return 1 end f()',
    true,
  ],
]

export const overflows: readonly Attempt[] = overflowing.map(([what, source, v8Only]) => ({
  what: `recursion by ${what}`,
  source: `local ok, e = pcall(function() ${source} end)
    return not ok and (tostring(e):find("overflow") ~= nil or tostring(e):find("error in error") ~= nil or tostring(e))`,
  ...(v8Only === true ? { v8Only } : {}),
}))

/** Chunks that only a kill ends; nothing that Lua can write may catch it. */
export const unkillable: readonly Attempt[] = [
  attempt(
    'pcall around pcall',
    'pcall(pcall, pcall, function() while true do end end) while true do end',
  ),
  attempt('pcall that is called for ever', 'while true do pcall(error) end'),
  attempt(
    'xpcall with a handler that loops',
    'xpcall(function() while true do end end, function() while true do end end)',
  ),
  attempt(
    'xpcall whose handler calls xpcall',
    'local function h() xpcall(error, h) end xpcall(function() while true do end end, h) while true do end',
  ),
  attempt(
    'coroutine.wrap under pcall',
    'while true do pcall(coroutine.wrap(function() while true do end end)) end',
  ),
  attempt(
    'a coroutine that resumes another',
    'local co = coroutine.create(function() while true do coroutine.yield() end end) while true do coroutine.resume(co) end',
  ),
  attempt(
    'coroutine.resume that looks at the status',
    'local co = coroutine.create(function() while true do end end) coroutine.resume(co) while coroutine.status(co) ~= "x" do end',
  ),
  attempt('error values in a loop', 'while true do pcall(error, {}) end'),
  attempt('a repeat loop around a goto', 'repeat goto again ::again:: until false'),
  attempt(
    '__index for ever',
    'local t = setmetatable({}, { __index = function() while true do end end }) pcall(function() return t.x end)',
  ),
  attempt(
    '__newindex for ever',
    'local t = setmetatable({}, { __newindex = function() while true do end end }) pcall(function() t.x = 1 end)',
  ),
  attempt(
    '__call for ever',
    'local t = setmetatable({}, { __call = function() while true do end end }) pcall(t)',
  ),
  attempt(
    '__concat for ever',
    'local t = setmetatable({}, { __concat = function() while true do end end }) pcall(function() return t .. 1 end)',
  ),
  attempt(
    '__eq for ever',
    'local m = { __eq = function() while true do end end } pcall(function() return setmetatable({}, m) == setmetatable({}, m) end)',
  ),
  attempt(
    '__lt for ever',
    'local t = setmetatable({}, { __lt = function() while true do end end }) pcall(function() return t < t end)',
  ),
  attempt(
    '__len for ever',
    'local t = setmetatable({}, { __len = function() while true do end end }) pcall(function() return #t end)',
  ),
  attempt(
    '__pairs for ever',
    'local t = setmetatable({}, { __pairs = function() while true do end end }) pcall(function() for _ in pairs(t) do end end)',
  ),
  attemptV8('a tail call for ever', 'local function f(n) return f(n + 1) end pcall(f, 1)'),
  attemptV8(
    'tail calls of two functions for ever',
    'local a, b function a() return b() end function b() return a() end pcall(a)',
  ),
  attempt('an iterator for ever', 'for _ in function() return 1 end do end'),
  attempt(
    'sort with a comparator that loops',
    'pcall(table.sort, { 3, 2, 1 }, function() while true do end end)',
  ),
  attempt(
    'gsub with a callback that loops',
    'pcall(string.gsub, "x", "x", function() while true do end end)',
  ),
  attempt(
    'a backtracking pattern under pcall',
    'pcall(string.find, ("a"):rep(3000), ("a*"):rep(20) .. "b") while true do end',
  ),
  attempt('patterns in a loop', 'while true do ("x"):find("y") end'),
  attempt('load in a loop', 'while true do load("return 1") end'),
  attempt(
    'string building in a loop',
    'while true do local s = ("x"):rep(1000):upper():reverse() end',
  ),
  attempt('table.move over a far range', 'table.move({}, 1, 2^31 - 2, 2)'),
  attempt('a numeric loop to infinity', 'for i = 1, math.huge do end'),
  attemptV8(
    '__close for ever',
    'pcall(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) end)',
  ),
  attemptV8(
    '__close that begins again',
    'local function f() local x <close> = setmetatable({}, { __close = function() while true do pcall(f) end end }) while true do end end pcall(f)',
  ),
  attemptV8(
    'coroutine.close with a handler that loops',
    'local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() while true do end end }) coroutine.yield() end) coroutine.resume(co) pcall(coroutine.close, co)',
  ),
]
