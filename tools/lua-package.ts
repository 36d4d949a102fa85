// require, package, loadfile and dofile, for the stand-alone interpreter only.
//
// Written in Lua over one host function that reads a file, so that both engines have them. Searches
// package.preload and package.path; there are no C loaders.

import { readFileSync } from 'node:fs'
import { type LuaEngine, LuaMulti } from '../core/lua/engine.ts'

const source = `local read = ...
local preload, loaded = {}, {}
package = { path = './?.lua;./?/init.lua', cpath = '', config = '/\\n;\\n?\\n!\\n-\\n',
            preload = preload, loaded = loaded }
loaded._G, loaded.package = _G, package
for name, value in pairs(_G) do
  if type(value) == 'table' then loaded[name] = value end
end

function loadfile(path, mode, ...)
  local text, problem = read(path or '-')
  if text == nil then return nil, problem end
  if select('#', ...) > 0 then return load(text, '@' .. (path or 'stdin'), mode, (...)) end
  return load(text, '@' .. (path or 'stdin'), mode)
end

function dofile(path)
  local chunk, problem = loadfile(path)
  if chunk == nil then error(problem, 0) end
  return chunk()
end

function package.searchpath(name, path, sep, rep)
  local file = name:gsub('%' .. (sep or '.'), '%' .. (rep or '/'))
  local candidates = path:gsub('%?', (file:gsub('%%', '%%%%')))
  for candidate in (candidates .. ';'):gmatch('([^;]*);') do
    if read(candidate) ~= nil then return candidate end
  end
  return nil, "no file '" .. candidates:gsub(';', "'\\n\\tno file '") .. "'"
end

local function fromPreload(name)
  local found = package.preload[name]
  if found == nil then return "no field package.preload['" .. name .. "']" end
  return found, ':preload:'
end

local function fromPath(name)
  if type(package.path) ~= 'string' then error("'package.path' must be a string") end
  local path, problem = package.searchpath(name, package.path)
  if path == nil then return problem end
  local chunk, why = loadfile(path)
  if chunk == nil then
    error(("error loading module '%s' from file '%s':\\n\\t%s"):format(name, path, why), 0)
  end
  return chunk, path
end

-- There are no C loaders; a module that only C could load is told as lua tells it.
local function fromC(name)
  if type(package.cpath) ~= 'string' then error("'package.cpath' must be a string") end
  return select(2, package.searchpath(name, package.cpath)) or 'no C modules here'
end

package.searchers = { fromPreload, fromPath, fromC }

function require(name)
  if loaded[name] ~= nil then return loaded[name] end
  if type(package.searchers) ~= 'table' then error("'package.searchers' must be a table") end
  local tried = {}
  for _, search in ipairs(package.searchers) do
    local found, extra = search(name)
    if type(found) == 'function' then
      local value = found(name, extra)
      if value ~= nil then loaded[name] = value end
      if loaded[name] == nil then loaded[name] = true end
      return loaded[name], extra
    elseif type(found) == 'string' then
      tried[#tried + 1] = '\\n\\t' .. found
    end
  end
  error("module '" .. name .. "' not found:" .. table.concat(tried), 2)
end`

/** Puts `require`, `package`, `loadfile` and `dofile` into the engine's globals. */
export function openPackage(engine: LuaEngine): void {
  const read = engine.hostFunction('readfile', (path) => {
    try {
      const text = readFileSync(path === '-' ? 0 : Buffer.from(String(path), 'latin1'))
      return text.toString('latin1')
    } catch {
      return new LuaMulti([undefined, `cannot open ${String(path)}`])
    }
  })
  engine.call(engine.load(Buffer.from(source), '=package'), read)
}
