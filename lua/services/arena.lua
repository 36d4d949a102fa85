-- The arena: where everybody is, and how they are. It runs in one lane (config/services.lua), so
-- there is one arena however many lanes the host has; other services reach it by rpc.
local arena = service "arena"

local hp_max = 100

---@class Fighter
---@field x number
---@field y number
---@field hp number
---@field ready_ms table<integer, number> when each skill may be used again
local S = state "arena"
S.fighters = S.fighters or {}
-- Something to hit that never dies, for trying things out alone and for load tests.
S.fighters.dummy = S.fighters.dummy or { x = 0, y = 0, hp = hp_max, ready_ms = {} }

---@return Fighter
local function fighter(uid)
  local found = S.fighters[uid]
  if not found then
    found = { x = 0, y = 0, hp = hp_max, ready_ms = {} }
    S.fighters[uid] = found
  end
  return found
end

---@param uid string
---@param x number
---@param y number
function arena.remote.move(uid, x, y)
  local me = fighter(uid)
  me.x, me.y = x, y
end

---@param uid string
---@param target_uid string
---@param skill_id integer
function arena.remote.attack(uid, target_uid, skill_id)
  local skill = config.tables.skills[skill_id]
  local target = S.fighters[target_uid]
  if not target then
    return fail(404, "there is no fighter " .. target_uid)
  end
  local me, now = fighter(uid), clock.mono_ms()
  local ready = me.ready_ms[skill_id]
  if ready and ready > now then
    return { code = 200, hit = false, reason = "cooling down", wait_ms = math.ceil(ready - now) }
  end
  local dx, dy = target.x - me.x, target.y - me.y
  if dx * dx + dy * dy > skill.range * skill.range then
    return { code = 200, hit = false, reason = "out of range" }
  end
  me.ready_ms[skill_id] = now + skill.cooldown_ms
  target.hp = target.hp - skill.damage
  local knocked_out = target.hp <= 0
  if knocked_out then
    target.hp = hp_max -- and up again
    if target_uid ~= "dummy" then
      session.push(target_uid, "onKnockout", { by = uid, skill = skill_id })
    end
  end
  return { code = 200, hit = true, damage = skill.damage, hp = target.hp, knocked_out = knocked_out }
end

---@param uid string
function arena.remote.leave(uid)
  S.fighters[uid] = nil
end

return arena
