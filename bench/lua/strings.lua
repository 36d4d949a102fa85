-- String building: `..` in a loop, table.concat, format, sub and byte over the result.

return {
  run = function()
    local total = 0
    for round = 1, 20 do
      local text = ""
      for i = 1, 100 do text = text .. i .. "," end
      local parts = {}
      for i = 1, 100 do parts[#parts + 1] = string.format("%d:%s", i, "v" .. i) end
      local joined = table.concat(parts, ";")
      for i = 1, #text do
        if text:byte(i) == 44 then total = total + 1 end
      end
      for i = 1, #joined, 7 do total = total + #joined:sub(i, i + 6) end
      total = total + #(text:upper()) + #(joined:rep(2)) + #(text:reverse())
    end
    return total
  end,
  check = function(result) return result == 54660, result end,
}
