-- Spectral norm: float arithmetic over arrays, a small function in the inner loop.

local function A(i, j)
  local ij = i + j - 1
  return 1.0 / (ij * (ij - 1) * 0.5 + i)
end

local function Av(x, y, n)
  for i = 1, n do
    local a = 0
    for j = 1, n do a = a + x[j] * A(i, j) end
    y[i] = a
  end
end

local function Atv(x, y, n)
  for i = 1, n do
    local a = 0
    for j = 1, n do a = a + x[j] * A(j, i) end
    y[i] = a
  end
end

return {
  run = function()
    local n = 60
    local u, v, t = {}, {}, {}
    for i = 1, n do u[i] = 1 end
    for _ = 1, 8 do
      Av(u, t, n)
      Atv(t, v, n)
      Av(v, t, n)
      Atv(t, u, n)
    end
    local vBv, vv = 0, 0
    for i = 1, n do
      vBv = vBv + u[i] * v[i]
      vv = vv + v[i] * v[i]
    end
    return math.sqrt(vBv / vv)
  end,
  check = function(result)
    return math.abs(result - 1.274) < 0.001, string.format("%.6f", result)
  end,
}
