-- What a player does in the arena. The arena itself is one place for everybody: service "arena".
local battle = service "battle"

local function coordinate(value, name)
  if type(value) ~= "number" or value ~= value or value < -1000 or value > 1000 then
    error(fail(400, name .. " must be a number from -1000 to 1000"))
  end
  return value
end

-- { x, y } -> { code, x, y }
---@param session Session
---@param msg { x: number, y: number }
function battle.handler.move(session, msg)
  local x, y = coordinate(msg.x, "x"), coordinate(msg.y, "y")
  rpc.call("arena", "move", session.uid, x, y)
  return { code = 200, x = x, y = y }
end

-- { target, skill } -> { code, hit, damage, hp, knocked_out } or { code, hit = false, reason, wait_ms? }
-- `skill` is the id of a row of config/tables/skills.lua; `target` a uid, or "dummy", which is always
-- there to be hit.
---@param session Session
---@param msg { target: string, skill: integer }
function battle.handler.attack(session, msg)
  if math.type(msg.skill) ~= "integer" then
    return fail(400, "skill must be the number of a skill")
  end
  if not config.tables.skills[msg.skill] then
    return fail(404, "there is no skill " .. msg.skill)
  end
  if type(msg.target) ~= "string" then
    return fail(400, "target must be a uid, or \"dummy\"")
  end
  if msg.target == session.uid then
    return fail(400, "you cannot attack yourself")
  end
  return rpc.call("arena", "attack", session.uid, msg.target, msg.skill)
end

-- A player who leaves the game leaves the arena.
function battle.on_close(session)
  if session.uid then
    rpc.send("arena", "leave", session.uid)
  end
end

return battle
