// The Lua side of differential testing: one script that runs many generated programs and prints
// what each did, the same script for every engine.
//
// Each program is compiled once and runs twice: plainly, and as a coroutine in which every `Y(v)`
// yields to this driver and gets v back. Values are shown so that engines can agree: no addresses, no
// sign of NaN, floats by `%.14g`. A program that prints without end is cut off; one that computes
// without end is ended by whoever runs the script (harness.ts): in lua5.4 a hook counts instructions
// and ends the process, because an error could be caught by the program.

/** Starts the output of a program; `@@ <index> <mode>` on a line of its own. */
const marker = '@@ '

/** The last line of an lua5.4 process whose program took too many instructions. */
const cutMarker = '@@cut'

const prelude = `
local type, tostring, pairs, select, pcall = type, tostring, pairs, select, pcall
local format, concat, mtype = string.format, table.concat, math.type
local running, yield, isyieldable = coroutine.running, coroutine.yield, coroutine.isyieldable
local linesMax, callsMax = 250, 400

local function Text(v)
  local kind = mtype(v)
  if kind == "integer" then return tostring(v) end
  if kind == "float" then
    if v ~= v then return "nan" end
    return format("%.14g", v) .. "f"
  end
  if type(v) == "string" then
    if #v > 80 then return "'" .. v:sub(1, 80) .. "'#" .. #v end
    return "'" .. v .. "'"
  end
  if type(v) == "table" and rawget(v, "code") ~= nil then return "{code=" .. Text(rawget(v, "code")) .. "}" end
  if v == nil or type(v) == "boolean" then return tostring(v) end
  return type(v)
end

local function newEnv(inCoroutine)
  local env, lines, calls, main = {}, 0, 0, nil
  local function show(...)
    lines = lines + 1
    if lines > linesMax then error("too much output", 0) end
    local out = {}
    for i = 1, select("#", ...) do out[i] = Text((select(i, ...))) end
    print(concat(out, " "))
  end
  local function Y(v)
    if inCoroutine and running() == main and isyieldable() then return yield(v) end
    return v
  end
  local function Two(v) return v, Y(v) end
  local meta = {}
  local function val(x)
    if type(x) == "table" then return rawget(x, "v") or 0 end
    return x
  end
  for name in ("add sub mul div mod pow idiv band bor bxor shl shr concat"):gmatch("%a+") do
    meta["__" .. name] = function(a, b)
      show(name, val(a), val(b))
      return Y(name), "cut off"
    end
  end
  function meta.__unm(a) return Y("unm") end
  function meta.__bnot(a) return "bnot", 1 end
  function meta.__len(a) return Y(42) end
  function meta.__eq(a, b) show("eq") return Y(val(a) == val(b)) end
  function meta.__lt(a, b) show("lt", val(a), val(b)) return Y(1) end
  function meta.__le(a, b) show("le", val(a), val(b)) return Y(nil) end
  function meta.__call(self, ...) return Y(select("#", ...)), ... end
  function meta.__index(t, k) show("index", k) return Y(k), "cut off" end
  function meta.__newindex(t, k, v) show("newindex", k, v) rawset(t, k, Y(v)) end
  local function Obj(v) return setmetatable({ v = v }, meta) end
  local function Closer(name, fails)
    return setmetatable({}, { __close = function(_, e)
      show("close", name, e)
      Y(0)
      if fails then error("close failed " .. name) end
    end })
  end
  local function Count(n)
    return function(_, i) if i < n then return Y(i + 1), -i end end, nil, 0
  end
  local function Closing(n)
    return function(_, i) if i < n then return i + 1, Y(i * i) end end, nil, 0, Closer("for")
  end
  -- A NaN has a sign in lua5.4's texts, and none here.
  local function Sure(v) if v ~= v then return "nan" end return v end
  -- Tables that are asked for their length have no holes.
  local function Some(v) if v == nil then return 0 end return v end
  local function Tab(v) return type(v) == "table" and v or {} end
  -- Which border # answers is open where there are holes; that it answers one is not.
  local function Len(v)
    if type(v) ~= "table" then return #v end
    if getmetatable(v) then return #v end
    local n, first = #v, 0
    if (n > 0 and v[n] == nil) or v[n + 1] ~= nil then show("no border", n) end
    while v[first + 1] ~= nil do first = first + 1 end
    return first
  end
  local function Deep()
    calls = calls + 1
    return calls > callsMax
  end
  for name, lib in pairs({ string = string, table = table, math = math, coroutine = coroutine, utf8 = utf8 }) do
    env[name] = lib
  end
  for name, f in pairs({ pcall = pcall, xpcall = xpcall, error = error, select = select, next = next,
    pairs = pairs, ipairs = ipairs, tostring = tostring, tonumber = tonumber, rawequal = rawequal,
    rawget = rawget, rawset = rawset, rawlen = rawlen, assert = assert, setmetatable = setmetatable, type = type, load = textLoad or load,
    print = print, show = show, Y = Y, Two = Two, Obj = Obj, Closer = Closer, Count = Count,
    Closing = Closing, Deep = Deep, Text = Text, Tab = Tab, Sure = Sure, Some = Some, Len = Len }) do
    env[name] = f
  end
  return env, function(co) main = co end
end

local function report(ok, ...)
  if ok then print("returned " .. select("#", ...)) else print("raised " .. Text((...))) end
end

local function runPlain(f)
  report(pcall(f, 1, "two", nil))
end

local function runYielding(f, setMain)
  local co = coroutine.create(f)
  setMain(co)
  local function step(ok, ...)
    if coroutine.status(co) == "dead" then return report(ok, ...) end
    return ...
  end
  local value = step(coroutine.resume(co, 1, "two", nil))
  while coroutine.status(co) ~= "dead" do value = step(coroutine.resume(co, value)) end
  coroutine.close(co)
end

-- Programs may set globals: each run begins with an environment that has only the driver's.
local function fill(env, inCoroutine)
  for name in pairs(env) do env[name] = nil end
  local fresh, setMain = newEnv(inCoroutine)
  for name, value in pairs(fresh) do env[name] = value end
  return setMain
end

local function begin(index, mode)
  print("${marker}" .. index .. " " .. mode)
  if io then io.stdout:flush() end
end

local function run(index, source)
  local env = {}
  local f, message = load(source, "=p", "t", env)
  begin(index, "plain")
  if not f then return report(false, message) end
  fill(env, false)
  runPlain(f)
  begin(index, "yielding")
  runYielding(f, fill(env, true))
end
`

/** A chunk that answers the function `run(index, source)`, which runs one program. */
export const runnerScript = `${prelude}return run`

/** A script for lua5.4 that runs `programs` and ends itself when one is longer than `stepsMax`. */
export function driverScript(programs: readonly string[], stepsMax: number): string {
  const guard = `local function guard()
  debug.sethook(function() print("${cutMarker}") os.exit(0) end, "", ${stepsMax})
end
`
  const runs = programs.map((text, i) => `guard() run(${i}, [=====[\n${text}]=====])\n`)
  return prelude + guard + runs.join('')
}

/** What the programs of a run printed: one text for each, and where the run ended. */
export interface Output {
  readonly texts: string[]
  /** The last program that began. */
  readonly last: number
  /** It took too many steps. */
  readonly cut: boolean
}

/** Cuts the output of a driver script into one text for each program. */
export function outputs(lines: readonly string[], count: number): Output {
  const texts = new Array<string>(count).fill('')
  let last = -1
  for (const line of lines) {
    const begun = line.startsWith(marker) ? /^(\d+) (.*)$/.exec(line.slice(marker.length)) : null
    if (begun !== null) last = Number(begun[1])
    // The number is the place among those of one run, which is not the same on every side.
    if (last >= 0) texts[last] += `${begun === null ? comparable(line) : marker + begun[2]}\n`
  }
  return { texts, last, cut: lines.at(-1) === cutMarker }
}

/**
 * How a message names a variable depends on PUC's register allocation in rare cases; and 5.4.4 tells
 * the wrong line for a division by a constant zero.
 * A library function that the library calls (`pcall(string.rep)`) has its full name in PUC only.
 */
function comparable(original: string): string {
  const line = original
    .replace(/p:\d+: (attempt to (?:perform 'n%+0'|divide by zero))/, '$1')
    .replaceAll('-nan', 'nan')
    .replace(/'(?:string|table|math|utf8|coroutine)\.(\w+)'/g, "'$1'")
    .replace(/\b(table|function|thread): (?:builtin: )?0x[0-9a-f]+/g, '$1: address')
  return strictNames
    ? line
    : line.replace(/ \((?:local|upvalue|field|global|method|constant) '[^']*'\)/g, '')
}

const strictNames = process.env.MOONWHEEL_STRICT_NAMES === '1'
