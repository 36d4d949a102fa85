---@meta
-- rpc: calls to other services, whichever lane or host runs them. For editors only; never run. The code behind
-- it is lua/lib/rpc.lua.

---@class RpcLibrary
rpc = {}

--- Calls `SERVICE.remote.METHOD` and gives what it returned. Arguments and results are copies: nothing
--- is shared with the other side, and functions and coroutines are refused. Waits. An error over there
--- is raised here as `{ code, message }`: what it raised with `fail`, 404 for a service or function
--- that does not exist, 500 with Lua's words for a bug, 504 when it took too long, 503 when the host that
--- has it cannot be reached or was lost meanwhile.
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
--- service are run in the order in which they were sent, as long as they go to the same host.
---
--- ```lua
--- rpc.send("arena", "leave", session.uid)
--- ```
---@param service string
---@param method string
---@param ... any
function rpc.send(service, method, ...) end

--- What may be said of a call. All of it may be left out.
---@class RpcOptions
---@field timeout_ms? number how long to wait; never longer than the request it is a part of
---@field idempotency_key? string|integer calls with the same key run once, and get the same answer

--- The functions of `rpc` once more, for calls that go to one host, which is named as in
--- config/routes.lua. 404 when there is no such host.
---
--- ```lua
--- local ok, load = rpc.to("world2").pcall("world", "load")
--- ```
---@param node string the host's name
---@return RpcLibrary
function rpc.to(node) end

--- The same, for calls that belong together: those with one key run in the same lane, the one that has
--- the sessions of the uid of that name; and on the same host, where config/routes.lua balances the
--- service by `hash`.
---
--- ```lua
--- local mails = rpc.key(uid).call("mail", "list", uid)
--- ```
---@param key string|integer
---@return RpcLibrary
function rpc.key(key) end

--- The same, for calls with other options. A call with an idempotency key runs once: when its answer is
--- lost it is sent again, and the host that ran it has kept the answer for 24 hours. Other arguments
--- under the same key are an error 409. Without a key a call is sent once.
---
--- ```lua
--- local once = rpc.with({ idempotency_key = "order-" .. order_id, timeout_ms = 2000 })
--- local ok, code, message = once.pcall("bank", "pay", uid, price)
--- ```
---@param options RpcOptions
---@return RpcLibrary
function rpc.with(options) end
