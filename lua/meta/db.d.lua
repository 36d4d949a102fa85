---@meta
-- db: what a game writes to its database, and reads from it. For editors only; never run. The code
-- behind it is lua/lib/db.lua; docs/LUA.md, "The database", says when what is written is safe.

---@class DbLibrary
db = {}

--- Writes: one INSERT, UPDATE, DELETE or REPLACE. It does not wait, and the reply of this handler leaves
--- when it is on disk. All that is written between two waits is one transaction; an error in the handler
--- drops it. Values are passed by `?` only: numbers, text in UTF-8, booleans, nil and db.blob.
---
--- ```lua
--- db.exec("INSERT INTO trade(id, from_id, to_id) VALUES (?, ?, ?)", id.next(), session.uid, msg.to)
--- ```
---@param sql string
---@param ... any one value for each `?`
function db.exec(sql, ...) end

--- Asks the database. Waits. It sees what this session has written, and raises when the database does
--- not answer within db.query_timeout_ms of config/host.lua.
---
--- ```lua
--- local rows = db.query("SELECT to_id, gold FROM trade WHERE from_id = ? ORDER BY at", session.uid)
--- ```
---@param sql string a SELECT
---@param ... any one value for each `?`
---@return table<string, any>[] rows each a table by column; NULL is nil
function db.query(sql, ...) end

--- The same, for the first row.
---
--- ```lua
--- local richest = db.one("SELECT id, gold FROM role ORDER BY gold DESC LIMIT 1")
--- ```
---@param sql string a SELECT
---@param ... any one value for each `?`
---@return table<string, any>? row nil when there is none
function db.one(sql, ...) end

--- Makes what a function writes a transaction of its own. What was written before it is committed first.
--- When the function raises, what it wrote and what it changed in entities is taken back, and the error
--- is raised on. Nothing can wait in it.
---
--- ```lua
--- db.transaction(function()
---   db.exec("DELETE FROM mail WHERE to_id = ?", session.uid)
---   db.exec("INSERT INTO mail_log(id, uid) VALUES (?, ?)", id.next(), session.uid)
--- end)
--- ```
---@param f fun(...: any): ...any
---@param ... any handed to the function
---@return any ... what the function returned
function db.transaction(f, ...) end

--- Marks bytes that are no text, so that db.exec stores them as they are.
---
--- ```lua
--- db.exec("UPDATE role SET face = ? WHERE id = ?", db.blob("\1\2\255"), session.uid)
--- ```
---@param bytes string
---@return any blob for a parameter of db.exec, db.query or db.one
function db.blob(bytes) end
