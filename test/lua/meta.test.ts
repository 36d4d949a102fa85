// lua/meta against what is really there: everything is documented, and nothing is made up.
//
// A service in a real lane tells its globals and the session it is handed; what a bare engine has is
// Lua's own and needs no words. config.d.lua is held against the sandbox of config files.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databasePrelude } from '../../core/config/database-schema.ts'
import { evaluate } from '../../core/config/evaluate.ts'
import { Problems } from '../../core/config/problems.ts'
import { tablePrelude } from '../../core/config/table-schema.ts'
import type { LuaEngine } from '../../core/lua/engine.ts'
import { createFengariEngine } from '../../core/lua/fengari/engine.ts'
import { projectFolder, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { type Documented, readLuaMeta } from '../support/lua-meta.ts'
import { connectClient } from '../support/pomelo-client.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

/** What the lane's service tells: types of globals, of the library's fields, of the session. */
interface Seen {
  readonly globals: Record<string, string>
  readonly session: Record<string, string>
}

const tellingService = `local tell = service "tell"
local function walk(names, prefix, t)
  for name, value in pairs(t) do
    names[prefix .. name] = type(value)
  end
end
function tell.handler.all(session)
  local names = {}
  for name, value in pairs(_G) do
    names[name] = type(value)
    if type(value) == "table" and name ~= "_G" and name ~= "config" then
      walk(names, name .. ".", value)
    end
  end
  walk(names, "config.", config)
  local fields = {}
  walk(fields, "", session)
  return { globals = names, session = fields }
end
return tell
`

const all = readLuaMeta(join(projectFolder, 'lua/meta'))
const ofConfig = all.filter(({ file }) => file === 'config.d.lua')
const ofSchema = all.filter(({ file }) => file === 'schema.d.lua')
const ofHost = all.filter((each) => !ofConfig.includes(each) && !ofSchema.includes(each))
const named = (list: readonly Documented[], name: string) => list.find((each) => each.name === name)

function bareEngine(): LuaEngine {
  const print = (): void => {}
  return createFengariEngine({ print, wallMs: () => 0, seed: [1n, 0n], stringBytesMax: 65536 })
}

/** Names of Lua's own: `print`, `string`, `string.rep`. */
function standardNames(): Set<string> {
  const engine = bareEngine()
  const names = new Set<string>()
  const source = `local names = {}
for name, value in pairs(_G) do
  names[#names + 1] = name
  if type(value) == "table" and value ~= _G then
    for field in pairs(value) do names[#names + 1] = name .. "." .. field end
  end
end
return table.concat(names, " ")`
  const [text] = engine.call(engine.load(Buffer.from(source), 'names.lua'))
  for (const name of String(text).split(' ')) names.add(name)
  return names
}

const standard = standardNames()

describe('lua/meta and the host library', () => {
  let seen: Seen
  beforeAll(async () => {
    const root = makeTempGame(
      { tell: tellingService },
      { 'config/tables/skills.lua': 'return {}\n' },
    )
    const host = await startHostProcess({ root })
    const client = await connectClient({ transport: 'tcp', port: host.tcpPort, user: { n: 1 } })
    seen = (await client.request('tell.handler.all')) as Seen
    await client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
  })
  afterAll(async () => {
    await stopAllHosts()
    removeTempGames()
  })

  it('documents every global and every function and field of the library', () => {
    const real = Object.keys(seen.globals).filter((name) => !standard.has(name))
    expect(real).toContain('channel.broadcast')
    // Fields of a documented class: `config.tables` is one of Config.
    const known = (name: string) => named(ofHost, name) ?? (name === 'config.tables' || undefined)
    expect(real.filter((name) => known(name) === undefined)).toEqual([])
  })

  it('documents nothing that does not exist, and each as what it is', () => {
    const methods = ofHost.filter(({ name }) => /^[A-Z]/.test(name))
    const wrong = ofHost
      .filter((each) => !methods.includes(each))
      .filter(({ name, kind }) => {
        const type = seen.globals[name]
        return kind === 'function' ? type !== 'function' : type === undefined || type === 'function'
      })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  it('documents the methods and fields of a session', () => {
    const source = readFileSync(join(projectFolder, 'lua/lib/session.lua'), 'utf8')
    const real = [...source.matchAll(/\bmethods[.:](\w+)/g)].map(([, name]) => `Session:${name}`)
    const documented = ofHost.map(({ name }) => name).filter((name) => name.startsWith('Session:'))
    expect(documented.sort()).toEqual([...new Set(real)].sort())
    const meta = readFileSync(join(projectFolder, 'lua/meta/session.d.lua'), 'utf8')
    const block = /---@class Session\n((?:---@field .*\n)+)/.exec(meta)?.[1] ?? ''
    const fields = [...block.matchAll(/@field (\w+)\??/g)].map(([, name]) => name)
    // The uid is nil before bind.
    expect(fields.sort()).toEqual([...Object.keys(seen.session), 'uid'].sort())
  })

  it('leaves what is different about Lua’s own coroutine library in words', () => {
    const own = [...standard].filter((name) => name.startsWith('coroutine.'))
    const real = Object.keys(seen.globals).filter((name) => name.startsWith('coroutine.'))
    expect(real.sort()).toEqual(own.sort())
  })
})

describe('config.d.lua and schema.d.lua', () => {
  /** What a config file sees besides Lua's own. */
  function seenBy(prelude: string): string[] {
    const root = mkdtempSync(join(tmpdir(), 'moonwheel-meta-'))
    const source =
      'local names = {} for name in pairs(_G) do names[#names + 1] = name end return { names = names }'
    writeFileSync(join(root, 'all.lua'), source)
    const sources = { root, env: {}, problems: new Problems() }
    const value = evaluate(sources, 'all.lua', prelude)?.value as { names: string[] }
    rmSync(root, { recursive: true })
    return value.names.filter((name) => !standard.has(name)).sort()
  }

  it('document what files of config/ may use, and nothing else', () => {
    expect(ofConfig.map(({ name }) => name).sort()).toEqual(seenBy(tablePrelude))
  })

  it('document what files of config/schema may use, and nothing else', () => {
    const shared = ['env', 'text', 'optional']
    const names = [...ofSchema.map(({ name }) => name), ...shared]
    expect(names.sort()).toEqual(seenBy(databasePrelude))
  })
})

describe('each documented function', () => {
  const functions = all.filter(({ kind }) => kind === 'function')
  it.each(functions.map((each) => [each.name, each] as const))('%s', (_, each) => {
    expect(each.text.trim()).not.toBe('')
    expect(each.documentedParams).toEqual(each.params)
    expect(each.example, 'an example').not.toBe('')
    expect(() => bareEngine().load(Buffer.from(each.example), each.file)).not.toThrow()
  })
  it('canary: a file without words, parameters and examples is seen to have none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'moonwheel-meta-'))
    writeFileSync(
      join(folder, 'bad.d.lua'),
      '---@meta\n\n---@param a any\nfunction x.y(a, b) end\n',
    )
    const [bad] = readLuaMeta(folder)
    rmSync(folder, { recursive: true })
    expect(bad).toMatchObject({
      name: 'x.y',
      text: '',
      params: ['a', 'b'],
      documentedParams: ['a'],
    })
    expect(functions.length).toBeGreaterThan(20)
  })
})
