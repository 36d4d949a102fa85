-- Logging in: makes a uid and a role for a guest, and binds the connection to it.
local login = service "login"

local name_bytes_max = 48
local first_gold = 1000

-- { name } -> { code, uid, name }
---@param session Session
---@param msg { name: string }
function login.handler.guest(session, msg)
  local name = msg.name
  if type(name) ~= "string" or name == "" or #name > name_bytes_max then
    return fail(400, "name must be a text of 1 to " .. name_bytes_max .. " bytes")
  end
  if session.uid then
    return fail(409, "you are logged in already, as " .. session.data.name)
  end
  local uid = id.next()
  -- In a cluster the master sends the player on; alone, this host keeps him (docs/CLUSTER.md).
  local redirect = cluster.place(session, uid, { name = name })
  if redirect then
    return { code = 200, redirect = redirect }
  end
  db.exec("INSERT INTO role(id, name, gold) VALUES (?, ?, ?)", uid, name, first_gold)
  session.data.name = name
  session:bind(uid)
  return { code = 200, uid = uid, name = name }
end

-- { token } -> { code, uid, name }: where a redirect leads to
---@param session Session
---@param msg { token: string }
function login.handler.enter(session, msg)
  local uid, player = cluster.accept(msg.token)
  db.exec("INSERT INTO role(id, name, gold) VALUES (?, ?, ?)", uid, player.name, first_gold)
  session.data.name = player.name
  session:bind(uid)
  return { code = 200, uid = uid, name = player.name }
end

return login
