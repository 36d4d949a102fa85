-- The services of the game. Each is a Lua file that clients and other services call by its name.
--
--   name    the word in front of every route: "login" in "login.handler.guest"
--   file    where it is; lua/services/<name>.lua when left out
--   lanes   "all" (the default): a copy runs in every lane, near the players it serves
--           "one": exactly one copy runs, for what must be shared, such as a world

return {
  { name = "hello" },
  { name = "login" },
  { name = "echo" },
  { name = "chat" },
  { name = "bag" },
  { name = "trade" },
  { name = "battle" },
  { name = "arena", lanes = "one" },
}
