// What players and operators see when the disk under the spool fills up, or fails: the whole host,
// real files, real clients. A disk of 256 KiB by mount, an fdatasync that fails by strace: Linux, and
// root for the first; what cannot run here says why in one line.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { freePorts } from '../support/free-ports.ts'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { type NotesReply, notesGame, writeNote } from '../support/notes-game.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { removeTempGames } from '../support/temp-game.ts'

const mounts: string[] = []

afterEach(async () => {
  await stopAllHosts()
  for (const path of mounts.splice(0)) {
    spawnSync('umount', [path])
    rmSync(path, { recursive: true, force: true })
  }
  removeTempGames()
})

const connect = (host: { tcpPort: number }) =>
  connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 20_000 })

/** Whether a test can run here; says why not. */
function can(what: string, isSo: boolean): boolean {
  if (isSo) return true
  console.info(`skipped: ${what}`)
  return false
}

it('a full disk: writing is refused in words, reading goes on, and writing goes on when there is room', async () => {
  const disk = mkdtempSync(join(tmpdir(), 'moonwheel-disk-'))
  mounts.push(disk)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'moonwheel', disk])
  if (!can('a tmpfs may not be mounted', mounted.status === 0)) return
  mkdirSync(join(disk, 'spool'))
  writeFileSync(join(disk, 'filler'), Buffer.alloc(100 * 1024))
  const root = notesGame({ spoolFolder: join(disk, 'spool') })
  const host = await startHostProcess({ root, ownPorts: true })
  const client = await connect(host)
  const words = 'w'.repeat(1000)
  const acknowledged: number[] = []
  let id = 0
  let refusal: NotesReply | undefined
  for (; refusal === undefined && id < 400; id++) {
    const reply = await writeNote(client, id, words)
    if (reply.code === 200) acknowledged.push(id)
    else refusal = reply
  }
  expect(acknowledged.length).toBeGreaterThan(20)
  // The first one was taken and could not be written; the next is refused where it is called.
  expect(refusal).toEqual({ code: 507, message: expect.stringMatching(/disk|room|storage/) })
  expect(await writeNote(client, id++, words)).toMatchObject({ code: 507 })
  await host.waitLog(
    ({ msg, level }) => level >= 50 && /spool: .*no room.*nothing is written until/.test(msg),
    'what has happened',
  )
  // Reads go on, and see all that was acknowledged.
  expect(await client.request('pad.handler.count', {})).toMatchObject({
    code: 200,
    notes: acknowledged.length,
  })
  rmSync(join(disk, 'filler'))
  await host.waitLog(({ msg }) => /spool: there is room again/.test(msg), 'that there is room')
  for (let more = 0; more < 20; more++, id++) {
    expect(await writeNote(client, id, words)).toEqual({ code: 200 })
    acknowledged.push(id)
  }
  expect(await client.request('pad.handler.ids', {})).toEqual({ code: 200, ids: acknowledged })
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
  // What the next start finds is the same.
  const again = await startHostProcess({ root, ownPorts: true })
  const other = await connect(again)
  expect(await other.request('pad.handler.ids', {})).toEqual({ code: 200, ids: acknowledged })
  await other.close()
  expect(await again.stop()).toMatchObject({ code: 0 })
}, 120_000)

const hasStrace =
  spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { stdio: 'ignore' }).status === 0

/** Runs a host whose `nth` fdatasync of its first segment fails. */
function failingDisk(root: string, nth: number): string[] {
  const segment = join(root, 'sql-spool/node1/0000000000000001.sql')
  const inject = `inject=fdatasync:error=EIO:when=${nth}`
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    '/dev/null',
    '-P',
    segment,
    '-e',
    'trace=fdatasync',
    '-e',
    inject,
  ]
}

/** Writes until the host is gone. @returns the ids that were acknowledged */
async function writeUntilGone(host: { tcpPort: number }, from: number): Promise<number[]> {
  const client = await connect(host)
  const acknowledged: number[] = []
  try {
    for (let id = from; id < from + 10_000; id++) {
      const reply = await writeNote(client, id, 'words')
      if (reply.code === 200) acknowledged.push(id)
    }
  } catch {
    // The connection is gone.
  }
  await client.close().catch(() => {})
  return acknowledged
}

/** What is in the database when a host has drained all of the spool. */
async function idsAfterRestart(root: string): Promise<number[]> {
  const host = await startHostProcess({ root, ownPorts: true })
  const client = await connect(host)
  const { ids = [] } = (await client.request('pad.handler.ids', {})) as NotesReply
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
  return ids
}

it('an fdatasync that fails: the process ends with 70 and says why; nothing acknowledged is missing', async () => {
  if (!can('strace is not here, or may not trace', hasStrace)) return
  const root = notesGame()
  const host = await startHostProcess({ root, ownPorts: true, before: failingDisk(root, 12) })
  const acknowledged = await writeUntilGone(host, 1)
  const exit = await host.exited
  expect(exit.code, exit.stderr).toBe(70)
  expect(exit.stderr).toMatch(
    /"spool: fdatasync .*EIO.*the process ends, nothing more is acknowledged"/,
  )
  expect(acknowledged.length).toBeGreaterThan(0)
  const there = new Set(await idsAfterRestart(root))
  expect(acknowledged.filter((id) => !there.has(id))).toEqual([])
}, 120_000)

/** Connects as a player's client does: again and again until there is somebody. */
async function connectWhenBack(tcpPort: number): Promise<PomeloClient> {
  let client: PomeloClient | undefined
  const tryOnce = async (): Promise<boolean> => {
    client = await connect({ tcpPort }).catch(() => undefined)
    return client !== undefined
  }
  await expect.poll(tryOnce, { timeout: 60_000, interval: 200 }).toBe(true)
  return client as PomeloClient
}

it('under --supervise the host comes back by itself, with all that was acknowledged', async () => {
  if (!can('strace is not here, or may not trace', hasStrace)) return
  const [tcpPort = 0] = await freePorts(1)
  const root = notesGame({ tcpPort })
  const host = await startHostProcess({
    root,
    ownPorts: true,
    args: ['--supervise'],
    // Each life of the host has twelve of them: its first two are those of its start.
    before: failingDisk(root, 12),
  })
  const first = await writeUntilGone({ tcpPort }, 1)
  expect(first.length).toBeGreaterThan(0)
  await host.waitText(
    'stderr',
    /supervisor: the host ended with code 70; starting it again in \d+ ms/,
  )
  const client = await connectWhenBack(tcpPort)
  const { ids = [] } = (await client.request('pad.handler.ids', {})) as NotesReply
  expect(first.filter((id) => !ids.includes(id))).toEqual([])
  expect(await writeNote(client, 1_000_000, 'words')).toEqual({ code: 200 })
  await client.close()
}, 120_000)
