-- rpc: calls to other services, whichever lane or node runs them.
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

-- A method that a .proto declares gets what its messages can carry, also when it is called from here.
local function declared_results(name, method, ok, ...)
  if ok then
    return host.declared_response(name, method, ...)
  end
  error(lib.remote_error(name .. ".remote." .. method, (...)), 0)
end

local function declared_here(name, method, ...)
  local f = remote_function(name, method)
  return declared_results(name, method, pcall(f, host.declared_request(name, method, ...)))
end

local in_this_lane, in_other_lane, declared_in_this_lane = 0, 1, 2

local function call(name, method, ...)
  local place = host.place(name, method)
  if place == in_this_lane then
    return here(name, method, ...)
  elseif place == declared_in_this_lane then
    return declared_here(name, method, ...)
  elseif place == in_other_lane then
    host.rpc_call(name, method, ...)
  else
    host.node_call(name, method, nil, nil, nil, nil, ...)
  end
  return lib.wait()
end

local function send(name, method, ...)
  local place = host.place(name, method)
  if place == in_this_lane then
    fork(remote_function(name, method), copies(name .. ".remote." .. method, ...))
  elseif place == declared_in_this_lane then
    fork(remote_function(name, method), host.declared_request(name, method, ...))
  elseif place == in_other_lane then
    host.rpc_send(name, method, ...)
  else
    host.node_send(name, method, nil, nil, nil, nil, ...)
  end
end

local function protected(f, ...)
  local out = table.pack(pcall(f, ...))
  if out[1] then
    return table.unpack(out, 1, out.n)
  end
  local err = out[2]
  if type(err) == "table" then
    return false, err.code, err.message
  end
  return false, 500, tostring(err)
end

-- --- rpc.to, rpc.key, rpc.with

local function text_option(what, value)
  if math.type(value) == "integer" then
    value = tostring(value)
  end
  if type(value) ~= "string" or value == "" or #value > 255 then
    error(what .. ": expected a text of 1 to 255 bytes", 4)
  end
  return value
end

local checks = {
  node = function(value)
    return text_option("rpc.to", value)
  end,
  key = function(value)
    return text_option("rpc.key", value)
  end,
  idempotency_key = function(value)
    return text_option("rpc.with: idempotency_key", value)
  end,
  timeout_ms = function(value)
    if type(value) ~= "number" or value < 1 or value > host.rpc_timeout_ms_max then
      error(("rpc.with: timeout_ms: expected a number from 1 to %d"):format(host.rpc_timeout_ms_max), 3)
    end
    return math.ceil(value)
  end,
}

local with

-- The same functions again, for calls that have these options.
local function through(options)
  local o = options
  local function call_with(name, method, ...)
    host.node_call(name, method, o.node, o.key, o.timeout_ms, o.idempotency_key, ...)
    return lib.wait()
  end
  return lib.read_only("rpc", {
    call = call_with,
    pcall = function(...)
      return protected(call_with, ...)
    end,
    send = function(name, method, ...)
      host.node_send(name, method, o.node, o.key, o.timeout_ms, o.idempotency_key, ...)
    end,
    to = function(node)
      return with(o, { node = node })
    end,
    key = function(key)
      return with(o, { key = key })
    end,
    with = function(more)
      return with(o, more)
    end,
  })
end

with = function(options, more)
  if type(more) ~= "table" then
    error("rpc.with: expected a table such as { timeout_ms = 500 }", 3)
  end
  local all = {}
  for name, value in pairs(options) do
    all[name] = value
  end
  for name, value in pairs(more) do
    local check = checks[name]
    if not check then
      error(("rpc.with: there is no option '%s' (timeout_ms, idempotency_key)"):format(tostring(name)), 3)
    end
    all[name] = check(value)
  end
  return through(all)
end

rpc = lib.read_only("rpc", {
  call = call,
  send = send,
  pcall = function(...)
    return protected(call, ...)
  end,
  to = function(node)
    return with({}, { node = node })
  end,
  key = function(key)
    return with({}, { key = key })
  end,
  with = function(options)
    return with({}, options)
  end,
})

-- Whether a remote function changes nothing: the service lists it in `safe`.
function lib.is_safe(name, method)
  local found = lib.services[name]
  return found ~= nil and type(found.safe) == "table" and found.safe[method] == true
end
