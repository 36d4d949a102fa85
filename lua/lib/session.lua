-- session: a client's connection, as handlers see it; and, by uid, everybody else's.
local host, lib = ...

local methods = {}
local session_meta = {
  __name = "session",
  __index = methods,
  __metatable = "session",
  __tostring = function(self)
    return "session " .. self.id .. (self.uid and " of uid " .. self.uid or "")
  end,
}

function lib.uid_text(uid, level)
  if math.type(uid) == "integer" then
    uid = tostring(uid)
  end
  if type(uid) ~= "string" or uid == "" or #uid > 64 then
    error("a uid must be a text of 1 to 64 bytes, or an integer", level + 1)
  end
  return uid
end

local uid_text = lib.uid_text

function methods:bind(uid)
  host.bind(self.id, uid_text(uid, 2))
  lib.wait()
end

-- A handler's parameter `session` hides the global one, so both push and kick take either: a session
-- or a uid.
local function push(to, route, msg)
  if type(route) ~= "string" then
    error("session:push(route, msg), session.push(uid, route, msg): the route must be text, it is a " .. type(route), 2)
  end
  if getmetatable(to) == "session" then
    host.push(to.id, route, msg)
  else
    host.push_uid(uid_text(to, 2), route, msg)
  end
end

local function kick(who, reason)
  if getmetatable(who) == "session" then
    host.kick(who.id, reason)
  else
    host.kick_uid(uid_text(who, 2), reason)
  end
end

methods.push, methods.kick = push, kick

function lib.new_session(id, uid, ip, transport, user, data)
  return setmetatable({
    id = id,
    uid = uid,
    ip = ip,
    transport = transport,
    user = user,
    data = data or {},
  }, session_meta)
end

session = lib.read_only("session", { push = push, kick = kick })

local function session_id(name, target)
  if getmetatable(target) ~= "session" then
    error(name .. ": argument 2 must be a session, it is a " .. type(target), 3)
  end
  return target.id
end

-- store.lua adds the topics.
lib.channel = {
  join = function(name, target)
    host.channel_join(name, session_id("channel.join", target))
  end,
  leave = function(name, target)
    host.channel_leave(name, session_id("channel.leave", target))
  end,
  broadcast = function(name, route, msg, except)
    if except ~= nil and getmetatable(except) ~= "session" then
      error("channel.broadcast: argument 4 must be a session or nothing, it is a " .. type(except), 2)
    end
    host.broadcast(name, route, msg, except and except.id or 0)
  end,
  count = function(name)
    host.channel_count(name)
    return lib.wait()
  end,
}
channel = lib.read_only("channel", lib.channel)
