-- Every gift of gold from one player to another, for ever: the game's ledger.

return db_table {
  key = "id",

  columns = {
    id = text { max = 20 }, -- from id.next()
    from_id = text { max = 64 },
    to_id = text { max = 64 },
    gold = int,
    at = time, -- when: milliseconds since 1970
  },

  indexes = { { "from_id" }, { "to_id" } },
}
