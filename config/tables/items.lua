-- What the shop sells. In Lua: config.tables.items["healing_potion"].price
--
-- The key is a word, so code that uses an item reads well. `skill` names a row of skills.lua: a
-- scroll of a skill that does not exist is an error of `npm run check`, not of a player's evening.

return table_schema {
  key = "id",

  columns = {
    id = text { min = 1, max = 32 },
    name = text { min = 1, max = 32 },
    price = integer { min = 0 }, -- in gold
    kind = choice { "potion", "weapon", "scroll" },
    skill = optional(ref "skills"), -- only scrolls have one
  },

  rows = {
    { id = "healing_potion", name = "Healing Potion", price = 25, kind = "potion" },
    { id = "iron_sword", name = "Iron Sword", price = 120, kind = "weapon" },
    { id = "moon_bow", name = "Moon Bow", price = 340, kind = "weapon" },
    { id = "scroll_of_fireball", name = "Scroll of Fireball", price = 80, kind = "scroll", skill = 3 },
  },
}
