-- rpc: calls to other services, whichever lane runs them.
--
-- Arguments and results are copies on both sides, also when the service runs in this very lane, and
-- an error arrives as { code, message }: a caller cannot tell where the service lives.
local host, lib = ...

local depth_max = 64

local function copy(value, path, depth)
  local kind = type(value)
  if kind == "table" then
    if value == host.json_null then
      return value
    end
    if depth > depth_max then
      error(path .. ": nested deeper than " .. depth_max .. " (a cycle?) cannot be sent", 0)
    end
    local to = {}
    for k, v in next, value do
      to[copy(k, path, depth + 1)] = copy(v, path, depth + 1)
    end
    return to
  elseif kind == "function" or kind == "thread" then
    error(path .. ": a " .. kind .. " cannot be sent", 0)
  end
  return value
end

local function part(value, name)
  if type(value) == "table" or type(value) == "function" or type(value) == "thread" then
    return copy(value, name, 1)
  end
  return value
end

-- Copies of all values. Short lists, which are nearly all, take no detour through varargs.
local function copies(name, ...)
  local n = select("#", ...)
  if n == 0 then
    return
  elseif n == 1 then
    return part((...), name)
  elseif n <= 3 then
    local a, b, c = ...
    if n == 2 then
      return part(a, name), part(b, name)
    end
    return part(a, name), part(b, name), part(c, name)
  end
  local list = table.pack(...)
  for i = 1, n do
    list[i] = part(list[i], name)
  end
  return table.unpack(list, 1, n)
end

local function results(name, ok, ...)
  if ok then
    return copies(name, ...)
  end
  error(lib.remote_error(name, (...)), 0)
end

local function remote_function(name, method)
  local found = lib.services[name]
  if found == nil then
    error(lib.bug(404, ("service '%s' is not loaded yet; call it from init or later"):format(name)), 0)
  end
  local f = found.remote[method]
  if f == nil then
    error(lib.bug(404, ("service '%s' has no remote function '%s'"):format(name, tostring(method))), 0)
  end
  return f
end

-- For calls that come from another lane.
lib.remote_function = remote_function

local function here(name, method, ...)
  local f = remote_function(name, method)
  local label = name .. ".remote." .. method
  return results(label, pcall(f, copies(label, ...)))
end

local function call(name, method, ...)
  if host.runs_here(name) then
    return here(name, method, ...)
  end
  host.rpc_call(name, method, ...)
  return lib.wait()
end

rpc = lib.read_only("rpc", {
  call = call,
  pcall = function(...)
    local out = table.pack(pcall(call, ...))
    if out[1] then
      return table.unpack(out, 1, out.n)
    end
    local err = out[2]
    if type(err) == "table" then
      return false, err.code, err.message
    end
    return false, 500, tostring(err)
  end,
  send = function(name, method, ...)
    if host.runs_here(name) then
      local f = remote_function(name, method)
      fork(f, copies(name .. ".remote." .. method, ...))
    else
      host.rpc_send(name, method, ...)
    end
  end,
})
