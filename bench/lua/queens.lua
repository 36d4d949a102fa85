-- Queens: backtracking over three boolean arrays.

local function place(row, n, columns, up, down)
  if row > n then return 1 end
  local found = 0
  for c = 1, n do
    if not columns[c] and not up[row + c] and not down[row - c + n] then
      columns[c], up[row + c], down[row - c + n] = true, true, true
      found = found + place(row + 1, n, columns, up, down)
      columns[c], up[row + c], down[row - c + n] = false, false, false
    end
  end
  return found
end

return {
  run = function() return place(1, 8, {}, {}, {}) end,
  check = function(result) return result == 92, result end,
}
