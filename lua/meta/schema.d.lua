---@meta
-- What files under config/schema may use besides the standard library, `env`, `text` and `optional`
-- (config.d.lua). For editors only; never run.

---@class moon.IntOptions
---@field default? integer what a row has that does not say
---@field optional? boolean true: the cell may be nil
---@class moon.FloatOptions
---@field default? number
---@field optional? boolean
---@class moon.BoolOptions
---@field default? boolean
---@field optional? boolean
---@class moon.PlainOptions
---@field optional? boolean

---@class moon.DbTable
---@field key string|string[] the column, or the columns, that name a row
---@field columns table<string, moon.Column>
---@field indexes? string[][] what else rows are looked for by: `{ { "name" }, unique("a", "b") }`

--- A table of the game's database; the file's name is the table's name. `npm run drain -- migrate` makes
--- it, and adds columns and indexes that are new.
---
--- ```lua
--- return db_table {
---   key = "id",
---   columns = { id = int, name = text { max = 32 }, gold = int { default = 0 } },
---   indexes = { { "name" } },
--- }
--- ```
---@param schema moon.DbTable
---@return table
function db_table(schema) end

--- A column of whole numbers of 64 bits: `int` or `int { default = 0 }`.
---@type moon.Column|fun(options: moon.IntOptions): moon.Column
int = nil

--- A column of numbers with a fraction: `float` or `float { default = 1.5 }`.
---@type moon.Column|fun(options: moon.FloatOptions): moon.Column
float = nil

--- A column of bytes.
---@type moon.Column|fun(options: moon.PlainOptions): moon.Column
blob = nil

--- A column that holds a table of plain data.
---@type moon.Column|fun(options: moon.PlainOptions): moon.Column
json = nil

--- A column of true and false: `bool` or `bool { default = false }`.
---@type moon.Column|fun(options: moon.BoolOptions): moon.Column
bool = nil

--- A column of points in time: milliseconds since 1970 in UTC, as an integer.
---@type moon.Column|fun(options: moon.IntOptions): moon.Column
time = nil

--- An index that lets no two rows have the same values there: `indexes = { unique("name") }`.
---
--- ```lua
--- indexes = { unique("name"), { "gold" } }
--- ```
---@param ... string
---@return table
function unique(...) end
