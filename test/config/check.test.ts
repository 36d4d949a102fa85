// `npm run check` as a designer runs it: what it prints and its exit codes.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moon-check-'))
  cpSync('config/tables', join(root, 'config/tables'), { recursive: true })
  writeFileSync(join(root, 'config/services.lua'), 'return { { name = "login" } }')
  mkdirSync(join(root, 'lua/services'), { recursive: true })
  writeFileSync(join(root, 'lua/services/login.lua'), 'local login = service "login"\nreturn login')
})

afterEach(() => {
  rmSync(root, { recursive: true })
})

function check(...args: string[]): { status: number | null; out: string; err: string } {
  const argv = ['tools/run.mjs', 'tools/check.ts', ...args]
  const ran = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  return { status: ran.status, out: ran.stdout, err: ran.stderr }
}

it('sums up what is good and exits 0', () => {
  const { status, out, err } = check('--root', root)
  expect(err).toBe('')
  expect(out).toMatch(/config {4}ok: node 'node1'/)
  expect(out).toMatch(/services {2}ok: login\n/)
  expect(out).toMatch(/routes {4}ok: 0 for clients\n/)
  expect(out).toMatch(/tables {4}ok: items \(4 rows\), skills \(4 rows\)/)
  expect(status).toBe(0)
})

it('lists everything that is wrong and exits 2', () => {
  writeFileSync(join(root, 'config/host.lua'), 'return {\n node = { id = -1 },\n gat = {} }')
  const { status, out, err } = check('--root', root)
  expect(out).toBe('')
  expect(err).toContain(
    'config/host.lua:2: node.id: expected a whole number from 0 to 1023, got -1',
  )
  expect(err).toContain("config/host.lua:3: gat: unknown section (did you mean 'gate'?)")
  expect(err).toContain('2 problems found.')
  expect(status).toBe(2)
})

it('compiles services: a syntax error has its file and line', () => {
  writeFileSync(join(root, 'lua/services/login.lua'), 'local x = 1\nfunction (')
  const { status, err } = check('--root', root)
  expect(err).toMatch(/^lua\/services\/login\.lua:2: /)
  expect(status).toBe(2)
})

it('loads services: what would stop a start is told in the same words', () => {
  writeFileSync(join(root, 'lua/services/login.lua'), 'local login = service "login"')
  const forgotten = check('--root', root)
  expect(forgotten.err).toBe(
    "lua/services/login.lua: a service file must end with 'return login'\n",
  )
  expect(forgotten.status).toBe(2)
  const typo = 'local login = service "login"\nlogin.handlr.guest = print\nreturn login'
  writeFileSync(join(root, 'lua/services/login.lua'), typo)
  const { status, err } = check('--root', root)
  expect(err).toMatch(/^lua\/services\/login\.lua:2: .*handlr/)
  expect(status).toBe(2)
})

it('runs no init', () => {
  const source =
    'local login = service "login"\nfunction login.init() error("ran") end\nreturn login'
  writeFileSync(join(root, 'lua/services/login.lua'), source)
  expect(check('--root', root)).toMatchObject({ status: 0, err: '' })
})

it('explains its options', () => {
  const { status, err } = check('--nonsense')
  expect(err).toContain('usage: npm run check')
  expect(status).toBe(2)
})
