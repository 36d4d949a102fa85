-- What is in the players' bags: one row for each thing that was put into one.

return db_table {
  key = "id",

  columns = {
    id = text { max = 20 }, -- from id.next()
    role_id = text { max = 64 },
    item_id = text { max = 32 }, -- a key of config/tables/items.lua
    count = int { default = 1 },
  },

  indexes = { { "role_id" } },
}
