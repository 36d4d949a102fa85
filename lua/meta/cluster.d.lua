---@meta
-- cluster: one game on several hosts (config/cluster.lua). For editors only; never run. The code behind it
-- is lua/lib/cluster.lua; docs/CLUSTER.md explains how the parts work together.

---@class ClusterLibrary
---@field role "single"|"master"|"slave" what this host is
---@field node string the name of this host
cluster = {}

--- On the master: finds a slave for a player who has logged in, prepares it, and gives the redirect to
--- answer with; the client goes there and calls `route` with `token`. nil on a host without a cluster,
--- which binds the session itself. Waits. Raises a 503, with words for the client, when nobody can be
--- placed now.
---
--- ```lua
--- local redirect = cluster.place(session, uid, { name = name })
--- if redirect then
---   return { code = 200, redirect = redirect }
--- end
--- session:bind(uid)
--- ```
---@param session Session
---@param uid string|integer 1 to 64 bytes
---@param context? any what the slave is to know of the player; copied
---@return { host: string, port: integer, token: string, route: string }? redirect
function cluster.place(session, uid, context) end

--- On a slave: takes the token that a client has brought, once, and gives who it is and the context that
--- the master's `cluster.place` was given. `session:bind(uid)` must follow within 10 seconds. Waits.
--- Raises a 403, with words for the client, for a token that is too old, used, or for another server.
---
--- ```lua
--- local uid, context = cluster.accept(msg.token)
--- session:bind(uid)
--- ```
---@param token string
---@return string uid
---@return any context
function cluster.accept(token) end
