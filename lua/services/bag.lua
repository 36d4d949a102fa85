-- What players own: buying things for gold.
local bag = service "bag"

-- { item } -> { code, gold }: how much gold is left
---@param session Session
---@param msg { item: string }
function bag.handler.buy(session, msg)
  local item = type(msg.item) == "string" and config.tables.items[msg.item]
  if not item then
    return fail(404, "no such item")
  end
  local role = entity.load("role", session.uid)
  if role.gold < item.price then
    return fail(402, "not enough gold")
  end
  role.gold = role.gold - item.price
  db.exec(
    "INSERT INTO bag_item(id, role_id, item_id, count) VALUES (?, ?, ?, ?)",
    id.next(), session.uid, msg.item, 1
  )
  return { code = 200, gold = role.gold }
end

-- { limit? } -> { code, items = { { item, count }, ... } }
---@param session Session
---@param msg { limit?: integer }
function bag.handler.list(session, msg)
  local limit = msg.limit or 100
  if math.type(limit) ~= "integer" or limit < 1 or limit > 100 then
    return fail(400, "limit must be a whole number from 1 to 100")
  end
  local rows = db.query(
    "SELECT item_id AS item, SUM(count) AS count FROM bag_item WHERE role_id = ? GROUP BY item_id ORDER BY item_id LIMIT ?",
    session.uid, limit
  )
  return { code = 200, items = json.array(rows) }
end

return bag
