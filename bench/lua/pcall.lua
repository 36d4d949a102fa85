-- pcall: mostly calls that succeed, some that raise text, some that raise tables.

local function work(i)
  if i % 50 == 0 then error("bad " .. i) end
  if i % 20 == 0 then error({ code = i }) end
  return i, i + 1
end

return {
  run = function()
    local sum, texts, codes = 0, 0, 0
    for i = 1, 4000 do
      local ok, a, b = pcall(work, i)
      if ok then
        sum = sum + a + b
      elseif type(a) == "string" then
        texts = texts + 1
      else
        codes = codes + a.code
      end
    end
    return sum + texts + codes
  end,
  check = function(result) return result == 15363840, result end,
}
