-- JSON in Lua: an encoder and a decoder of one's own, there and back.

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }

local encode
local function encodeString(s) return '"' .. s:gsub('["\\\n\t]', escapes) .. '"' end

local function encodeTable(t)
  local out = {}
  if #t > 0 then
    for i = 1, #t do out[i] = encode(t[i]) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  for i, k in ipairs(keys) do out[i] = encodeString(k) .. ":" .. encode(t[k]) end
  return "{" .. table.concat(out, ",") .. "}"
end

function encode(v)
  local kind = type(v)
  if kind == "string" then return encodeString(v) end
  if kind == "table" then return encodeTable(v) end
  return tostring(v)
end

local decodeValue
local function skip(s, i) return s:find("%S", i) end

local function decodeString(s, i)
  local out, from = "", i + 1
  while true do
    local at = s:find('["\\]', from)
    out = out .. s:sub(from, at - 1)
    if s:byte(at) == 34 then return out, at + 1 end
    local c = s:sub(at + 1, at + 1)
    out = out .. (c == "n" and "\n" or c == "t" and "\t" or c)
    from = at + 2
  end
end

local function decodeList(s, i)
  local list = {}
  i = skip(s, i + 1)
  if s:byte(i) == 93 then return list, i + 1 end
  while true do
    list[#list + 1], i = decodeValue(s, i)
    i = skip(s, i)
    if s:byte(i) == 93 then return list, i + 1 end
    i = skip(s, i + 1)
  end
end

local function decodeObject(s, i)
  local object = {}
  i = skip(s, i + 1)
  if s:byte(i) == 125 then return object, i + 1 end
  while true do
    local key
    key, i = decodeString(s, i)
    i = skip(s, skip(s, i) + 1)
    object[key], i = decodeValue(s, i)
    i = skip(s, i)
    if s:byte(i) == 125 then return object, i + 1 end
    i = skip(s, i + 1)
  end
end

function decodeValue(s, i)
  local c = s:byte(i)
  if c == 34 then return decodeString(s, i) end
  if c == 123 then return decodeObject(s, i) end
  if c == 91 then return decodeList(s, i) end
  if c == 116 then return true, i + 4 end
  if c == 102 then return false, i + 5 end
  local from, to = s:find("^-?%d+%.?%d*", i)
  return tonumber(s:sub(from, to)), to + 1
end

local items = {}
for i = 1, 20 do
  items[i] = { id = i, name = "item \"" .. i .. "\"\n", price = i + 0.5, tags = { "a", "b", "tag" .. i }, sold = i % 2 == 0 }
end
local message = { route = "bag.handler.buy", uid = 1234567, items = items }

return {
  run = function()
    local text = encode(message)
    local again = encode(decodeValue(text, 1))
    return text == again and #text or -1
  end,
  check = function(result) return result == 1685, result end,
}
