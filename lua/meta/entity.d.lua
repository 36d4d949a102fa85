---@meta
-- entity: rows of the database as plain Lua tables. For editors only; never run. The code behind it is
-- lua/lib/db.lua; tables and columns are declared in config/schema.

---@class EntityLibrary
entity = {}

--- The row of a table as a Lua table with its columns as fields. Change the fields; what differs when the
--- handler ends or waits becomes one UPDATE. Waits when the row is not in the lane's memory yet. Load it in
--- each handler that uses it. It can be loaded only in the lane that owns its key: a row whose key is a
--- uid, in the lane of that player.
---
--- ```lua
--- local role = entity.load("role", session.uid)
--- role.gold = role.gold - 10
--- ```
---@param name string a table of config/schema
---@param key any the key; for a key of several columns, the list of them
---@return table<string, any>? row nil when there is none
function entity.load(name, key) end

--- Makes a row. Columns that are left out have the defaults of config/schema. Does not wait.
---
--- ```lua
--- local guild = entity.create("role", { id = session.uid, name = "Mei" })
--- ```
---@param name string a table of config/schema
---@param row table<string, any> by column
---@return table<string, any> row as entity.load gives it
function entity.create(name, row) end

--- Deletes a row. Does not wait.
---
--- ```lua
--- entity.delete("role", session.uid)
--- ```
---@param name string a table of config/schema
---@param key any as for entity.load
function entity.delete(name, key) end

--- Adds to an int column of any row, whichever lane owns it. Two who add at the same moment lose nothing.
--- A row that does not exist is not made. Does not wait.
---
--- ```lua
--- entity.add("role", msg.to, "gold", 10)
--- ```
---@param name string a table of config/schema
---@param key any as for entity.load
---@param column string
---@param amount integer may be negative
function entity.add(name, key, column, amount) end
