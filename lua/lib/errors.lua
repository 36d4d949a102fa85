-- fail(code, message): the error response of a handler, to be returned or raised.
local host, lib = ...

local failure = {
  __name = "failure",
  __metatable = "failure",
  __tostring = function(self)
    return self.code .. ": " .. self.message
  end,
}

function fail(code, message, data)
  if math.type(code) ~= "integer" or code < 400 or code > 999 then
    error("fail: the code must be an integer from 400 to 999, as in fail(404, \"no such item\")", 2)
  end
  return setmetatable({ code = code, message = tostring(message or "failed"), data = data }, failure)
end

-- An error that is a bug and no answer: Lua code sees the words, a client is told "internal error".
function lib.bug(code, message)
  return setmetatable({ code = code, message = message, internal = true }, failure)
end

-- What a caller in another service is told of an error that a remote function raised.
function lib.remote_error(name, err)
  if type(err) == "table" and math.type(rawget(err, "code")) == "integer" then
    return setmetatable({
      code = err.code,
      message = tostring(err.message or "failed"),
      internal = err.internal,
    }, failure)
  end
  return lib.bug(500, name .. ": " .. tostring(err))
end

-- A table that can be read and not written; pairs and # work through it.
function lib.read_only(what, data)
  return setmetatable({}, {
    __index = data,
    __newindex = function(_, key)
      error(what .. " is read-only (writing '" .. tostring(key) .. "')", 2)
    end,
    __len = function()
      return #data
    end,
    __pairs = function()
      return next, data, nil
    end,
    __metatable = "read-only",
  })
end
