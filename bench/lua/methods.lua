-- Methods: classes through __index, one and two levels of inheritance, virtual calls.

local Shape = {}
Shape.__index = Shape
function Shape:area() return 0 end
function Shape:scaled(k) return self:area() * k end

local Square = setmetatable({}, { __index = Shape })
Square.__index = Square
function Square.new(side) return setmetatable({ side = side }, Square) end
function Square:area() return self.side * self.side end

local Box = setmetatable({}, { __index = Square })
Box.__index = Box
function Box.new(side, high) return setmetatable({ side = side, high = high }, Box) end
function Box:area() return Square.area(self) * 2 + self.side * self.high * 4 end
function Box:grow(by) self.high = self.high + by end

return {
  run = function()
    local shapes = {}
    for i = 1, 50 do
      shapes[#shapes + 1] = Square.new(i)
      shapes[#shapes + 1] = Box.new(i, 1)
    end
    local total = 0
    for _ = 1, 200 do
      for i = 1, #shapes do
        local s = shapes[i]
        total = total + s:scaled(2)
        if s.grow then s:grow(1) end
      end
    end
    return total
  end,
  check = function(result) return result == 256530000, result end,
}
