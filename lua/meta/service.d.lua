---@meta
-- service, state, require, fail and config: how a service file is written. For editors only; never
-- run. The code behind it is lua/lib/service.lua, errors.lua and data.lua.

--- What a service file makes, fills and returns.
---@class Service
---@field name string its name in config/services.lua
---@field handler table<string, fun(session: Session, msg: any): any> what clients may call
---@field safe table<string, boolean> remote functions that change nothing: HTTP may GET them
---@field remote table<string, fun(...: any): ...> what other services may call, with rpc.call
---@field init? fun() runs once in every lane before the first client is let in; may wait
---@field stop? fun() runs once in every lane when the host stops; may wait
---@field on_bind? fun(session: Session) a session has just got its uid; may wait
---@field on_close? fun(session: Session, reason: string) a session has ended; may wait

--- Begins a service. The name must be the one in config/services.lua, and the file must end with
--- `return` of what this gives. An error anywhere but in the top-level code of a service file.
---
--- ```lua
--- local bag = service "bag"
---
--- function bag.handler.count(session, msg) -- clients call it as "bag.handler.count"
---   return { code = 200, count = session.data.count or 0 }
--- end
---
--- return bag
--- ```
---@param name string
---@return Service
function service(name) end

--- A table that lives as long as the lane does, and outlives a reload of the service: each call with
--- the same name gives the same table. It belongs to one lane: a service with `lanes = "all"` has one
--- in every lane; use `lanes = "one"` for what everybody must share.
---
--- ```lua
--- local S = state "bag"
--- S.opened = S.opened or 0
--- ```
---@param name string
---@return table
function state(name) end

--- Runs a Lua file of the game once in this lane and gives what it returned; later calls give the
--- same value. `require "shared.damage"` is lua/shared/damage.lua. An error when there is no such
--- file, and when a file requires itself, directly or through others.
---
--- ```lua
--- local damage = require "shared.damage"
--- ```
---@param name string its path below lua/ without .lua, dots for slashes
---@return any
function require(name) end

--- An error that is meant for whoever asked: `fail` makes it.
---@class Failure
---@field code integer
---@field message string
---@field data any

--- Makes an error response. Return it from a handler, or raise it with `error(fail(...))` from deeper
--- down. The client gets `{ code, message, data, requestId }`; nothing is logged, for it is no bug.
--- An error when the code is not an integer from 400 to 999.
---
--- ```lua
--- if gold < price then
---   return fail(402, "not enough gold")
--- end
--- ```
---@param code integer 400 to 999; 404, 409 and so on mean what they mean on the web
---@param message? string for the player's eyes; "failed" when left out
---@param data? any more for the client's code
---@return Failure
function fail(code, message, data) end

--- What is in config/tables, read-only: `config.tables.skills[2].damage`.
---@class Config
---@field tables table<string, table> one for each file of config/tables

--- ```lua
--- local skill = config.tables.skills[msg.skill]
--- if not skill then
---   return fail(404, "no such skill")
--- end
--- ```
---@type Config
config = nil
