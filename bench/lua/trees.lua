-- Binary trees: many small tables made, walked and dropped.

local function bottomUp(depth)
  if depth == 0 then return {} end
  return { bottomUp(depth - 1), bottomUp(depth - 1) }
end

local function count(tree)
  if tree[1] then return 1 + count(tree[1]) + count(tree[2]) end
  return 1
end

return {
  run = function()
    local kept, total = bottomUp(11), 0
    for depth = 4, 11, 2 do
      local rounds = 2 ^ (11 - depth)
      for _ = 1, rounds do total = total + count(bottomUp(depth)) end
    end
    return total + count(kept)
  end,
  check = function(result) return result == 20309, result end,
}
