-- Giving gold to another player. Both rows and the ledger's change together, or none of them does.
local trade = service "trade"

local gold_max = 1000000000

-- { to, gold } -> { code, id, gold }: the id of the trade, and how much gold is left
---@param session Session
---@param msg { to: string, gold: integer }
function trade.handler.give(session, msg)
  local to, gold = msg.to, msg.gold
  if math.type(gold) ~= "integer" or gold < 1 or gold > gold_max then
    return fail(400, "gold must be a whole number from 1 to " .. gold_max)
  end
  if type(to) ~= "string" or to == session.uid then
    return fail(400, "to must be the uid of another player")
  end
  if not db.one("SELECT id FROM role WHERE id = ?", to) then
    return fail(404, "there is no player " .. to)
  end
  local role = entity.load("role", session.uid)
  -- From here on nothing waits: what is read stays true, and all that is written is one transaction.
  if role.gold < gold then
    return fail(402, "not enough gold")
  end
  local trade_id = id.next()
  role.gold = role.gold - gold
  entity.add("role", to, "gold", gold) -- the other player's row may be another lane's
  db.exec(
    "INSERT INTO trade(id, from_id, to_id, gold, at) VALUES (?, ?, ?, ?, ?)",
    trade_id, session.uid, to, gold, clock.now_ms()
  )
  return { code = 200, id = trade_id, gold = role.gold }
end

return trade
