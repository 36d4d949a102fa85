-- Section 2.4 and 3.4 of the manual: metamethods and where they are consulted.
local log = {}
local mt = {}
for _, name in ipairs { "add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor", "bxor", "shl", "shr", "concat" } do
  mt["__" .. name] = function(a, b)
    return name .. (type(a) == "table" and "L" or tostring(a)) .. (type(b) == "table" and "R" or tostring(b)), "second"
  end
end
local o = setmetatable({}, mt)
check("left operand", { o + 1, o - 1, o * 1, o / 1, o % 1, o ^ 1, o // 1 }, { "addL1", "subL1", "mulL1", "divL1", "modL1", "powL1", "idivL1" })
check("right operand", { 1 + o, 1 - o, 1 & o, 1 | o, 1 ~ o, 1 << o, 1 >> o }, { "add1R", "sub1R", "band1R", "bor1R", "bxor1R", "shl1R", "shr1R" })
check("concat", { o .. 1, 1 .. o, "a" .. "b" .. o, o .. "c" .. "d" }, { "concatL1", "concat1R", "aconcatbR", "concatLcd" })
check("right associative concat", { 1 .. 2 .. o }, { "1concat2R" })
check("only one result", { select("#", o + 1) }, { 1 })
mt.__unm = function(a, b) return rawequal(a, b) end
mt.__bnot = function(a, b) return rawequal(a, b) end
mt.__len = function(a) return "length" end
check("unary gets the operand twice", { -o, ~o, #o }, { true, true, "length" })

local eqs = 0
local em = { __eq = function(a, b) eqs = eqs + 1 return 1 end }
local p, q = setmetatable({}, em), setmetatable({}, em)
check("eq is made boolean", { p == q, p ~= q, p == p, p == 1, eqs }, { true, false, true, false, 2 })
check("eq of the second operand", { setmetatable({}, {}) == q }, { true })
check("rawequal does not ask", { rawequal(p, q) }, { false })
local cm = { __lt = function(a, b) return nil end, __le = function(a, b) return "yes" end }
local c = setmetatable({}, cm)
check("comparison is made boolean", { c < 1, 1 < c, c > 1, c <= 1, 1 >= c }, { false, false, false, true, true })

local t = setmetatable({ a = 1 }, { __index = function(t, k) return k .. "!" end })
check("__index function", { t.a, t.b, t["c d"], rawget(t, "b") }, { 1, "b!", "c d!", nil })
check("__index table and its chain", { setmetatable({}, { __index = t }).a, setmetatable({}, { __index = t }).z }, { 1, "z!" })
local store = {}
local w = setmetatable({ x = 1 }, { __newindex = store })
w.x, w.y = 2, 3
check("__newindex table", { w.x, rawget(w, "y"), store.y }, { 2, nil, 3 })
local seen
local n = setmetatable({}, { __newindex = function(t, k, v) seen = k rawset(t, k, v) end })
n.k = 1 n.k = nil n.k = 2
check("__newindex asks again once a field is nil", { seen, n.k }, { "k", 2 })
check("__index on nil in an array", { setmetatable({ nil, 2 }, { __index = function(_, i) return i * 10 end })[1] }, { 10 })
check("__call gets the object and all arguments", { setmetatable({}, { __call = function(self, ...) return select("#", ...), ... end })(nil, 2, nil) }, { 3, nil, 2, nil })
check("__call in a chain", { setmetatable({}, { __call = setmetatable({}, { __call = function(a, b, c) return type(a), type(b), c end }) })(7) }, { "table", "table", 7 })
check("__tostring and __name", { tostring(setmetatable({}, { __tostring = function() return "me" end })), tostring(setmetatable({}, { __name = "Kind" })):match("^Kind: ") }, { "me", "Kind: " })
check("__metatable", { getmetatable(setmetatable({}, { __metatable = 5 })), (pcall(setmetatable, setmetatable({}, { __metatable = 5 }), {})) }, { 5, false })
local order = {}
for k, v in pairs(setmetatable({}, { __pairs = function(t) return function(_, i) i = (i or 0) + 1 if i < 3 then return i, i * i end end, t, nil end })) do order[#order + 1] = k .. "=" .. v end
check("__pairs", order, { "1=1", "2=4" })
check("ipairs respects __index", { (function() local n = 0 for i, v in ipairs(setmetatable({}, { __index = function(_, i) if i < 4 then return i end end })) do n = n + v end return n end)() }, { 6 })
check("strings index the library", { ("x"):rep(3), #"abc", ("%d"):format(5) }, { "xxx", 3, "5" })
check("arithmetic of strings", { "10" + 5, "0x10" * 2, "3" // "2", -"2", "10" / "4", " 1 " + 1 }, { 15, 32, 1, -2, 2.5, 2 })
check("messages name what was wrong", { select(2, pcall(function() local a a.b = 1 end)):match("local 'a'"), select(2, pcall(function() undefinedName() end)):match("global 'undefinedName'"), select(2, pcall(function() return t.a.b.c end)):match("field '%a'"), select(2, pcall(function() return ("x"):nope() end)):match("method 'nope'") }, { "local 'a'", "global 'undefinedName'", "field 'a'", "method 'nope'" })
