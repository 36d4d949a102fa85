-- Locals that are always floats, wherever their values can go.

local function list(...) return { ... } end

local one, half, zero = 1.0, 0.5, 0.0
one = one + zero
half = half * one
zero = -zero

check("a float stays a float", list(tostring(one), math.type(one), one .. "", one), { "1.0", "float", "1.0", 1.0 })
check("negative zero", list(tostring(zero), 1 / zero, zero == 0), { "-0.0", -1 / 0, true })
check("arguments", list(select(2, half, one, half + half)), { 1.0, 1.0 })
check("as a place among arguments", list((select(one, "a", "b"))), { "a" })
check("a key", list(({ "a", "b" })[one + one], ({ [one] = "k" })[1]), { "b", "k" })
check("a value in a table", list(tostring(({ one })[1]), tostring(({ x = one }).x)), { "1.0", "1.0" })
check("a bitwise operand", list(one | 2, one << 3, (pcall(function() return half | 1 end))), { 3, 8, false })

local function returned() local x = 3.0 x = x - 1.0 return x end
check("a single result", list(tostring(returned())), { "2.0" })
local function two() local x, y = 3.0, 4.0 x, y = y - x, x * y return x, y end
check("two results", list(tostring(two()), tostring((select(2, two())))), { "1.0", "12.0" })
local function swapped() local x, y = 1.0, 2.0 x, y = y, x return x * 10 + y end
check("a swap", list(tostring(swapped())), { "21.0" })

local function mixed(n) local x = 0.5 if n then x = n end return x * 2 end
check("a local that may be something else", list(tostring(mixed()), mixed(3), mixed("4")), { "1.0", 6, 8 })
local function unset() local x x = x or 2.0 return x + 1.0 end
check("a local that begins as nil", list(tostring(unset())), { "3.0" })
local function parameter(x) x = x * 1.0 return x end
check("a parameter", list(tostring(parameter(2)), tostring(parameter("3"))), { "2.0", "3.0" })

local meta = setmetatable({}, { __mul = function(a, b) return type(a) .. type(b) end, __lt = function(a, b) return tostring(a) == "1.0" end, __add = function() return "sum" end })
check("metamethods see the float", list(one * meta, meta * one, one + meta, (one + one) * meta), { "numbertable", "tablenumber", "sum", "numbertable" })
check("metamethods of comparisons", list(one < meta, half < meta), { true, false })

check("a large integer is not rounded", list(9007199254740993 == one + 9007199254740991.0, one + 9007199254740991.0 < 9007199254740993), { false, true })
local large = 9007199254740993
check("nor when it is a local", list(large == one + 9007199254740991.0, one + 9007199254740991.0 < large), { false, true })
local nan, inf = zero / zero, one / 0
check("not a number", list(nan == nan, nan ~= nan, nan < one, not (nan < one), nan >= one), { false, true, false, true, false })
check("infinite", list(inf == math.huge, -inf < inf, inf // 1, tostring(inf % 2)), { true, true, math.huge, tostring(math.huge % 2) }, 3)
check("floor division and remainder", list(tostring(-one // 0.75), tostring(-half % one), tostring(half % -one), one // zero), { "-2.0", "0.5", "-0.5", -1 / 0 })
check("powers", list(tostring(one ^ 2), tostring((one + one) ^ 2), half ^ 2, tostring((one + one) ^ 10), nan ^ 0), { "1.0", "4.0", 0.25, "1024.0", 1.0 })

local function captured() local x = 2.0 local function get() return x end x = x + 1.0 return get() end
check("captured and assigned", list(tostring(captured())), { "3.0" })
local function shared() local x = 2.5 * 2 return function() return x * 2, x end end
check("captured", list(tostring(shared()()), tostring((select(2, shared()())))), { "10.0", "5.0" })

local function waits() local x, y = 1.0, 0.5 x = x + coroutine.yield(x) * 0 y = y + y coroutine.yield(y, x) return x + y end
local co = coroutine.wrap(waits)
check("kept while the coroutine waits", list(tostring(co()), tostring(co(1)), tostring(co())), { "1.0", "1.0", "2.0" })

local counted = {}
local from = one
for i = from, 2 do counted[#counted + 1] = tostring(i) end
for i = 1, 2 do local x = i * 1.0 counted[#counted + 1] = tostring(x) end
for i = 1.0, 2.0 do local x = i + 1 counted[#counted + 1] = tostring(x) end
check("loops", counted, { "1.0", "2.0", "1.0", "2.0", "2.0", "3.0" })
local sum = 0
for i = 1, 3 do sum = sum + i * half end
check("a sum that begins as an integer", list(sum, math.type(sum)), { 3.0, "float" })
local turns = 0.0
repeat local before = turns turns = turns + 1.0 until before >= 2.0
check("a condition of repeat", list(tostring(turns)), { "3.0" })
local function jumps() local x = 0.0 ::again:: x = x + 1.0 if x < 3 then goto again end return x end
check("a goto", list(tostring(jumps())), { "3.0" })
check("truth", list(one and "yes", not half, zero or "no"), { "yes", false, -0.0 })
check("length and concatenation of texts", list(("x"):rep(one + one), one + half .. "|" .. -one), { "xx", "1.5|-1.0" })
