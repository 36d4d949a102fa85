-- Arrays: a sieve of flags, and a product of two matrices held as rows.

local function sieve(n)
  local composite = {}
  for i = 1, n do composite[i] = false end
  local count = 0
  for i = 2, n do
    if not composite[i] then
      count = count + 1
      for j = i * i, n, i do composite[j] = true end
    end
  end
  return count
end

local function matrix(n, f)
  local rows = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = f(i, j) end
    rows[i] = row
  end
  return rows
end

local function product(a, b, n)
  return matrix(n, function(i, j)
    local sum, row = 0, a[i]
    for k = 1, n do sum = sum + row[k] * b[k][j] end
    return sum
  end)
end

return {
  run = function()
    local n = 60
    local a = matrix(n, function(i, j) return i + j end)
    local b = matrix(n, function(i, j) return i - j end)
    local c = product(a, b, n)
    return sieve(40000) * 1000 + c[3][5]
  end,
  check = function(result) return result == 4272250, result end,
}
