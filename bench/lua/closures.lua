-- Closures: counters over upvalues, composed functions, map and fold with function arguments.

local function counter(step)
  local n = 0
  return function()
    n = n + step
    return n
  end
end

local function compose(f, g)
  return function(x) return f(g(x)) end
end

local function map(list, f)
  local out = {}
  for i = 1, #list do out[i] = f(list[i]) end
  return out
end

local function fold(list, f, acc)
  for i = 1, #list do acc = f(acc, list[i]) end
  return acc
end

return {
  run = function()
    local list = {}
    for i = 1, 200 do list[i] = i end
    local total = 0
    for round = 1, 100 do
      local scale = function(x) return x * round end
      local shift = function(x) return x + 1 end
      local both = compose(scale, shift)
      total = total + fold(map(list, both), function(a, b) return a + b end, 0)
      local tick = counter(round)
      for _ = 1, 100 do tick() end
      total = total + tick()
    end
    return total
  end,
  check = function(result) return result == 5050 * 20300 + 5050 * 101, result end,
}
