-- Chat rooms: what one player sends, everyone in the room gets as push "onChat".
local chat = service "chat"

local text_bytes_max = 500

local function room_of(msg)
  local room = msg.room or "lobby"
  if type(room) ~= "string" or room == "" or #room > 32 then
    error(fail(400, "room must be a text of 1 to 32 bytes"))
  end
  return room
end

-- { room? } -> { code, room, members }
---@param session Session
---@param msg { room?: string }
function chat.handler.join(session, msg)
  local room = room_of(msg)
  channel.join("chat:" .. room, session)
  session.data.rooms = session.data.rooms or {}
  session.data.rooms[room] = true
  return { code = 200, room = room, members = channel.count("chat:" .. room) }
end

-- { room?, text } -> { code }, and onChat { room, from, name, text } to everyone in the room
---@param session Session
---@param msg { room?: string, text: string }
function chat.handler.send(session, msg)
  local room = room_of(msg)
  if not (session.data.rooms and session.data.rooms[room]) then
    return fail(403, "join the room '" .. room .. "' first")
  end
  if type(msg.text) ~= "string" or msg.text == "" or #msg.text > text_bytes_max then
    return fail(400, "text must be 1 to " .. text_bytes_max .. " bytes")
  end
  channel.broadcast("chat:" .. room, "onChat", {
    room = room,
    from = session.uid,
    name = session.data.name,
    text = msg.text,
  })
  return { code = 200 }
end

-- { room? } -> { code }
---@param session Session
---@param msg { room?: string }
function chat.handler.leave(session, msg)
  local room = room_of(msg)
  channel.leave("chat:" .. room, session)
  if session.data.rooms then
    session.data.rooms[room] = nil
  end
  return { code = 200 }
end

return chat
