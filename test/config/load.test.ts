// config/*.lua: what is read, what is refused, and with which words. Each test has its own folder.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { type LoadOptions, loadConfig, loadTables } from '../../core/config/load.ts'
import { plainToLua } from '../../core/config/lua-values.ts'
import type { HostConfig } from '../../core/config/types.ts'
import type { LuaTable } from '../../core/lua/engine.ts'
import { createFengariEngine } from '../../core/lua/fengari/engine.ts'

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moon-config-'))
  mkdirSync(join(root, 'config'))
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

function write(file: string, text: string): void {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const load = (options: Omit<LoadOptions, 'root'> = {}): HostConfig =>
  loadConfig({ root, env: {}, ...options })

/** The lines of the CONFIG error that loading raises. */
function problems(options: Omit<LoadOptions, 'root'> = {}): string[] {
  try {
    load(options)
  } catch (thrown) {
    if (thrown instanceof HostError && thrown.code === 'CONFIG') return thrown.message.split('\n')
    throw thrown
  }
  return []
}

describe('host.lua', () => {
  it('has defaults for everything when it is missing', () => {
    const config = load()
    expect(config.node).toEqual({ name: 'node1', id: 1 })
    expect(config.listen).toEqual({ host: '127.0.0.1', tcp: 7300, ws: 7301, http: 7302 })
    expect(config.gate.publicRoutes).toEqual(['login.*', 'echo.*'])
    expect(config.gate.frameBytesMaxBeforeBind).toBe(4096)
    expect(config.lanes.requestTimeoutMs).toBe(10_000)
    expect(config.lua.engine).toBe('v8')
    expect(config.services).toEqual([])
    expect(config.tables).toEqual([])
  })

  it('is frozen all the way down', () => {
    const config = load()
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.gate.publicRoutes)).toBe(true)
    expect(() => Object.assign(config.gate, { heartbeatS: 1 })).toThrow(TypeError)
  })

  it('takes what is written and keeps the rest', () => {
    write(
      'config/host.lua',
      `local minute = 60
      return {
        node = { name = "moon-2", id = 1023 },
        listen = { tcp = 0, ws = false, host = "0.0.0.0" },
        gate = { heartbeat_s = 2 * minute, public_routes = {} },
        log = { pretty = false, level = "debug" },
      }`,
    )
    const config = load()
    expect(config.node).toEqual({ name: 'moon-2', id: 1023 })
    expect(config.listen).toEqual({ host: '0.0.0.0', tcp: 0, ws: false, http: 7302 })
    expect(config.gate.heartbeatS).toBe(120)
    expect(config.gate.publicRoutes).toEqual([])
    expect(config.log).toEqual({ level: 'debug', pretty: false })
  })

  it('reports every problem with file, line, field and what was expected', () => {
    write(
      'config/host.lua',
      `-- gate = { heartbeat_s = 1 }
return {
  node = { nam = "a", id = 1024 },
  gate = {
    --[[ heartbeat_s = 5,
    ]]
    heartbeat_s = "ten",
    ["connections_max"] = -1,
    out_stall_ms = 2000.5, frame_bytes_max = 100,
    public_routes = { "a b" },
  },
  lisen = {},
  log = { level = "loud" },
  lua = 5,
}`,
    )
    expect(problems()).toEqual([
      "config/host.lua:12: lisen: unknown section (did you mean 'listen'?)",
      "config/host.lua:3: node.nam: unknown field (did you mean 'name'?)",
      'config/host.lua:3: node.id: expected a whole number from 0 to 1023, got 1024',
      'config/host.lua:14: lua: expected a table, got 5',
      'config/host.lua:7: gate.heartbeat_s: expected a whole number from 1 to 3600, got "ten"',
      'config/host.lua:8: gate.connections_max: expected a whole number from 1 to 1000000, got -1',
      'config/host.lua:9: gate.out_stall_ms: expected a whole number from 10 to 600000, got 2000.5',
      'config/host.lua:9: gate.frame_bytes_max: expected a number of bytes from 256 to 16777215, got 100',
      'config/host.lua:10: gate.public_routes: expected a list of routes such as ' +
        '"login.handler.guest" or "login.*", got { "a b" }',
      'config/host.lua:13: log.level: expected one of "trace", "debug", "info", "warn", "error", got "loud"',
    ])
  })

  it.each([
    [1, undefined],
    [3600, undefined],
    [0, 'from 1 to 3600, got 0'],
    [3601, 'from 1 to 3600, got 3601'],
  ])('holds heartbeat_s = %d to its range', (value, expected) => {
    write('config/host.lua', `return { gate = { heartbeat_s = ${value} } }`)
    const [first] = problems()
    if (expected === undefined) expect(first).toBeUndefined()
    else expect(first).toContain(expected)
  })

  it('checks fields against each other', () => {
    write(
      'config/host.lua',
      'return {\n gate = { frame_bytes_max = 1000 },\n listen = { tcp = 9, ws = 9, http = 0 } }',
    )
    expect(problems()).toEqual([
      'config/host.lua:2: gate.frame_bytes_max_before_bind: expected at most gate.frame_bytes_max (1000), got 4096',
      'config/host.lua:3: listen.ws: port 9 is listen.tcp already',
    ])
  })

  it('reads the environment through env', () => {
    write(
      'config/host.lua',
      'return { listen = { tcp = env("PORT", 1), ws = env("OTHER", 2) }, node = { name = env "NAME" } }',
    )
    const config = load({ env: { PORT: '8123', NAME: 'from-env' } })
    expect(config.listen.tcp).toBe(8123)
    expect(config.listen.ws).toBe(2)
    expect(config.node.name).toBe('from-env')
    expect(problems()).toEqual([
      'config/host.lua:1: the environment variable NAME is not set, and env got no default',
    ])
    expect(problems({ env: { PORT: 'x', NAME: 'n' } })[0]).toContain("must be a number, not 'x'")
  })

  it('lets a command line override, and checks what it says', () => {
    const config = load({ node: 'n9', overrides: { listen: { tcp: 0 }, node: { id: 7 } } })
    expect(config.node).toEqual({ name: 'n9', id: 7 })
    expect(config.listen.tcp).toBe(0)
    expect(problems({ overrides: { gate: { heartbeatS: 0 } } })).toEqual([
      'command line: gate.heartbeat_s: expected a whole number from 1 to 3600, got 0',
    ])
    expect(problems({ node: '../x' })[0]).toContain('command line: node.name: expected a name')
  })
})

describe('the sandbox of a config file', () => {
  it.each([
    ['return {', /^config\/host\.lua:1: .*expected/],
    ['\n\nreturn { node = { name = os.getenv("HOME") } }', /^config\/host\.lua:3: .*getenv/],
    ['x = 1\nreturn {}', /^config\/host\.lua:1: global 'x' is not defined/],
    ['local t\nreturn { node = t.name }', /^config\/host\.lua:2: attempt to index/],
    ['return 5', /^config\/host\.lua: must end with: return \{ \.\.\. \} \(it returned number\)/],
    ['local x = {}', /^config\/host\.lua: must end with: return/],
    [
      'return { node = {\n name = function() end } }',
      /^config\/host\.lua:2: node\.name: a function/,
    ],
    [
      'return { gate = {\n\n heartbeat_s = 0/0 } }',
      /^config\/host\.lua:3: gate\.heartbeat_s: .*finite/,
    ],
    ['local t = {} t.t = t return t', /nested deeper/],
    ['error({})', /^config\/host\.lua:1: /],
  ])('%j is refused in words', (source, expected) => {
    write('config/host.lua', source)
    const found = problems()
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(expected)
  })

  it('ends a file that does not end', () => {
    write('config/host.lua', 'local n = 0\nwhile true do n = n + 1 end\nreturn {}')
    expect(problems()[0]).toMatch(
      /^config\/host\.lua:2: script ended: it took more than \d+ steps$/,
    )
  })

  it('names a missing folder', () => {
    expect(problems({ configFolder: 'conf' })).toEqual(['conf: no such config folder'])
  })
})

describe('services.lua', () => {
  it('lists services with their files and lanes', () => {
    write('lua/services/login.lua', 'return {}')
    write('game/world.lua', 'return {}')
    write(
      'config/services.lua',
      'return { { name = "login" }, { name = "world", file = "game/world.lua", lanes = "one" } }',
    )
    expect(load().services).toEqual([
      { name: 'login', file: 'lua/services/login.lua', lanes: 'all' },
      { name: 'world', file: 'game/world.lua', lanes: 'one' },
    ])
  })

  it('refuses what is not a service', () => {
    write('lua/services/login.lua', 'return {}')
    write(
      'config/services.lua',
      `return {
  { name = "login" },
  { name = "login" },
  { nme = "x" },
  { name = "gone" },
  { name = "a-b" },
  { name = "login2", file = "../../etc/passwd" },
  { name = "login3", file = "lua/services/login.lua", lanes = "two" },
  "login",
}`,
    )
    expect(problems()).toEqual([
      "config/services.lua:3: service 2: name: service 'login' is listed at line 2 already",
      "config/services.lua:4: service 3: nme: unknown field (did you mean 'name'?)",
      'config/services.lua:4: service 3: name: expected a name of letters, digits and _, got nothing',
      'config/services.lua:5: service 4: file: there is no lua/services/gone.lua',
      'config/services.lua:6: service 5: name: expected a name of letters, digits and _, got "a-b"',
      'config/services.lua:6: service 5: file: there is no lua/services/a-b.lua',
      'config/services.lua:7: service 6: file: expected a path inside the project folder, got "../../etc/passwd"',
      'config/services.lua:8: service 7: lanes: expected "all" or "one", got "two"',
      'config/services.lua:9: service 8: expected { name = "..." }, got "login"',
    ])
  })
})

describe('tables', () => {
  const skills = (rows: string): string => `return table_schema {
  key = "id",
  columns = {
    id = integer { min = 1 }, name = text { max = 8 }, power = number { default = 1 },
    kind = optional(choice { "fire", "ice" }), open = flag { default = false }, extra = any { optional = true },
  },
  rows = {
${rows}
  },
}`

  it('come out keyed, with defaults, in a form that any engine can build', () => {
    write(
      'config/tables/skills.lua',
      skills(
        '{ id = 10, name = "ä", kind = "ice" },\n{ id = 7, name = "b", power = 2.5, extra = { 1, { x = true } } },',
      ),
    )
    const [table] = load().tables
    expect(table?.name).toBe('skills')
    expect(table?.rowCount).toBe(2)
    const engine = createFengariEngine({
      print: () => {},
      wallMs: () => 0,
      seed: [1n, 1n],
      stringBytesMax: 1 << 20,
    })
    const built = plainToLua(engine, table?.value ?? false) as LuaTable
    const source =
      'local t = ... return t[10].name, t[10].power, t[10].open, t[10].extra, t[7].extra[2].x, t[7].kind, t["7"]'
    expect(engine.call(engine.load(Buffer.from(source), 'x'), built)).toEqual([
      Buffer.from('ä').toString('latin1'),
      1,
      false,
      undefined,
      true,
      undefined,
      undefined,
    ])
  })

  it('report bad cells by file, line, row, key and column', () => {
    write(
      'config/tables/skills.lua',
      skills(`    { id = 1, name = "ok" },
    { id = 1, name = "again" },
    { id = 3 },
    { id = 4, name = "much too long" },
    { id = 5, name = "e", power = "big" },
    { id = 6, name = "f", kind = "acid" },
    { id = 7, nam = "g", name = "g" },
    { name = "h" },
    5,
    { id = 9, name = "i", open = 1 },`),
    )
    expect(problems()).toEqual([
      'config/tables/skills.lua:9: row 2 (id 1): id: 1 is the id of the row at line 8 already',
      'config/tables/skills.lua:10: row 3 (id 3): name: missing, expected text of at most 8 characters',
      'config/tables/skills.lua:11: row 4 (id 4): name: expected text of at most 8 characters, got "much too long"',
      'config/tables/skills.lua:12: row 5 (id 5): power: expected a number, got "big"',
      'config/tables/skills.lua:13: row 6 (id 6): kind: expected one of "fire", "ice", got "acid"',
      "config/tables/skills.lua:14: row 7 (id 7): nam: unknown column (did you mean 'name'?)",
      'config/tables/skills.lua:15: row 8: id: missing, expected a whole number of at least 1',
      'config/tables/skills.lua:16: row 9: expected a row such as { id = ... }, got 5',
      'config/tables/skills.lua:17: row 10 (id 9): open: expected true or false, got 1',
    ])
  })

  it('check references between tables', () => {
    write('config/tables/skills.lua', skills('{ id = 1, name = "a" },'))
    const items = (to: string) => `return table_schema { key = "id",
      columns = { id = text, skill = ref "${to}" },
      rows = { { id = "good", skill = 1 },
               { id = "bad", skill = 2 } } }`
    write('config/tables/items.lua', items('skills'))
    expect(problems()).toEqual([
      `config/tables/items.lua:4: row 2 (id "bad"): skill: there is no 2 in table 'skills'`,
    ])
    write('config/tables/items.lua', items('skils'))
    expect(problems()[0]).toContain("(did you mean 'skills'?)")
  })

  it('refuse a schema that is wrong itself', () => {
    write(
      'config/tables/a.lua',
      `return table_schema {
  key = "nope",
  colums = {},
  columns = { id = 5, n = integer { mni = 1 }, m = integer { min = "x" } },
  rows = { a = 1 } }`,
    )
    expect(problems()).toEqual([
      "config/tables/a.lua:3: colums: unknown field (did you mean 'columns'?)",
      expect.stringMatching(
        /^config\/tables\/a\.lua:4: columns\.id: expected one of integer, number/,
      ),
      "config/tables/a.lua:4: columns.n: unknown option 'mni' (did you mean 'min'?)",
      'config/tables/a.lua:4: columns.m: min must be a number',
      'config/tables/a.lua:2: key: expected the name of an integer or text column, got "nope"',
      'config/tables/a.lua:5: rows: expected a list: rows = { { ... }, { ... } }',
    ])
  })

  it('may be free-form, with any keys that data has', () => {
    write(
      'config/tables/drops.lua',
      'return { [1001] = { "sword", 0.5 }, boss = { [2] = true, [3] = false } }',
    )
    expect(load().tables).toEqual([
      {
        name: 'drops',
        file: 'config/tables/drops.lua',
        rowCount: undefined,
        value: {
          $pairs: [
            [1001, ['sword', 0.5]],
            [
              'boss',
              {
                $pairs: [
                  [2, true],
                  [3, false],
                ],
              },
            ],
          ],
        },
      },
    ])
  })

  it('load alone for a reload', () => {
    write('config/tables/a.lua', 'return { 1, 2 }')
    write('config/host.lua', 'return { nonsense = 1 }')
    expect(loadTables({ root }).map(({ value }) => value)).toEqual([[1, 2]])
  })

  it('need a file name that Lua can say', () => {
    write('config/tables/my-table.lua', 'return {}')
    expect(problems()[0]).toMatch(/^config\/tables\/my-table\.lua: expected a file name/)
  })
})

describe('the files that are shipped', () => {
  it('host.lua says the defaults, and the tables are sound', () => {
    const shipped = loadTables({ root: process.cwd() })
    expect(shipped.map(({ name }) => name)).toEqual(
      readdirSync('config/tables').map((file) => file.replace('.lua', '')),
    )
    const defaults = load()
    copyFileSync('config/host.lua', join(root, 'config/host.lua'))
    expect(load()).toEqual(defaults)
  })
})
