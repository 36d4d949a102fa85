-- config, json, log, id and clock.
local host, lib = ...

json = lib.read_only("json", {
  encode = host.json_encode,
  decode = host.json_decode,
  null = host.json_null,
  -- Marks a table as an array, so that an empty one is written as [].
  array = function(t)
    return setmetatable(t or {}, host.json_array)
  end,
})

local function frozen(name, value)
  if type(value) ~= "table" then
    return value
  end
  for key, inner in pairs(value) do
    value[key] = frozen(name .. "." .. tostring(key), inner)
  end
  return lib.read_only(name, value)
end

-- config.tables.NAME stays the same object over a reload; what is read through it is the new data.
-- So `local items = config.tables.items` at the top of a file never goes out of date; a row that was
-- taken before stays as it was.
local shown, tables = {}, {}
local config_data = { tables = lib.read_only("config.tables", tables) }

local function table_view(name)
  local view = { data = nil }
  view.proxy = setmetatable({}, {
    __index = function(_, key)
      return view.data[key]
    end,
    __newindex = function(_, key)
      error("config.tables." .. name .. " is read-only (writing '" .. tostring(key) .. "')", 2)
    end,
    __len = function()
      return #view.data
    end,
    __pairs = function()
      return next, view.data, nil
    end,
    __metatable = "read-only",
  })
  return view
end

-- Everything that can fail; lib.swap_tables then only assigns.
function lib.prepare_tables(new)
  local ready = {}
  for name, value in pairs(new) do
    if type(value) == "table" then
      for key, inner in pairs(value) do
        value[key] = frozen("config.tables." .. name .. "." .. tostring(key), inner)
      end
    end
    ready[name] = value
  end
  return ready
end

function lib.swap_tables(ready)
  for name in pairs(tables) do
    if ready[name] == nil then
      tables[name] = nil
    end
  end
  for name, value in pairs(ready) do
    if type(value) == "table" then
      shown[name] = shown[name] or table_view(name)
      shown[name].data = value
      tables[name] = shown[name].proxy
    else
      tables[name] = value
    end
  end
end

config = lib.read_only("config", config_data)

local function level(number)
  return function(text, fields)
    host.log(number, tostring(text), fields)
  end
end
log = lib.read_only("log", { debug = level(20), info = level(30), warn = level(40), error = level(50) })

id = lib.read_only("id", { next = host.next_id })

clock = lib.read_only("clock", {
  -- Milliseconds since 1970; may jump when the machine's time is set.
  now_ms = host.wall_ms,
  -- Milliseconds that only ever grow: for measuring how long something took.
  mono_ms = host.monotonic_ms,
})
