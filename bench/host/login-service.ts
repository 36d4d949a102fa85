// The login service of the benchmarks' games: whoever asks is who he says. Its route is public there.

/** Lua: `login.handler.as { uid }` */
export const loginService = `
local login = service "login"
function login.handler.as(session, msg)
  session:bind(msg.uid)
  return { code = 200 }
end
return login`
