-- The players. `npm run drain -- migrate` brings this into the database; so does the host at its start.
--
-- A column is int, float, text, blob, json, bool or time; optional(...) lets it be nil.

return db_table {
  key = "id",

  columns = {
    id = text { max = 64 }, -- the uid of the player
    name = text { max = 48 },
    gold = int { default = 0 },
  },
}
