---@meta
-- What files under config/ may use besides the standard library. For editors only; never run.

--- The value of an environment variable. Without a default, a variable that is not set is an error.
--- With a number or a boolean as default, the variable is read as one.
---
--- ```lua
--- listen = { tcp = env("GAME_TCP_PORT", 7300) }
--- ```
---@generic T
---@param name string
---@param default? T
---@return string|T
function env(name, default) end

---@class moon.Column
---@class moon.NumberOptions
---@field min? number the smallest value allowed
---@field max? number the largest value allowed
---@field default? number the value of a row that leaves the column out
---@field optional? boolean true: a row may leave the column out
---@class moon.TextOptions
---@field min? integer the fewest characters
---@field max? integer the most characters
---@field default? string
---@field optional? boolean
---@class moon.FlagOptions
---@field default? boolean
---@field optional? boolean

---@class moon.TableSchema
---@field key string the column that rows are found by: `config.tables.NAME[key]`
---@field columns table<string, moon.Column>
---@field rows table[]

--- A table with columns, for files in config/tables. Rows are checked one by one: wrong types, values
--- out of range, missing and unknown columns, and duplicate keys are reported with their line.
---
--- ```lua
--- return table_schema {
---   key = "id",
---   columns = { id = integer { min = 1 }, name = text, damage = integer { min = 0, max = 9999 } },
---   rows = { { id = 1, name = "Slash", damage = 12 } },
--- }
--- ```
---@param schema moon.TableSchema
---@return table
function table_schema(schema) end

--- A column of whole numbers: `integer` or `integer { min = 0, max = 100, default = 1 }`.
---@type moon.Column|fun(options: moon.NumberOptions): moon.Column
integer = nil

--- A column of numbers: `number` or `number { min = 0 }`.
---@type moon.Column|fun(options: moon.NumberOptions): moon.Column
number = nil

--- A column of text: `text` or `text { max = 32 }`; min and max count characters.
---@type moon.Column|fun(options: moon.TextOptions): moon.Column
text = nil

--- A column of true and false.
---@type moon.Column|fun(options: moon.FlagOptions): moon.Column
flag = nil

--- A column of anything, tables too.
---@type moon.Column|fun(options: { optional?: boolean, default?: any }): moon.Column
any = nil

--- A column that holds one of the given values: `choice { "potion", "weapon" }`.
---
--- ```lua
--- columns = { kind = choice { "potion", "weapon" } }
--- ```
---@param words (string|number)[]
---@return moon.Column
function choice(words) end

--- A column that holds the key of a row in another table: `ref "skills"`.
---
--- ```lua
--- columns = { skill = ref "skills" }
--- ```
---@param table_name string
---@return moon.Column
function ref(table_name) end

--- The same column, but a row may leave it out: `optional(ref "skills")`.
---
--- ```lua
--- columns = { skill = optional(ref "skills") }
--- ```
---@param column moon.Column
---@return moon.Column
function optional(column) end
