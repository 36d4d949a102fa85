-- db and entity: what a game writes to its database, and reads from it.
--
-- Host functions return what is wrong with their arguments as text; it is raised here with the place
-- in the game's file. Those that wait are followed by lib.wait.
local host, lib = ...

local blob_meta = { __name = "blob", __metatable = "blob" }

local function raise(name, problem)
  if problem then
    error(name .. ": " .. problem, 3)
  end
end

local function query(sql, ...)
  raise("db.query", host.db_query(sql, ...))
  return lib.wait()
end

-- Ends the transaction as its function ended.
local function settle(ok, ...)
  host.db_end(ok)
  if ok then
    return ...
  end
  error((...), 0)
end

db = lib.read_only("db", {
  exec = function(sql, ...)
    raise("db.exec", host.db_exec(sql, ...))
  end,
  query = query,
  one = function(sql, ...)
    raise("db.one", host.db_query(sql, ...))
    return lib.wait()[1]
  end,
  transaction = function(f, ...)
    if type(f) ~= "function" then
      error("db.transaction: argument 1 must be a function, it is a " .. type(f), 2)
    end
    raise("db.transaction", host.db_begin())
    return settle(pcall(f, ...))
  end,
  blob = function(bytes)
    if type(bytes) ~= "string" then
      error("db.blob: argument 1 must be a string of bytes, it is a " .. type(bytes), 2)
    end
    return setmetatable(host.db_blob(bytes), blob_meta)
  end,
})

entity = lib.read_only("entity", {
  load = function(name, key)
    local found, waits, problem = host.entity_load(name, key)
    if waits then
      return lib.wait()
    end
    raise("entity.load", problem)
    return found
  end,
  create = function(name, row)
    local made, _, problem = host.entity_create(name, row)
    raise("entity.create", problem)
    return made
  end,
  delete = function(name, key)
    raise("entity.delete", host.entity_delete(name, key))
  end,
  add = function(name, key, column, amount)
    raise("entity.add", host.entity_add(name, key, column, amount))
  end,
})
