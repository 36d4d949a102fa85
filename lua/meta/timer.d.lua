---@meta
-- timer: functions that run later. For editors only; never run.

---@class Timer
---@field id integer
local Timer = {}

--- Its function will not be called again. A call that is under way goes on.
---
--- ```lua
--- local boom = timer.after(3000, function() log.info("boom") end)
--- if boom:cancel() then log.info("defused") end
--- ```
---@return boolean waited true when the timer was still waiting
function Timer:cancel() end

timer = {}

--- Calls `f` once, not before `ms` milliseconds have passed. It runs as a task of its own and may
--- wait. An error in it is logged with its traceback.
---
--- ```lua
--- local boom = timer.after(3000, function() channel.broadcast("arena", "onBoom", {}) end)
--- boom:cancel()
--- ```
---
--- A timer belongs to the lane that started it and ends with it. After a reload it goes on with the
--- function that it was given; `__reload(old)` is the place to cancel it and start a new one.
---@param ms number
---@param f fun()
---@return Timer
function timer.after(ms, f) end

--- Calls `f` at start + n × `ms`. The firings do not drift: one that came late does not move the
--- next. `missed` is how many firings before this one were left out because the lane was late, or
--- because the call before was still waiting. An error in `f` is logged and does not end the timer.
---
--- ```lua
--- timer.every(1000, function(missed) log.info("a second, and " .. missed .. " before it") end)
--- ```
---@param ms integer from 1
---@param f fun(missed: integer)
---@return Timer
function timer.every(ms, f) end

--- Calls `f` at the times that a cron expression names, in the time zone of the process:
--- minute, hour, day of month, month, day of week. `@hourly` `@daily` `@weekly` `@monthly` and
--- `@yearly` work too.
---
--- ```lua
--- timer.cron("0 5 * * *", function() log.info("a new day") end)
--- ```
---@param expression string
---@param f fun(missed: integer)
---@return Timer
function timer.cron(expression, f) end
