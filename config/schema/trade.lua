-- Every gift of gold from one player to another, for ever: the game's ledger.

return db_table {
  key = "id",

  columns = {
    id = int, -- from id.next()
    from_id = int,
    to_id = int,
    gold = int,
    at = time, -- when: milliseconds since 1970
  },

  indexes = { { "from_id" }, { "to_id" } },
}
