---@meta
-- rpc: calls to other services, whichever lane runs them. For editors only; never run. The code behind
-- it is lua/lib/rpc.lua.

---@class RpcLibrary
rpc = {}

--- Calls `SERVICE.remote.METHOD` and gives what it returned. Arguments and results are copies: nothing
--- is shared with the other side, and functions and coroutines are refused. Waits. An error over there
--- is raised here as `{ code, message }`: what it raised with `fail`, 404 for a service or function
--- that does not exist, 500 with Lua's words for a bug, 504 when it took too long.
---
--- ```lua
--- local hit = rpc.call("arena", "attack", session.uid, msg.target, msg.skill)
--- ```
---@param service string
---@param method string
---@param ... any
---@return any ...
function rpc.call(service, method, ...) end

--- The same, but an error is returned and not raised: `true` and the results, or `false`, the code and
--- the message. Waits.
---
--- ```lua
--- local ok, code, message = rpc.pcall("arena", "leave", uid)
--- ```
---@param service string
---@param method string
---@param ... any
---@return boolean ok
---@return any ... the results; or the code (an integer) and the message
function rpc.pcall(service, method, ...) end

--- The same without an answer: it does not wait, and an error over there is only logged. Calls to one
--- service are run in the order in which they were sent.
---
--- ```lua
--- rpc.send("arena", "leave", session.uid)
--- ```
---@param service string
---@param method string
---@param ... any
function rpc.send(service, method, ...) end
