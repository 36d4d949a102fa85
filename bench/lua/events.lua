-- Events: a publish and subscribe table of handlers, a timer heap, and string-keyed dispatch.

local function push(heap, item)
  heap[#heap + 1] = item
  local i = #heap
  while i > 1 do
    local up = (i - i % 2) / 2
    if heap[up].at <= heap[i].at then break end
    heap[up], heap[i] = heap[i], heap[up]
    i = up
  end
end

local function pop(heap)
  local top, n = heap[1], #heap
  heap[1] = heap[n]
  heap[n] = nil
  n = n - 1
  local i = 1
  while true do
    local l = i * 2
    if l > n then break end
    if l < n and heap[l + 1].at < heap[l].at then l = l + 1 end
    if heap[i].at <= heap[l].at then break end
    heap[i], heap[l] = heap[l], heap[i]
    i = l
  end
  return top
end

local handlers = {
  spawn = function(world, event) world.alive = world.alive + event.count end,
  hurt = function(world, event) world.damage = world.damage + event.count * 2 end,
  leave = function(world, event) world.alive = world.alive - 1 end,
}
local kinds = { "spawn", "hurt", "leave", "unknown" }

return {
  run = function()
    local heap, world, seed = {}, { alive = 0, damage = 0, missed = 0 }, 17
    for i = 1, 600 do
      local high = math.floor(seed / 127773)
      seed = 16807 * (seed - high * 127773) - 2836 * high
      if seed <= 0 then seed = seed + 2147483647 end
      push(heap, { at = seed % 1000, kind = kinds[i % 4 + 1], count = i % 3 })
    end
    local last = -1
    while #heap > 0 do
      local event = pop(heap)
      if event.at < last then return -1 end
      last = event.at
      local handler = handlers[event.kind]
      if handler then handler(world, event) else world.missed = world.missed + 1 end
    end
    return world.alive * 1000000 + world.damage * 1000 + world.missed
  end,
  check = function(result) return result == 300150, result end,
}
