-- Waiting: sleep, fork, and coroutines of a service's own making.
--
-- A wait is a host function that notes what is waited for, and then a yield that reaches the lane. A
-- service may have made coroutines between itself and the lane; each of them passes the wait up and
-- the answer down, so that `sleep` works inside a coroutine.wrap generator as anywhere else.
local host, lib = ...

local yield, resume, create = coroutine.yield, coroutine.resume, coroutine.create
local depth = 0 -- coroutines of the services' own making between the running code and the lane

local function answer(ok, ...)
  if ok then
    return ...
  end
  error((...), 0)
end

-- Call right after the host function that started the wait.
function lib.wait()
  return answer(yield())
end

-- The body of every coroutine that the lane makes: runs what it is given, again and again.
function lib.task(f, ...)
  return lib.task(yield(f(...)))
end

local relay

local function settle(co, level, ok, ...)
  depth = level - 1
  if ok and host.is_parked() then
    return relay(co, yield())
  end
  return ok, ...
end

relay = function(co, ...)
  depth = depth + 1
  return settle(co, depth, resume(co, ...))
end

local function raise(ok, ...)
  if ok then
    return ...
  end
  error((...), 0)
end

local own = {}
for name, f in pairs(coroutine) do
  own[name] = f
end
own.resume = relay
function own.wrap(f)
  local co = create(f)
  return function(...)
    return raise(relay(co, ...))
  end
end
function own.yield(...)
  if depth == 0 then
    error("coroutine.yield: this code is not inside a coroutine of its own (use sleep to wait)", 2)
  end
  return yield(...)
end
function own.isyieldable()
  return depth > 0
end
coroutine = lib.read_only("coroutine", own)

function sleep(ms)
  host.sleep(ms)
  return lib.wait()
end

function fork(f, ...)
  host.fork(f, ...)
end
