-- timer: functions that run later, once or again and again, as tasks of their own.
local host, lib = ...

local methods = {}
local timer_meta = {
  __name = "timer",
  __index = methods,
  __metatable = "timer",
  __tostring = function(self)
    return "timer " .. self.id
  end,
}

-- true when it was still waiting; its function will not be called again.
function methods:cancel()
  return host.timer_cancel(self.id)
end

local function handle(id)
  return setmetatable({ id = id }, timer_meta)
end

-- file:line of the code that called the function that calls this.
local function caller()
  local _, where = pcall(error, "", 4)
  return (where:gsub(": $", ""))
end

timer = lib.read_only("timer", {
  after = function(ms, f)
    return handle(host.timer_after(ms, f, caller()))
  end,
  every = function(ms, f)
    return handle(host.timer_every(ms, f, caller()))
  end,
  cron = function(expression, f)
    return handle(host.timer_cron(expression, f, caller()))
  end,
})
