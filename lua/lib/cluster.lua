-- cluster: from the master to a slave, with a token.
local host, lib = ...

local uid_text = lib.uid_text

local function placed(node_host, port, token, route)
  return { host = node_host, port = port, token = token, route = route }
end

cluster = lib.read_only("cluster", {
  role = host.cluster_role,
  node = host.node_name,
  place = function(session, uid, context)
    if getmetatable(session) ~= "session" then
      error("cluster.place: argument 1 must be a session, it is a " .. type(session), 2)
    end
    uid = uid_text(uid, 2)
    if host.cluster_role == "single" then
      return nil
    end
    host.cluster_place(uid, session.transport == "ws", context)
    return placed(lib.wait())
  end,
  accept = function(token)
    host.cluster_accept(token)
    return lib.wait()
  end,
})
