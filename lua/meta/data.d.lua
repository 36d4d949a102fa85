---@meta
-- json, log, id and clock. For editors only; never run. The code behind it is lua/lib/data.lua.

---@class JsonLibrary
---@field null table stands for JSON's null: in arrays, and where a field must be there and empty
json = {}

--- Lua to JSON text. Tables with the keys 1..n become arrays, all others objects; an empty table is
--- `{}` unless `json.array` made it. An error that names the field for what JSON cannot say: functions,
--- nan, infinity, tables within tables deeper than 64, text that is not UTF-8.
---
--- ```lua
--- local text = json.encode({ id = 7, tags = json.array() }) --> {"id":7,"tags":[]}
--- ```
---@param value any
---@return string
function json.encode(value) end

--- JSON text to Lua. null becomes nil inside objects, and `json.null` inside arrays and alone. An error
--- for text that is no JSON.
---
--- ```lua
--- local gold = json.decode('{"gold":5}').gold --> 5
--- ```
---@param text string
---@return any
function json.decode(text) end

--- Marks a table as an array, so that it is written as `[]` when it is empty.
---
--- ```lua
--- return { code = 200, friends = json.array() }
--- ```
---@generic T
---@param t? T[] a new table when left out
---@return T[]
function json.array(t) end

---@class LogLibrary
log = {}

--- Writes a line to the log, if log.level of config/host.lua is "debug" or lower. The lane and, in a
--- handler, the session and its uid are added by themselves.
---
--- ```lua
--- log.debug("picked a target", { target = uid })
--- ```
---@param text any
---@param fields? table
function log.debug(text, fields) end

--- Writes a line to the log.
---
--- ```lua
--- log.info("round started", { players = 4 })
--- ```
---@param text any
---@param fields? table
function log.info(text, fields) end

--- Writes a line to the log for something that should not be, but is handled.
---
--- ```lua
--- log.warn("a player moved too far", { uid = session.uid, metres = 80 })
--- ```
---@param text any
---@param fields? table
function log.warn(text, fields) end

--- Writes a line to the log for something that went wrong.
---
--- ```lua
--- log.error("the season could not be closed")
--- ```
---@param text any
---@param fields? table
function log.error(text, fields) end

---@class IdLibrary
id = {}

--- A number that no other call has given or will give, on any host of the game with its own node.id.
--- Later ones are larger. It is text, because it is too large for JavaScript's numbers.
---
--- ```lua
--- local item_id = id.next() --> "288441390284902400"
--- ```
---@return string decimal digits
function id.next() end

---@class ClockLibrary
clock = {}

--- Milliseconds since 1970. It may jump when the machine's time is set: use mono_ms to measure.
---
--- ```lua
--- session.data.joined_ms = clock.now_ms()
--- ```
---@return integer
function clock.now_ms() end

--- Milliseconds that only ever grow, with fractions: for measuring how long something took, and for
--- cooldowns. Means nothing after a restart or on another machine.
---
--- ```lua
--- local ready_ms = clock.mono_ms() + 500
--- ```
---@return number
function clock.mono_ms() end
