// The demo game in a folder of a test's own, with its own spool and database.
//
// Test process. Tests may not share the project's: two hosts of one name exclude each other there.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from './host-process.ts'

const made: string[] = []

export interface DemoOptions {
  readonly lanes?: number
  readonly engine?: 'v8' | 'fengari'
  /** Replaces texts of config/host.lua; each must be in it. */
  readonly settings?: readonly (readonly [string, string])[]
}

/** @returns the folder of a copy of the demo game */
export function demoGame(options: DemoOptions = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'moonwheel-demo-'))
  made.push(root)
  for (const folder of ['config', 'lua']) {
    cpSync(join(projectFolder, folder), join(root, folder), { recursive: true })
  }
  const file = join(root, 'config/host.lua')
  let text = readFileSync(file, 'utf8')
  const { lanes, engine, settings = [] } = options
  const all = [
    ...settings,
    ...(lanes === undefined ? [] : [['-- count = 3,', `count = ${lanes},`] as const]),
    ...(engine === undefined
      ? []
      : [['env("MOONWHEEL_LUA_ENGINE", "v8")', `"${engine}"`] as const]),
  ]
  for (const [from, to] of all) {
    if (!text.includes(from)) throw new Error(`config/host.lua has no ${from}`)
    text = text.replace(from, to)
  }
  writeFileSync(file, text)
  return root
}

export function removeDemoGames(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true })
}
