// drain.auto = false: the operator runs the drainer himself. A session still sees what it has written;
// as long as no drainer runs, a query that would have to see more than is there says so, and so does
// the status.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import type { HostStatus } from '../../core/admin/status.ts'
import { runAdmin } from '../support/admin-cli.ts'
import {
  type HostProcess,
  projectFolder,
  startHostProcess,
  stopAllHosts,
} from '../support/host-process.ts'
import { notesGame, writeNote } from '../support/notes-game.ts'
import { connectClient } from '../support/pomelo-client.ts'
import { removeTempGames } from '../support/temp-game.ts'

const drainers: ChildProcess[] = []

afterEach(async () => {
  for (const drainer of drainers.splice(0)) drainer.kill('SIGKILL')
  await stopAllHosts()
  removeTempGames()
})

const tool = `${projectFolder}dist/tools/drain.js`

async function statusOf(host: HostProcess): Promise<HostStatus> {
  const { stdout } = await runAdmin(['status', '--json', '--socket', host.adminSocket])
  return JSON.parse(stdout) as HostStatus
}

it('a query waits for the drainer that somebody runs, and says when nobody does', async () => {
  const root = notesGame({ config: 'drain = { auto = false }, db = { query_timeout_ms = 2000 },' })
  const migrated = spawnSync(process.execPath, [tool, 'migrate', '--root', root])
  expect(migrated.status).toBe(0)
  const host = await startHostProcess({ root, ownPorts: true })
  await host.waitLog(
    ({ msg }) => /drain\.auto is false: queries wait .*npm run drain -- --follow/.test(msg),
    'how queries are answered here',
  )
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 20_000 })
  const count = () => client.request('pad.handler.count', {})
  expect(await count()).toEqual({ code: 200, notes: 0 })

  expect(await writeNote(client, 1, 'one')).toEqual({ code: 200 })
  expect(await count()).toMatchObject({ code: 500 })
  await host.waitLog(
    ({ msg }) =>
      /1 transactions that .*no drainer is running.*start npm run drain -- --follow/.test(msg),
    'what to do',
  )
  expect((await statusOf(host)).data).toMatchObject({
    spool: { durable: 1, waitingBytes: 0, refusing: false },
    drainer: { applied: 0, behind: 1, problem: expect.stringMatching(/no drainer is running/) },
    queries: { underWay: 0, waiting: 0, asked: 2, waited: 1, slow: 1, failed: 1, refused: 0 },
  })

  const drainer = spawn(process.execPath, [tool, '--follow', '--root', root], { stdio: 'ignore' })
  drainers.push(drainer)
  await expect
    .poll(async () => (await statusOf(host)).data?.drainer, { timeout: 20_000 })
    .toEqual({
      state: 'idle',
      applied: 1,
      behind: 0,
      deadLetters: 0,
      problem: null,
    })
  expect(await count()).toEqual({ code: 200, notes: 1 })
  expect(await writeNote(client, 2, 'two')).toEqual({ code: 200 })
  expect(await count()).toEqual({ code: 200, notes: 2 })

  // A transaction that the database refuses: the drainer stands before it, and the status says so.
  expect(await writeNote(client, 2, 'two again')).toEqual({ code: 200 })
  await expect
    .poll(async () => (await statusOf(host)).data?.drainer, { timeout: 20_000 })
    .toMatchObject({
      state: 'stopped',
      behind: 1,
      deadLetters: 1,
      problem: expect.stringMatching(/transaction 3 is refused: .*UNIQUE/),
    })
  const shown = await runAdmin(['status', '--socket', host.adminSocket])
  expect(shown.stdout).toMatch(
    /drainer +stopped, 1 behind, 1 dead letters: transaction 3 is refused/,
  )
  expect(shown.stdout).toMatch(/queries +0 under way, 0 of them wait for the drainer; 4 asked/)
  expect(shown.stdout).toMatch(/held +0 messages \(0 B\) wait for the disk/)
  drainer.kill('SIGTERM')
  await once(drainer, 'exit')
  await client.close()
  expect(await host.stop()).toMatchObject({ code: 0 })
}, 120_000)
