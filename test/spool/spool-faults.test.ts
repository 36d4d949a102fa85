// Faults of the real system under the real process: errors injected by strace, a disk of 64 KiB, a
// folder that may not be written. Linux, and root for some; what cannot run here says why in one
// line.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SpoolReader } from '../../core/spool/reader.ts'
import { settleSpool } from '../../core/spool/settle-spool.ts'
import { endWriters, startWriter } from '../support/spool-process.ts'
import { idsOf } from './spool-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'moonwheel-faults-'))
const mounts: string[] = []

afterAll(() => {
  endWriters()
  for (const path of mounts) spawnSync('umount', [path])
  rmSync(root, { recursive: true, force: true })
})

/** Whether a test can run here; says why not. */
function can(what: string, isSo: boolean): boolean {
  if (isSo) return true
  console.info(`skipped: ${what}`)
  return false
}

const hasStrace =
  spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { stdio: 'ignore' }).status === 0

function strace(inject: string): string[] {
  const call = inject.slice(0, inject.indexOf(':'))
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${inject}`]
}

function idsIn(folder: string): string[] {
  settleSpool(folder)
  const reader = new SpoolReader({ folder })
  const ids: string[] = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    ids.push(...idsOf([next.bytes.toString('latin1', next.statementsStart, next.statementsEnd)]))
  }
  reader.close()
  return ids
}

test('fdatasync fails: the process ends with 70, and what it acknowledged is there', async () => {
  if (!can('strace is not here, or may not trace', hasStrace)) return
  for (const nth of [1, 2, 15]) {
    const path = join(root, `eio-${nth}`)
    const before = strace(`fdatasync:error=EIO:when=${nth}`)
    const end = await startWriter(path, 'a', 100_000, { before }).ended
    expect(end.code, end.lines.slice(-3).join('\n')).toBe(70)
    expect(end.lines.join('\n')).toMatch(/log error spool: fdatasync .*EIO.*the process ends/)
    const there = new Set(idsIn(join(path, 'test')))
    expect(end.acknowledged.filter((id) => !there.has(id))).toEqual([])
    if (nth > 2) expect(end.acknowledged.length).toBeGreaterThan(0)
  }
}, 60_000)

test('the disk has no room for a while: refused, raised, taken again; no refused one is there', async () => {
  if (!can('strace is not here, or may not trace', hasStrace)) return
  const path = join(root, 'enospc')
  const before = strace('pwrite64:error=ENOSPC:when=40..42')
  const end = await startWriter(path, 'a', 3000, { before }).ended
  expect(end.code, end.lines.slice(-3).join('\n')).toBe(0)
  const text = end.lines.join('\n')
  expect(text).toMatch(/log error spool: write .*ENOSPC.*nothing is written until/)
  expect(text).toMatch(/log info spool: there is room again/)
  expect(end.refused.length).toBeGreaterThan(0)
  expect(end.acknowledged.length + end.refused.length).toBe(3000)
  const there = idsIn(join(path, 'test'))
  expect(there.toSorted()).toEqual(end.acknowledged.toSorted())
}, 60_000)

test('a disk of 64 KiB fills up, and is written again when there is room', async () => {
  const path = join(root, 'small')
  mkdirSync(path)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'moonwheel', path])
  if (!can('a tmpfs may not be mounted', mounted.status === 0)) return
  mounts.push(path)
  writeFileSync(join(path, 'filler'), Buffer.alloc(20 * 1024))
  const writer = startWriter(path, 'a', 250)
  const raised = await writer.saw('raised ')
  expect(raised).toBeDefined()
  rmSync(join(path, 'filler'))
  // There is room for some more, then it is full again; nothing that was refused is there.
  await writer.saw('log info spool: there is room again')
  writer.child.kill('SIGTERM')
  const end = await writer.ended
  expect(end.refused.length).toBeGreaterThan(0)
  const there = new Set(idsIn(join(path, 'test')))
  expect(end.acknowledged.filter((id) => !there.has(id))).toEqual([])
  expect(end.refused.filter((id) => there.has(id))).toEqual([])
  expect(end.acknowledged.length).toBeGreaterThan(50)
}, 60_000)

test('a folder that may not be written is a clear error, and so is another host in it', async () => {
  const path = join(root, 'mine')
  const first = startWriter(path, 'a', 100_000_000)
  expect(await first.saw('ack ')).toBeDefined()
  const second = await startWriter(path, 'b', 10).ended
  expect(second.code).toBe(2)
  expect(second.lines.join('\n')).toMatch(
    new RegExp(`SPOOL_LOCKED .*in use by another host \\(process ${first.child.pid},`),
  )
  first.child.kill('SIGKILL')
  await first.ended
  // The lock ends with its process: nothing is stale.
  expect((await startWriter(path, 'c', 10).ended).code).toBe(0)
  if (!can('only root can run a process as somebody else', process.getuid?.() === 0)) return
  execFileSync('chmod', ['755', root])
  const other = await startWriter(path, 'd', 10, { uid: 65534 }).ended
  expect(other.code).toBe(2)
  expect(other.lines.join('\n')).toMatch(
    /failed DISK .*(lock|owner|segment|EACCES|CANTOPEN|READONLY)/,
  )
}, 60_000)
