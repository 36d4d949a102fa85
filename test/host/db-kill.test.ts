// Promises G2 and G3: 200 players trade gold while host and drainer are killed at random points.
//
// After each kill -9 of the host it is started again; a killed drainer is started again by the host.
// At the end the database holds every acknowledged trade once, every acknowledged player, and not a
// piece of gold more or less than the players were given. What was not acknowledged may be there.
// MOONWHEEL_LONG=1 kills more often.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

afterAll(async () => {
  await stopAllHosts()
  removeDemoGames()
})

const isLong = process.env.MOONWHEEL_LONG === '1'
const players = 200
const kills = isLong ? 60 : 2

interface Trades {
  /** Acknowledged: the trade's id, and what was given to whom. */
  readonly acked: Map<string, { readonly from: string; readonly to: string; readonly gold: number }>
  readonly uids: string[]
}

/** Logs players in and lets them trade until the host is gone; `ackedNow` hears of each trade. */
async function play(host: HostProcess, trades: Trades, random: () => number, ackedNow: () => void) {
  const gone = host.exited.then(() => {
    throw new Error('the host is gone')
  })
  gone.catch(() => {})
  const one = async (i: number): Promise<void> => {
    let client: PomeloClient | undefined
    try {
      const connecting = connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 20_000 })
      client = await Promise.race([connecting, gone])
      const login = (await Promise.race([
        client.request('login.handler.guest', { name: `p${i}` }),
        gone,
      ])) as {
        code: number
        uid: string
      }
      if (login.code !== 200) throw new Error(JSON.stringify(login))
      trades.uids.push(login.uid)
      for (;;) {
        const to = trades.uids[Math.floor(random() * trades.uids.length)] as string
        const gold = 1 + Math.floor(random() * 20)
        const reply = (await Promise.race([
          client.request('trade.handler.give', { to, gold }),
          gone,
        ])) as {
          code: number
          id: string
        }
        if (reply.code !== 200) continue
        trades.acked.set(reply.id, { from: login.uid, to, gold })
        ackedNow()
      }
    } catch {
      // The host is gone; so is the player.
    }
    void client?.close().catch(() => {})
  }
  await Promise.all(Array.from({ length: players }, (_, i) => one(i)))
}

it('loses no acknowledged trade and no gold, whatever is killed', async () => {
  const seed = Date.now() >>> 0
  console.log(`kill test, seed ${seed}`)
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const root = demoGame({ lanes: 2, settings: [['level = "info"', 'level = "warn"']] })
  const trades: Trades = { acked: new Map(), uids: [] }
  for (let round = 0; round < kills; round++) {
    const host = await startHostProcess({ root })
    let left = 50 + Math.floor(random() * 300)
    const victim = round % 2 === 0 ? 'host' : 'drainer first'
    const playing = play(host, trades, random, () => {
      left--
      if (victim === 'drainer first' && left === 40) {
        const status = readFileSync(join(root, 'sql-spool/node1/drain.json'), 'utf8')
        process.kill((JSON.parse(status) as { pid: number }).pid, 'SIGKILL')
      }
      if (left === 0) host.signal('SIGKILL')
    })
    await host.exited
    await playing
  }
  const last = await startHostProcess({ root })
  const client = await connectClient({ transport: 'tcp', port: last.tcpPort })
  const { uid } = (await client.request('login.handler.guest', { name: 'last' })) as { uid: string }
  trades.uids.push(uid)
  // It waits until everything before it is in the database.
  const to = trades.uids[0] as string
  const reply = (await client.request('trade.handler.give', { to, gold: 1 })) as { id: string }
  trades.acked.set(reply.id, { from: uid, to, gold: 1 })
  await client.close()
  expect(await last.stop()).toMatchObject({ code: 0 })

  const database = new Database(join(root, 'data/game.db'), { readonly: true })
  const roles = database.prepare('SELECT id, gold FROM role').all() as {
    id: string
    gold: number
  }[]
  const rows = database.prepare('SELECT id, from_id, to_id, gold FROM trade').all() as {
    id: string
    from_id: string
    to_id: string
    gold: number
  }[]
  database.close()
  const known = new Set(roles.map(({ id }) => id))
  expect(trades.uids.filter((each) => !known.has(each))).toEqual([])
  expect(roles.reduce((sum, { gold }) => sum + gold, 0)).toBe(1000 * roles.length)
  const stored = new Map(rows.map((row) => [row.id, row]))
  expect(stored.size).toBe(rows.length)
  for (const [id, { from, to: receiver, gold }] of trades.acked) {
    expect(stored.get(id)).toEqual({ id, from_id: from, to_id: receiver, gold })
  }
  // And each role has exactly what the ledger says.
  const balance = new Map(roles.map(({ id }) => [id, 1000]))
  for (const { from_id, to_id, gold } of rows) {
    balance.set(from_id, (balance.get(from_id) ?? 0) - gold)
    balance.set(to_id, (balance.get(to_id) ?? 0) + gold)
  }
  for (const { id, gold } of roles) expect(gold).toBe(balance.get(id))
  console.log(
    `${trades.acked.size} acknowledged trades, ${rows.length} stored, ${roles.length} players`,
  )
  expect(trades.acked.size).toBeGreaterThan(50 * kills)
}, 600_000)
