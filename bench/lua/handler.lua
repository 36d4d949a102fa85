-- The game handler: one coroutine for each connection, one yield for each message. A handler reads
-- and writes tables, calls a helper and makes a reply table. `messages` turns the time into µs per
-- message. No number leaves 32 bits, which is what integers of fengari have.

local items = {}
for i = 1, 100 do items[i] = { id = i, price = i % 17 + 1, name = "item" .. i } end

local function discount(role, item)
  if role.vip > 2 then return item.price - 1 end
  return item.price
end

local function buy(session, msg)
  local role = session.role
  local item = items[msg.item]
  if not item then return { code = 404, error = "no such item" } end
  local price = discount(role, item)
  if role.gold < price then
    role.gold = role.gold + 1000
    return { code = 402, error = "not enough gold" }
  end
  role.gold = role.gold - price
  local bag = role.bag
  bag[msg.item] = (bag[msg.item] or 0) + 1
  role.bought = role.bought + 1
  return { code = 200, gold = role.gold, count = bag[msg.item] }
end

local function connection(session)
  local reply = nil
  while true do
    local msg = coroutine.yield(reply)
    reply = buy(session, msg)
  end
end

local function run()
  local sessions = {}
  for i = 1, 100 do
    local role = { id = i, gold = 500, vip = i % 5, bag = {}, bought = 0 }
    local session = { uid = i, role = role }
    local co = coroutine.create(connection)
    coroutine.resume(co, session)
    sessions[i] = { co = co, role = role }
  end
  local resume = coroutine.resume
  local msg = { route = "bag.handler.buy", item = 1 }
  local done = 0
  for round = 1, 200 do
    for i = 1, 100 do
      msg.item = (round * 7 + i) % 100 + 1
      local _, reply = resume(sessions[i].co, msg)
      if reply.code == 200 then done = done + 1 end
    end
  end
  local gold = 0
  for i = 1, 100 do gold = gold + sessions[i].role.gold end
  return done .. " bought, " .. gold .. " gold"
end

return {
  messages = 20000,
  run = run,
  check = function(result) return result == "19800 bought, 80247 gold", result end,
}
