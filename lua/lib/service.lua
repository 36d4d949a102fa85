-- service, state and require: how service files are written, found, and loaded anew.
--
-- `live` is what runs. While a reload tries out new files, `staged` lies over it: the new services
-- and modules, and how every `state` was before they touched it. A commit moves it into `live`; an
-- abort drops it and puts the states back.
local host, lib = ...

local live = { services = {}, modules = {} }
local staged
local states = {}
local loading -- the service whose file runs
local user -- who requires: "service NAME" or the name of a module

-- The hooks that a service may have, under their names without case and underscore.
local hook_named = { init = "init", stop = "stop", onbind = "on_bind", onclose = "on_close", onattach = "on_attach" }

-- Reading `bag.handlers` must not give nil, whose error would not say what was meant.
local service_meta = {
  __index = function(self, key)
    if key == "handlers" or key == "remotes" then
      error(("a service has no '%s'; did you mean %s.%s?"):format(key, self.name, key:sub(1, -2)), 2)
    end
  end,
}

function service(name)
  if loading == nil then
    error("service: only a service file that is being loaded may call this", 2)
  end
  if name ~= loading then
    error(("this file is loaded as service '%s' (config/services.lua) but calls service '%s'"):format(loading, tostring(name)), 2)
  end
  return setmetatable({ name = name, handler = {}, remote = {}, safe = {} }, service_meta)
end

-- The contents of a table and of all tables in it, as a list to be put back by `restore`.
local function snapshot(root)
  local saved, seen, todo = {}, { [root] = true }, { root }
  while #todo > 0 do
    local t = table.remove(todo)
    if #saved == host.undo_tables_max then
      log.warn(("reload: a state has more than %d tables; a failed reload cannot put all of it back"):format(#saved))
      return saved
    end
    local copy = {}
    for k, v in next, t do
      copy[k] = v
      for _, inner in ipairs({ k, v }) do
        if type(inner) == "table" and not seen[inner] then
          seen[inner] = true
          todo[#todo + 1] = inner
        end
      end
    end
    saved[#saved + 1] = { t, copy }
  end
  return saved
end

local function restore(saved)
  for _, entry in ipairs(saved) do
    local t, copy = entry[1], entry[2]
    for k in next, t do
      if copy[k] == nil then
        rawset(t, k, nil)
      end
    end
    for k, v in next, copy do
      if rawget(t, k) ~= v then
        rawset(t, k, v)
      end
    end
  end
end

function state(name)
  if type(name) ~= "string" then
    error("state: expected a name", 2)
  end
  local known = states[name]
  if staged and not staged.saved[name] then
    staged.saved[name] = known and snapshot(known) or "new"
  end
  if not known then
    known = {}
    states[name] = known
  end
  return known
end

local function find_module(name)
  if staged then
    local entry = staged.modules[name]
    if entry or staged.rerun[name] then
      return entry
    end
  end
  return live.modules[name]
end

function require(name)
  if user ~= nil then
    host.module_used(user, name)
  end
  local entry = find_module(name)
  if entry == nil then
    local chunk = host.module(name)
    if chunk == nil then
      error(("require: there is no module '%s' (looked for lua/%s.lua)"):format(tostring(name), tostring(name):gsub("%.", "/")), 2)
    end
    entry = { done = false }
    local modules = (staged or live).modules
    modules[name] = entry
    local before = user
    user = name
    local ok, value = pcall(host.run_module, chunk, name)
    user = before
    if not ok then
      modules[name] = nil
      error(value, 0)
    end
    entry.value = value
    entry.done = true
  elseif not entry.done then
    error(("require: module '%s' requires itself (a cycle)"):format(name), 2)
  end
  return entry.value
end

function lib.begin_service(name)
  loading = name
  user = "service " .. name
end

function lib.abort_service()
  loading = nil
  user = nil
end

-- A run was ended from outside, maybe in the middle of a require.
function lib.killed()
  lib.abort_service()
  for name, entry in pairs(live.modules) do
    if not entry.done then
      live.modules[name] = nil
    end
  end
end

local hooks = { "init", "stop", "on_bind", "on_close", "on_attach", "__reload" }

-- Checks what a service file returned. Returns nothing, or what is wrong with it.
function lib.finish_service(name, value, is_single)
  lib.abort_service()
  if value == nil then
    return "a service file must end with 'return " .. name .. "'"
  end
  if type(value) ~= "table" or type(value.handler) ~= "table" or type(value.remote) ~= "table" then
    return "a service file must return what service '" .. name .. "' gave it"
  end
  for _, kind in ipairs({ "handler", "remote" }) do
    for key, f in pairs(value[kind]) do
      if type(key) ~= "string" or type(f) ~= "function" then
        return ("%s.%s.%s must be a function, it is a %s"):format(name, kind, tostring(key), type(f))
      end
    end
  end
  for key in pairs(type(value.safe) == "table" and value.safe or {}) do
    if value.remote[key] == nil then
      return ("%s.safe.%s: there is no %s.remote.%s"):format(name, tostring(key), name, tostring(key))
    end
  end
  for key in pairs(value) do
    local meant = type(key) == "string" and hook_named[key:lower():gsub("_", "")]
    if meant and meant ~= key then
      return ("%s.%s is never called; did you mean %s.%s?"):format(name, key, name, meant)
    end
  end
  for _, hook in ipairs(hooks) do
    if value[hook] ~= nil and type(value[hook]) ~= "function" then
      return ("%s.%s must be a function, it is a %s"):format(name, hook, type(value[hook]))
    end
  end
  if is_single and next(value.handler) ~= nil then
    return ("service '%s' runs in one lane (lanes = \"one\"): it can have remote functions, no handlers"):format(name)
  end
  local services = (staged or live).services
  services[name] = value
end

lib.services = live.services

function lib.module_loaded(name)
  return live.modules[name] ~= nil
end

-- A reload begins: the modules of the list `rerun` run anew when they are required.
function lib.begin_stage(rerun)
  staged = { services = {}, modules = {}, saved = {}, rerun = {} }
  for _, name in ipairs(rerun) do
    staged.rerun[name] = true
  end
end

-- Modules that only handlers had required have nobody to load them now.
function lib.stage_module(name)
  if live.modules[name] and not staged.modules[name] then
    require(name)
  end
end

-- Hands the new service what the old one was. `__reload` cannot wait.
function lib.call_reload(name)
  local value = staged.services[name]
  if value.__reload then
    value.__reload(live.services[name])
  end
end

function lib.commit_stage()
  for _, kind in ipairs({ "services", "modules" }) do
    for name, entry in pairs(staged[kind]) do
      live[kind][name] = entry
    end
  end
  -- A module that runs anew and was not required again is loaded when somebody asks for it.
  for name in pairs(staged.rerun) do
    if not staged.modules[name] then
      live.modules[name] = nil
    end
  end
  staged = nil
end

function lib.abort_stage()
  for name, saved in pairs(staged.saved) do
    if saved == "new" then
      states[name] = nil
    else
      restore(saved)
    end
  end
  staged = nil
  lib.abort_service()
end
