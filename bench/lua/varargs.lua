-- Varargs: select, unpack, forwarding, and functions with many results.

local unpack = table.unpack or unpack

local function sum(...)
  local total = 0
  for i = 1, select("#", ...) do total = total + (select(i, ...)) end
  return total
end

local function forward(f, ...) return f(...) end
local function swap(a, b, ...) return b, a, ... end
local function collect(...)
  local list = { ... }
  return #list, list[1]
end

return {
  run = function()
    local total = 0
    local list = { 1, 2, 3, 4, 5, 6 }
    for i = 1, 1500 do
      total = total + sum(i, 2, 3) + forward(sum, swap(i, 1, 2))
      local n, first = collect(unpack(list))
      total = total + n + first + sum(unpack(list, 2, 4))
    end
    return total
  end,
  check = function(result) return result == 2 * 1125750 + 1500 * (5 + 3 + 7 + 9), result end,
}
