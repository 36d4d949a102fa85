-- What is in the players' bags: one row for each kind of item that a player has.

return db_table {
  key = { "role_id", "item_id" },

  columns = {
    role_id = int,
    item_id = text { max = 32 }, -- a key of config/tables/items.lua
    count = int { default = 1 },
  },
}
