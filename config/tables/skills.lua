-- The skills of the game. In Lua: config.tables.skills[2].damage
--
-- Add a row, save, and run `npm run check`: a wrong cell is reported with its line and column.

return table_schema {
  key = "id", -- rows are found by this column; no two rows may share it

  columns = {
    id = integer { min = 1 },
    name = text { min = 1, max = 32 },
    damage = integer { min = 0, max = 9999 }, -- hit points taken from the target
    range = number { min = 0, max = 100 }, -- how far away the target may stand, in metres
    cooldown_ms = integer { min = 0, max = 600000, default = 1000 }, -- until it can be used again
  },

  rows = {
    { id = 1, name = "Slash", damage = 12, range = 2, cooldown_ms = 500 },
    { id = 2, name = "Moon Arrow", damage = 9, range = 18.5 }, -- the default cooldown: a second
    { id = 3, name = "Fireball", damage = 35, range = 12, cooldown_ms = 4000 },
    { id = 4, name = "Whirlwind", damage = 20, range = 3, cooldown_ms = 2500 },
  },
}
