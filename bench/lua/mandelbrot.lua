-- Mandelbrot: floats in locals only, an early way out of the loop.

return {
  run = function()
    local size, inside = 96, 0
    for py = 0, size - 1 do
      local ci = 2.0 * py / size - 1.0
      for px = 0, size - 1 do
        local cr = 2.0 * px / size - 1.5
        local zr, zi, zr2, zi2 = 0.0, 0.0, 0.0, 0.0
        local escaped = false
        for _ = 1, 50 do
          zi = 2.0 * zr * zi + ci
          zr = zr2 - zi2 + cr
          zr2, zi2 = zr * zr, zi * zi
          if zr2 + zi2 > 4.0 then
            escaped = true
            break
          end
        end
        if not escaped then inside = inside + 1 end
      end
    end
    return inside
  end,
  check = function(result) return result == 3666, result end,
}
