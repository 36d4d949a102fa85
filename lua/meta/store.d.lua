---@meta
-- redis and cache: what services share beyond their lane. For editors only; never run. The code behind
-- it is lua/lib/store.lua.

---@class RedisLibrary
redis = {}

--- Sends one command to Redis (`redis.url` of config/host.lua; off by default) and gives its reply:
--- text, an integer, nil for nothing, or a list, in which nothing is `false`. Waits. Many coroutines'
--- commands are under way at once on one connection, so commands that block or change the connection
--- (BLPOP, MULTI, SELECT, SUBSCRIBE...) are refused; EVAL is atomic. Raises `{ code, message }`: 503
--- without a connection, 504 after `redis.timeout_ms`, 500 with Redis's own words, 400 when refused.
--- After a 503 or 504 the command may or may not have been carried out.
---
--- ```lua
--- local place = redis.call("ZREVRANK", "ladder", session.uid)
--- ```
---@param command string
---@param ... string|number
---@return string|integer|table|nil
function redis.call(command, ...) end

---@class CacheLibrary
cache = {}

--- What is kept under a key, as a copy; nil when there is nothing, or its time has passed. All lanes of
--- this host see the same cache; other hosts have their own. Waits.
---
--- ```lua
--- local board = cache.get("ladder:top10")
--- ```
---@param key string 1 to 255 bytes
---@return any
function cache.get(key) end

--- Keeps a copy of a value in this host's memory. What was used longest ago is let go of beyond
--- `cache.bytes_max` of config/host.lua, and everything when the host stops: keep nothing here that
--- cannot be made again. nil removes the key. Does not wait.
---
--- ```lua
--- cache.set("ladder:top10", board, 5000)
--- ```
---@param key string 1 to 255 bytes
---@param value any
---@param ttl_ms? number how long it is kept at most; no end when left out
function cache.set(key, value, ttl_ms) end

--- Removes a key. Waits.
---
--- ```lua
--- local was_there = cache.del("ladder:top10")
--- ```
---@param key string 1 to 255 bytes
---@return boolean was_there
function cache.del(key) end

--- Adds to a whole number, which is 0 when there is none yet, and gives the sum. Waits. An error when
--- something else than a whole number is there.
---
--- ```lua
--- if cache.incr("tries:" .. session.ip, 1, 60000) > 5 then
---   error(fail(429, "too many tries; wait a minute"))
--- end
--- ```
---@param key string 1 to 255 bytes
---@param by? integer 1 when left out
---@param ttl_ms? number for a number that this call makes; one that is there keeps its time
---@return integer
function cache.incr(key, by, ttl_ms) end

--- What `channel.subscribe` gives.
---@class Subscription
local Subscription = {}

--- Ends it: its function is not called any more. Does not wait.
---
--- ```lua
--- subscription:cancel()
--- ```
---@return boolean was_there false when it was cancelled before
function Subscription:cancel() end
