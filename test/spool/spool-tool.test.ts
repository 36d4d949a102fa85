// `npm run spool`: the questions that an operator asks, on a real folder. Needs dist/ (npm run build).

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SystemFiles } from '../../core/base/files.ts'
import { encodeOrigin } from '../../core/spool/format.ts'
import { newSpoolId } from '../../core/spool/settle-spool.ts'
import { SpoolLog } from '../../core/spool/spool-log.ts'
import { compileStatement } from '../../core/spool/statement.ts'
import { tableOf } from '../../core/spool/trace.ts'

const tool = fileURLToPath(new URL('../../dist/tools/spool.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'moonwheel-tool-'))
const noon = Date.UTC(2026, 0, 31, 12)

beforeAll(() => {
  let nowMs = noon
  const common = { node: 'n1', dialect: 'sqlite', policy: 'fdatasync', newSpoolId } as const
  const files = new SystemFiles()
  const log = new SpoolLog({ folder, files, clock: { wallMs: () => nowMs }, ...common })
  const write = (uid: string, route: string, ...statements: [string, ...unknown[]][]) => {
    const text = statements.map(([sql, ...values]) =>
      compileStatement(sql, 'sqlite').render(values),
    )
    const bytes = Buffer.from(text.join(''), 'latin1')
    const origin = encodeOrigin({ node: 'n1', lane: 0, uid, route, request: `r${log.sequence}` })
    log.add(statements.length, origin, bytes, 0, bytes.length)
    log.flush()
    nowMs += 60_000
  }
  write('7', 'login.handler.guest', ['INSERT INTO role(id, name) VALUES(?, ?)', '7', 'Mei'])
  write('8', 'login.handler.guest', ['INSERT INTO role(id, name) VALUES(?, ?)', '8', "O'Brien"])
  write(
    '7',
    'trade.handler.give',
    ['UPDATE role SET gold = gold - ? WHERE id = ?', 5, '7'],
    ['UPDATE role SET gold = gold + ? WHERE id = ?', 5, '8'],
    ['INSERT INTO trade(id, gold) VALUES(?, ?)', 42, 5],
  )
  log.close()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function spool(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, '--dir', folder, ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('verify reads every byte', () => {
  expect(spool('verify')).toEqual({
    status: 0,
    stdout: '3 transactions, 5 statements, seq 1 to 3: every byte and the chain are right\n',
    stderr: '',
  })
})

test('cat prints what is in the file, from where it is asked', () => {
  const name = readdirSync(folder).find((each) => each.endsWith('.sql')) as string
  const whole = readFileSync(join(folder, name), 'utf8')
  expect(spool('cat').stdout).toBe(whole.slice(whole.indexOf('-- tx')))
  const lines = spool('cat', '--from', '2', '--to', '2', '--json').stdout.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { sequence: 2, by: { uid: '8', route: 'login.handler.guest' } },
  ])
})

test('trace tells who changed a row, when, in which request', () => {
  expect(spool('trace', '--table', 'role', '--key', '8').stdout).toBe(
    [
      '2026-01-31T12:01:00.000Z  seq 2  node=n1 lane=0 uid=8 route=login.handler.guest request=r1',
      "    INSERT INTO role(id, name) VALUES('8', CAST(X'4f27427269656e' AS TEXT));",
      '2026-01-31T12:02:00.000Z  seq 3  node=n1 lane=0 uid=7 route=trade.handler.give request=r2',
      "    UPDATE role SET gold = gold + (5) WHERE id = '8';",
      '',
    ].join('\n'),
  )
  const sequences = (...args: string[]) =>
    spool('trace', '--json', ...args)
      .stdout.split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { sequence: number }).sequence)
  expect(sequences('--uid', '7')).toEqual([1, 3])
  expect(sequences('--route', 'trade.handler.give')).toEqual([3])
  expect(sequences('--request', 'r1')).toEqual([2])
  expect(sequences('--table', 'TRADE', '--key', '42')).toEqual([3])
  expect(sequences('--key', "O'Brien")).toEqual([2])
  expect(sequences('--since', '2026-01-31T12:01:00Z')).toEqual([2, 3])
  expect(sequences('--until', String(noon))).toEqual([1])
  expect(spool('trace', '--uid', '9').stdout).toContain('nothing')
})

test('stats counts', () => {
  expect(JSON.parse(spool('stats', '--json').stdout)).toMatchObject({
    transactions: 3,
    statements: 5,
    from: '2026-01-31T12:00:00.000Z',
    to: '2026-01-31T12:02:00.000Z',
    tables: [
      ['role', 4],
      ['trade', 1],
    ],
    uids: [
      ['7', 2],
      ['8', 1],
    ],
  })
})

test('damage is told with its place, wrong arguments in one line; both exit with 2', () => {
  const name = readdirSync(folder).find((each) => each.endsWith('.sql')) as string
  const path = join(folder, name)
  const whole = readFileSync(path)
  const damaged = Buffer.from(whole)
  const at = whole.indexOf('INSERT', whole.indexOf('seq=2'))
  damaged[at] = (damaged[at] as number) ^ 1
  writeFileSync(path, damaged)
  const found = spool('verify')
  writeFileSync(path, whole)
  expect(found.status).toBe(2)
  expect(found.stderr).toMatch(/damaged: .*0001\.sql, byte \d+, transaction 2: its crc is wrong/)
  expect(spool('cat', '--from', 'x').status).toBe(2)
  expect(spool('dance').status).toBe(2)
  // The last --dir counts.
  expect(spool('verify', '--dir', join(folder, 'nothing'))).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringMatching(/there is no spool in .*nothing: .*--dir/),
  })
  expect(spool('cat', '--from', '5', '--to', '2').status).toBe(2)
  expect(spool('cat', '--from', '99').stderr).toContain('there are no such transactions')
})

test.each([
  ["INSERT INTO role(id) VALUES('1');", 'role'],
  ['INSERT OR IGNORE INTO "role" VALUES(1);', 'role'],
  ['insert ignore into `role` values(1);', 'role'],
  ['REPLACE INTO role VALUES(1);', 'role'],
  ['UPDATE 角色 SET a = 1;', '角色'],
  ['UPDATE OR REPLACE [role] SET a = 1;', 'role'],
  ['DELETE FROM role;', 'role'],
  ['something else', undefined],
])('%s writes to %s', (statement, table) => {
  expect(tableOf(statement)).toBe(table)
})
