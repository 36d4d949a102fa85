-- Calls: a recursive function, and helpers with several arguments and results.
-- One unit is one call of fib(24) with a divmod loop beside it.

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local function divmod(a, b)
  local r = a % b
  return (a - r) / b, r
end

local function digits(n)
  local sum, r = 0, 0
  while n > 0 do
    n, r = divmod(n, 10)
    sum = sum + r
  end
  return sum
end

return {
  run = function()
    local total = 0
    for i = 1, 3000 do total = total + digits(i * 7919) end
    return fib(24) + total
  end,
  check = function(result) return result == 141492, result end,
}
