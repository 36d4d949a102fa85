// What the drainer survives: lost replies, dead and half-open connections, databases that go away.
//
// Between drainer and server is a proxy that a seeded generator tells when to cut. After each run every
// transfer must be in the database once and in order.

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServerAddress } from '../../core/config/database-url.ts'
import type { Drainer } from '../../core/drain/drainer.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import type { SpoolWriter } from '../support/spool-writer.ts'
import {
  cleanUp,
  drainerOf,
  expectTransfers,
  neverAborted,
  seededRandom,
  tablesSql,
  writerFor,
  writeTransfers,
} from './drain-fixture.ts'

const here = await dialectsHere()
const servers = here.filter((dialect) => dialect !== 'sqlite')
const replyMs = 1000
afterAll(dropDatabases)

describe.runIf(servers.length > 0).each(servers)('between drainer and %s', (dialect) => {
  let database: TestDatabase
  let writer: SpoolWriter
  let proxy: FaultProxy

  beforeEach(async () => {
    database = await makeDatabase(dialect)
    await database.run(tablesSql)
    writer = writerFor(dialect)
    const { host, port } = database.address as ServerAddress
    proxy = await FaultProxy.open(host, port)
  })
  afterEach(async () => {
    writer.close()
    await proxy.close()
    await cleanUp()
    await dropDatabases()
  })

  function drainer(batchTransactionsMax = 10): Drainer {
    const address = {
      ...(database.address as ServerAddress),
      host: '127.0.0.1',
      port: proxy.port,
    }
    return drainerOf(database, writer.folder, {
      target: openTarget(address, replyMs),
      batchTransactionsMax,
    })
  }

  /** Cuts every third batch, by the generator: its request is lost, or its reply. */
  function cutBatches(seed: number): { lostRequests: number; lostReplies: number } {
    const random = seededRandom(seed)
    const counts = { lostRequests: 0, lostReplies: 0 }
    let loseReply = false
    proxy.toServer = {
      onBytes: (piece) => {
        if (!piece.includes('COMMIT')) return 'send'
        const chance = random()
        if (chance < 0.15) {
          counts.lostRequests++
          return 'reset'
        }
        loseReply = chance < 0.33
        return 'send'
      },
    }
    proxy.toClient = {
      onBytes: () => {
        if (!loseReply) return 'send'
        loseReply = false
        counts.lostReplies++
        return 'reset'
      },
    }
    return counts
  }

  it('the reply to COMMIT is lost, and requests too: the row tells what was applied', async () => {
    const seed = Date.now() % 1_000_000
    console.log(`faults of ${dialect}: seed ${seed}`)
    writeTransfers(writer, 1, 300)
    const counts = cutBatches(seed)
    expect(await drainer().drain(false, neverAborted())).toBe('done')
    expect(counts.lostRequests + counts.lostReplies).toBeGreaterThan(0)
    await expectTransfers(database, 300)
  })

  it('canary: a transfer that is applied twice does not go unnoticed', async () => {
    writeTransfers(writer, 1, 1)
    expect(await drainer().drain(false, neverAborted())).toBe('done')
    await database.run('DELETE FROM moon_progress')
    expect(await drainer().drain(false, neverAborted())).toBe('stopped')
  })

  it('bytes come one by one, and late', async () => {
    writeTransfers(writer, 1, 20)
    proxy.toClient = { sliceBytes: 7 }
    proxy.toServer = { sliceBytes: 501, latencyMs: 1 }
    expect(await drainer().drain(false, neverAborted())).toBe('done')
    await expectTransfers(database, 20)
  })

  it('a connection that goes silent is given up; what it did late is not done again', async () => {
    writeTransfers(writer, 1, 30)
    let batches = 0
    proxy.toServer = {
      onBytes: (piece) => {
        // The second batch arrives, and its answer never does.
        if (piece.includes('COMMIT') && ++batches === 2) proxy.toClient = { silent: true }
        return 'send'
      },
    }
    proxy.onConnection = () => {
      proxy.toClient = {}
    }
    const draining = drainer().drain(false, neverAborted())
    expect(await draining).toBe('done')
    expect(proxy.connections).toBeGreaterThan(1)
    await expectTransfers(database, 30)
  })

  it('the server is away, then back: tries for ever, and shows it', async () => {
    writeTransfers(writer, 1, 30)
    proxy.refusing = true
    const run = drainer()
    const draining = run.drain(false, neverAborted())
    await expect.poll(() => run.status.failures).toBeGreaterThan(2)
    expect(run.status).toMatchObject({ state: 'down', durable: 30 })
    expect(run.status.message).toBeTruthy()
    proxy.refusing = false
    expect(await draining).toBe('done')
    await expectTransfers(database, 30)
  })

  it('the server ends our connections, as a restart does', async () => {
    writeTransfers(writer, 1, 200)
    const kill =
      dialect === 'postgres'
        ? `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'moonwheel drain'`
        : `SELECT id FROM information_schema.processlist
           WHERE db = database() AND id <> connection_id()`
    let kills = 0
    const run = drainer(2)
    const draining = run.drain(false, neverAborted())
    while (run.status.state !== 'ended' && kills < 6) {
      const rows = await database.rows(kill)
      if (dialect === 'mysql') {
        for (const [id] of rows) await database.run(`KILL ${id}`).catch(() => {})
      }
      kills += rows.length
    }
    expect(await draining).toBe('done')
    expect(kills).toBeGreaterThan(0)
    await expectTransfers(database, 200)
  })

  it('a lock of somebody else is waited for', async () => {
    writeTransfers(writer, 1, 3)
    const other = openTarget(database.address)
    await other.connect()
    const lock = dialect === 'postgres' ? 'SELECT pg_sleep(0.3)' : 'DO SLEEP(0.3)'
    const held = database.run(`START TRANSACTION; UPDATE account SET gold = gold; ${lock}; COMMIT`)
    expect(await drainer().drain(false, neverAborted())).toBe('done')
    await held
    await other.close()
    await expectTransfers(database, 3)
  })
})
