-- Sections 3.3, 3.4.7, 3.4.11 and 6.2: statements, scopes, closures, to-be-closed variables, coroutines.
check("multiple assignment", (function() local a, b, c = 1, 2 a, b = b, a local t = {} local i = 1 i, t[i] = i + 1, 20 return { a, b, c, i, t[1], t[2] } end)(), { 2, 1, nil, 2, 20, nil })
check("places are found before values are stored", (function() local t = {} local function f(a) t[a], a = 10, 20 return a end local r = f(1) local q = t t, t.x = nil, 5 return { r, q[1], q.x } end)(), { 20, 10, 5 })
check("adjustment of results", (function() local function f() return 1, 2, 3 end local a, b = f(), 10 local t = { f(), f() } local u = { (f()) } return { a, b, #t, #u, (f()), select("#", f(), f()) } end)(), { 1, 10, 4, 1, 1, 4 })
check("varargs", (function(...) local a, b = ... local t = { n = select("#", ...), ... } return { a, b, t.n, (...), select(-1, ...) } end)(1, nil, 3, nil), { 1, nil, 4, 1, nil })
check("table.pack and unpack", { table.pack(nil, nil).n, table.unpack({ 1, 2, 3 }, 2), table.unpack({ 1, 2 }, 1, 3) }, { 2, 2, 1, 2, nil })
check("goto continue", (function() local s = "" for i = 1, 5 do if i % 2 == 0 then goto continue end s = s .. i ::continue:: end return { s } end)(), { "135" })
check("goto back makes new locals", (function() local f = {} local i = 1 ::top:: local x = i f[i] = function() x = x + 1 return x end i = i + 1 if i < 4 then goto top end return { f[1](), f[1](), f[2](), f[3]() } end)(), { 2, 3, 3, 4 })
check("goto out of nested loops", (function() for i = 1, 3 do for j = 1, 3 do if i * j == 4 then goto done end end end ::done:: do return { "done" } end end)(), { "done" })
check("goto that is refused", { load("goto x; local a ::x:: print(a)") == nil, load("::x:: ::x::") == nil, load("goto y") == nil, load("do goto z end; do ::z:: end") == nil, load("break") == nil, load("goto x; local a ::x::") ~= nil }, { true, true, true, true, true, true })
check("a repeat condition sees the body's locals", (function() local n = 0 repeat local done = n >= 2 n = n + 1 until done return { n } end)(), { 3 })
check("loops make new variables", (function() local f = {} for i = 1, 3 do f[i] = function() i = i + 1 return i end end return { f[1](), f[1](), f[2](), f[3]() } end)(), { 2, 3, 3, 4 })
check("while with closures", (function() local f, i = {}, 1 while i <= 3 do local j = i f[i] = function() j = j * 2 return j end i = i + 1 end return { f[1](), f[1](), f[3]() } end)(), { 2, 4, 6 })
check("shared upvalues", (function() local n = 0 local function inc() n = n + 1 end local function get() return n end inc() inc() return { get(), n } end)(), { 2, 2 })
check("and, or", { nil and 1, false or nil, 1 and 2, nil or 3, false and error("x"), 1 or error("x"), not nil, not 0 }, { nil, nil, 2, 3, false, 1, true, false })
check("constants", { load("local x <const> = 1; x = 2") == nil, (select(2, load("local x <const> = 1; x = 2")):match("attempt to assign to const variable 'x'")) }, { true, "attempt to assign to const variable 'x'" })
check("comments and long strings", { [[
first newline is skipped]], [==[a]]b]==], #"\z
   abc", "\x41\65\u{20AC}\
" --[[ long
comment ]] }, { "first newline is skipped", "a]]b", 3, "AA\xE2\x82\xAC\n" })
check("method definitions", (function() local t = { n = { m = {} } } function t.n.m:f(x) return self == t.n.m, x end return { t.n.m:f(5) } end)(), { true, 5 })
check("environments", (function() local _ENV = { y = 7 } x = 1 return { x, y, _ENV.x } end)(), { 1, 7, 1 })

local order = {}
local function closer(name, fails) return setmetatable({}, { __close = function(_, e) order[#order + 1] = name .. ":" .. tostring(e) if fails then error(fails, 0) end end }) end
local function drain() local text = table.concat(order, " ") order = {} return text end
check("closed in reverse order", (function() do local a <close> = closer("a") local b <close> = closer("b") local c <close> = nil end return { drain() } end)(), { "b:nil a:nil" })
check("closed after the results are known", (function() local n = 1 local function f() local a <close> = setmetatable({}, { __close = function() n = 2 end }) return n end return { f(), n } end)(), { 1, 2 })
check("closed by break, goto and return", (function() for i = 1, 2 do local a <close> = closer("l" .. i) if i == 2 then break end end do local b <close> = closer("g") goto out end ::out:: (function() local r <close> = closer("r") return 1 end)() return { drain() } end)(), { "l1:nil l2:nil g:nil r:nil" })
check("closed by an error, which they are told", (function() local ok, e = pcall(function() local a <close> = closer("a") local b <close> = closer("b") error("oops", 0) end) return { ok, e, drain() } end)(), { false, "oops", "b:oops a:oops" })
check("an error while closing takes over", (function() local ok, e = pcall(function() local a <close> = closer("a") local b <close> = closer("b", "late") error("first", 0) end) return { ok, e, drain() } end)(), { false, "late", "b:first a:late" })
check("the fourth value of a generic for", (function() for i in function(_, i) i = (i or 0) + 1 return i < 3 and i or nil end, nil, nil, closer("for") do end return { drain() } end)(), { "for:nil" })
check("what cannot be closed", { (pcall(function() local x <close> = {} end)), (pcall(function() local x <close> = 1 end)), (pcall(function() local x <close> = false end)) }, { false, false, true })
check("close may yield", (function() local co = coroutine.wrap(function() local a <close> = setmetatable({}, { __close = function() coroutine.yield("closing") end }) return "end" end) return { co(), co() } end)(), { "closing", "end" })

check("coroutine values go both ways", (function() local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end) return { select(2, coroutine.resume(co, 1, 2)), select(2, coroutine.resume(co, 10)), select(2, coroutine.resume(co, 3, 4)), coroutine.status(co), coroutine.resume(co) } end)(), { 3, 20, 7, "dead", false, "cannot resume dead coroutine" })
check("yield across pcall and metamethods", (function() local t = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end, __lt = function() return coroutine.yield("lt") end, __concat = function() return coroutine.yield("cat") end }) local co = coroutine.wrap(function() local r = {} r[1] = select(2, pcall(function() return t.key end)) r[2] = t < 1 r[3] = t .. "x" for k in (function() return coroutine.yield("iter") end) do r[4] = k break end return table.unpack(r) end) return { co(), co(5), co(true), co("joined"), co("k") } end)(), { "key", "lt", "cat", "iter", 5, true, "joined", "k" })
check("errors cross resume as values", (function() local co = coroutine.create(function() error({ code = 7 }) end) local ok, e = coroutine.resume(co) return { ok, e.code, coroutine.status(co) } end)(), { false, 7, "dead" })
check("wrap raises them again", { pcall(coroutine.wrap(function() error("w", 0) end)) }, { false, "w" })
check("running, isyieldable", (function() local main, isMain = coroutine.running() local co = coroutine.create(function() return coroutine.isyieldable(), select(2, coroutine.running()) end) return { isMain, coroutine.isyieldable(), select(2, coroutine.resume(co)) } end)(), { true, false, true, false })
check("no yield across table.sort and gsub", { coroutine.wrap(function() return (pcall(table.sort, { 2, 1 }, coroutine.yield)), (pcall(string.gsub, "x", "x", coroutine.yield)) end)() }, { false, false })
check("coroutine.close", (function() local co = coroutine.create(function() local a <close> = closer("co") coroutine.yield(1) end) coroutine.resume(co) return { coroutine.close(co), coroutine.status(co), drain(), coroutine.close(co) } end)(), { true, "dead", "co:nil", true })
check("coroutine.close tells what closing raised", (function() local co = coroutine.create(function() local a <close> = closer("x", "failed") coroutine.yield(1) end) coroutine.resume(co) local ok, e = coroutine.close(co) drain() return { ok, e, coroutine.status(co) } end)(), { false, "failed", "dead" })
check("not while it runs", { coroutine.wrap(function() return (pcall(coroutine.close, coroutine.running())) end)(), (coroutine.resume(coroutine.running())) }, { false, false })
check("pcall, xpcall, error", (function() local ok, e = pcall(error) local _, level = pcall(error, "m", 0) local _, h = xpcall(function(a, b) error(a .. b, 0) end, function(m) return "<" .. m .. ">" end, "x", "y") return { ok, e, level, h, select("#", pcall(error)), select(2, xpcall(function() return 1, 2 end, print)) } end)(), { false, nil, "m", "<xy>", 2, 1, 2 })
check("assert and select", { select(2, pcall(assert, false)), select(2, pcall(assert, nil, "msg")), assert(1, 2), select("#"), (pcall(select, 0)) }, { "assertion failed!", "msg", 1, 2 }, 3)
check("the line of a wrong iterator", { (select(2, pcall(load("\n for k in\n 3 do\n end", "=x"))):match("^x:%d+")), (select(2, pcall(load("\n for k in 3 do\n end", "=x"))):match("^x:%d+")) }, { "x:3", "x:2" })
