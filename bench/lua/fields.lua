-- Fields: records with constant names, read and written in place, nested two deep.

local function newUnit(i)
  return { id = i, hp = 100, x = i, y = -i, vel = { x = 1, y = 2 }, team = i % 2, alive = true }
end

local function step(u)
  local vel = u.vel
  u.x = u.x + vel.x
  u.y = u.y + vel.y
  if u.x > 500 then vel.x = -vel.x end
  if u.x < 0 then vel.x = -vel.x end
  u.hp = u.hp - (u.team + 1)
  if u.hp <= 0 then
    u.hp = 100
    u.alive = not u.alive
  end
end

return {
  run = function()
    local units = {}
    for i = 1, 100 do units[i] = newUnit(i) end
    for _ = 1, 1000 do
      for i = 1, #units do step(units[i]) end
    end
    local sum = 0
    for i = 1, #units do
      local u = units[i]
      sum = sum + u.x + u.y + u.hp + (u.alive and 1 or 0)
    end
    return sum
  end,
  check = function(result) return result == 209706, result end,
}
