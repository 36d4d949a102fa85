-- N-body: the planets' orbits, all float fields. The energy after the steps is the check.

local pi = math.pi
local solar, year = 4 * pi * pi, 365.24

local function planets()
  return {
    { x = 0, y = 0, z = 0, vx = 0, vy = 0, vz = 0, mass = solar },
    { x = 4.84143144246472090, y = -1.16032004402742839, z = -0.103622044471123109,
      vx = 0.00166007664274403694 * year, vy = 0.00769901118419740425 * year,
      vz = -0.0000690460016972063023 * year, mass = 0.000954791938424326609 * solar },
    { x = 8.34336671824457987, y = 4.12479856412430479, z = -0.403523417114321381,
      vx = -0.00276742510726411 * year, vy = 0.00499852801234917 * year,
      vz = 0.0000230417297573764 * year, mass = 0.000285885980666131 * solar },
    { x = 12.8943695621391310, y = -15.1111514016986312, z = -0.223307578892655734,
      vx = 0.00296460137564762 * year, vy = 0.00237847173959481 * year,
      vz = -0.0000296589568540238 * year, mass = 0.0000436624404335156 * solar },
  }
end

local function advance(bodies, dt)
  local n = #bodies
  for i = 1, n do
    local a = bodies[i]
    for j = i + 1, n do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      local d2 = dx * dx + dy * dy + dz * dz
      local mag = dt / (d2 * math.sqrt(d2))
      local am, bm = a.mass * mag, b.mass * mag
      a.vx, a.vy, a.vz = a.vx - dx * bm, a.vy - dy * bm, a.vz - dz * bm
      b.vx, b.vy, b.vz = b.vx + dx * am, b.vy + dy * am, b.vz + dz * am
    end
  end
  for i = 1, n do
    local a = bodies[i]
    a.x, a.y, a.z = a.x + dt * a.vx, a.y + dt * a.vy, a.z + dt * a.vz
  end
end

local function energy(bodies)
  local e = 0
  for i = 1, #bodies do
    local a = bodies[i]
    e = e + 0.5 * a.mass * (a.vx * a.vx + a.vy * a.vy + a.vz * a.vz)
    for j = i + 1, #bodies do
      local b = bodies[j]
      local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
      e = e - a.mass * b.mass / math.sqrt(dx * dx + dy * dy + dz * dz)
    end
  end
  return e
end

return {
  run = function()
    local bodies = planets()
    for _ = 1, 4000 do advance(bodies, 0.01) end
    return energy(bodies)
  end,
  check = function(result)
    local text = string.format("%.9f", result)
    return text == "-0.167896849", text
  end,
}
