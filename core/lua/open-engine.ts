// Opens the engine that the config names. Any thread that runs Lua.

import type { EngineOptions, LuaEngine } from './engine.ts'
import { createFengariEngine } from './fengari/engine.ts'
import { createV8Engine } from './v8/engine.ts'

export type EngineName = LuaEngine['name']

export function openEngine(name: EngineName, options: EngineOptions): LuaEngine {
  switch (name) {
    case 'fengari':
      return createFengariEngine(options)
    case 'v8':
      return createV8Engine(options)
  }
}
