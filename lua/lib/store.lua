-- redis, cache, and channel's topics: what services share beyond one lane and one host.
local host, lib = ...

redis = lib.read_only("redis", {
  call = function(command, ...)
    host.redis_call(command, ...)
    return lib.wait()
  end,
})

cache = lib.read_only("cache", {
  get = function(key)
    host.cache_get(key)
    return lib.wait()
  end,
  set = host.cache_set,
  del = function(key)
    host.cache_del(key)
    return lib.wait()
  end,
  incr = function(key, by, ttl_ms)
    host.cache_incr(key, by, ttl_ms)
    return lib.wait()
  end,
})

local methods = {}
local subscription_meta = {
  __name = "subscription",
  __index = methods,
  __metatable = "subscription",
  __tostring = function(self)
    return "subscription " .. self.id
  end,
}

-- true when it was still there; its function will not be called again.
function methods:cancel()
  return host.unsubscribe(self.id)
end

lib.channel.publish = host.publish

function lib.channel.subscribe(topic, f)
  return setmetatable({ id = host.subscribe(topic, f) }, subscription_meta)
end
