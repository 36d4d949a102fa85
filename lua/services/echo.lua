-- Sends back what it is sent: for trying out a client before anybody has logged in.
local echo = service "echo"

function echo.handler.echo(session, msg)
  return msg
end

return echo
