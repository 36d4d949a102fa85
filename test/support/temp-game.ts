// A game folder of a test's own: a copy of nothing but the files it is given.
//
// Test process. Folders are made below the machine's temporary folder and removed by
// `removeTempGames`, which the tests call in afterAll or afterEach.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const made: string[] = []

/**
 * Makes a game of `services` (name → Lua source), each in every lane and with all routes public,
 * and of any other `files` (path → text), which go before what is made up here.
 * @returns its folder
 */
export function makeTempGame(
  services: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): string {
  const root = mkdtempSync(join(tmpdir(), 'moonwheel-game-'))
  made.push(root)
  const names = Object.keys(services)
  const listed = names.map((name) => `  { name = "${name}" },`).join('\n')
  const publicRoutes = names.map((name) => `"${name}.*"`).join(', ')
  const all: Record<string, string> = {
    'config/services.lua': `return {\n${listed}\n}\n`,
    'config/host.lua': `return {
  lanes = { count = 2, request_timeout_ms = 1000 },
  lua = { engine = env("MOONWHEEL_LUA_ENGINE", "v8") },
  gate = { public_routes = { ${publicRoutes} } },
  log = { level = "debug", pretty = false },
}\n`,
  }
  for (const [name, source] of Object.entries(services)) all[`lua/services/${name}.lua`] = source
  for (const [path, text] of Object.entries({ ...all, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

export function removeTempGames(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true })
}
