-- Table churn: short-lived tables, dictionaries that gain and lose keys, a queue, pairs over all.

return {
  run = function()
    local bag, total = {}, 0
    for i = 1, 3000 do
      local key = "item" .. (i % 300)
      local entry = bag[key]
      if entry == nil then
        bag[key] = { count = 1, tags = { i, i + 1 } }
      elseif entry.count >= 5 then
        bag[key] = nil
      else
        entry.count = entry.count + 1
        entry.tags = { entry.count, i }
      end
    end
    for _, entry in pairs(bag) do total = total + entry.count + #entry.tags end
    local queue, head, tail = {}, 1, 0
    for i = 1, 6000 do
      tail = tail + 1
      queue[tail] = { i }
      if i % 3 ~= 0 then
        total = total + queue[head][1] % 7
        queue[head] = nil
        head = head + 1
      end
    end
    local list = {}
    for i = 1, 500 do table.insert(list, 1 + i % (#list + 1), i) end
    while #list > 100 do total = total + table.remove(list, 50) end
    return total + (tail - head)
  end,
  check = function(result) return result == 116396, result end,
}
