-- Sort: numbers, strings, and records by a comparison function. The random numbers are those of Park
-- and Miller by Schrage's method, which stays within 32 bits.

local function randoms(n, seed)
  local list = {}
  for i = 1, n do
    local high = math.floor(seed / 127773)
    seed = 16807 * (seed - high * 127773) - 2836 * high
    if seed <= 0 then seed = seed + 2147483647 end
    list[i] = seed
  end
  return list
end

return {
  run = function()
    local numbers = randoms(2000, 42)
    table.sort(numbers)
    local words = {}
    for i, n in ipairs(randoms(500, 7)) do words[i] = "w" .. n end
    table.sort(words)
    local records = {}
    for i, n in ipairs(randoms(1000, 99)) do records[i] = { score = n % 100, id = i } end
    table.sort(records, function(a, b)
      if a.score ~= b.score then return a.score > b.score end
      return a.id < b.id
    end)
    for i = 2, #numbers do if numbers[i - 1] > numbers[i] then return -1 end end
    for i = 2, #words do if words[i - 1] > words[i] then return -2 end end
    for i = 2, #records do if records[i - 1].score < records[i].score then return -3 end end
    return numbers[1] + #words + records[1].score
  end,
  check = function(result) return result == 285972, result end,
}
