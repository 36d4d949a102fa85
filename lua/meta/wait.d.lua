---@meta
-- sleep, fork and coroutines. For editors only; never run. The code behind it is lua/lib/wait.lua.
--
-- Waiting parks only the code that waits: the lane goes on with other players meanwhile. Handlers,
-- remote functions, hooks (init, stop, on_bind, on_close) and forks can wait; the top-level code of a
-- service file cannot.

--- Waits. Raises `{ code = 504 }` when the request's time (lanes.request_timeout_ms of
--- config/host.lua) is over first.
---
--- ```lua
--- sleep(500) -- half a second
--- ```
---@param ms number milliseconds, from 0 to 2147483647
function sleep(ms) end

--- Runs a function beside this one, as soon as this one waits or ends. It has no time limit; an error in
--- it is only logged. Does not wait.
---
--- ```lua
--- fork(function()
---   sleep(3000)
---   session:push("onReady", {})
--- end)
--- ```
---@param f fun(...: any)
---@param ... any handed to the function
function fork(f, ...) end

-- coroutine.* is Lua's own. Two things to know: code inside a coroutine of yours may wait (sleep,
-- rpc.call, ...) as code outside may, and the one who resumed it waits with it; and coroutine.yield
-- is an error where no coroutine of yours is running: use sleep to wait. coroutine.close is there too.
