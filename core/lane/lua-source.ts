// Finds and reads Lua sources: services, modules for `require`, the host's own lua/lib.
//
// Core thread and tools; lanes own no file, they are handed these. What cannot be read is CONFIG.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { HostError, messageOf } from '../base/errors.ts'

export interface LuaModule {
  /** What `require` calls it: its path below lua/ without .lua, dots for slashes. */
  readonly name: string
  /** Path as shown in messages, from the project's root, with forward slashes. */
  readonly path: string
  readonly source: Uint8Array
}

/** The files of lua/lib, in the order in which a lane runs them. */
export const libraryOrder = [
  'errors.lua',
  'wait.lua',
  'service.lua',
  'session.lua',
  'store.lua',
  'cluster.lua',
  'db.lua',
  'rpc.lua',
  'data.lua',
  'timer.lua',
] as const

/**
 * Reads one Lua file.
 * @param root the project's folder @param path from the root
 * @throws HostError CONFIG when it cannot be read
 */
export function readLuaModule(root: string, path: string): LuaModule {
  try {
    const shown = relative(root, join(root, path)).split(sep).join('/')
    const name = shown
      .replace(/^lua\//, '')
      .replace(/\.lua$/, '')
      .replaceAll('/', '.')
    return { name, path: shown, source: new Uint8Array(readFileSync(join(root, path))) }
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ENOENT'
    const why = missing ? 'there is no such file' : messageOf(cause)
    throw new HostError('CONFIG', `${path}: ${why}`, { cause })
  }
}

/** Files of lua/services that begin a service which config/services.lua does not list. */
export function unlistedServices(modules: readonly LuaModule[]): string[] {
  return modules
    .filter(({ path }) => path.startsWith('lua/services/'))
    .filter(({ source }) => /^[^-\n]*=\s*service\b/m.test(Buffer.from(source).toString('latin1')))
    .map(({ path }) => path)
}

/** All Lua files below a folder, sorted by path; an absent folder has none. */
export function readLuaFolder(root: string, folder: string): LuaModule[] {
  let entries: string[]
  try {
    entries = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
  return entries
    .filter((entry) => entry.endsWith('.lua'))
    .sort()
    .map((entry) => readLuaModule(root, join(folder, entry)))
}
