-- The smallest service: edit the text below and reload to see it change.
-- Clients call it as route "hello.handler.hi".
local hello = service "hello"

---@param session Session who is calling
---@param msg { name?: string } what they sent
function hello.handler.hi(session, msg)
  local name = msg.name or "stranger"
  return { code = 200, text = "Hello, " .. name .. "!" }
end

return hello
