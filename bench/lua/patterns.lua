-- Patterns: find, match, gmatch and gsub as services use them (commands, key=value, templates).

local log = {}
for i = 1, 60 do
  log[i] = ("2024-03-%02d 12:%02d:07 [info] user=%d item=sword_%d price=%d.50  ok"):format(i % 28 + 1, i % 60, i, i, i * 10)
end
local text = table.concat(log, "\n")

return {
  run = function()
    local total = 0
    for line in text:gmatch("[^\n]+") do
      local y, m, d = line:match("^(%d+)-(%d+)-(%d+)")
      total = total + tonumber(y) + tonumber(m) + tonumber(d)
      for key, value in line:gmatch("(%w+)=(%S+)") do total = total + #key + #value end
      if line:find("sword_5", 1, true) then total = total + 1 end
      if line:find("%[(%a+)%]") then total = total + 1 end
    end
    local filled, n = text:gsub("%d+", function(digits) return #digits end)
    local names = { user = "player", item = "thing" }
    local renamed, k = text:gsub("%a+", names)
    local trimmed, s = text:gsub("%s+", " ")
    return total + n + k + s + #filled + #renamed + #trimmed
  end,
  check = function(result) return result == 136772, result end,
}
