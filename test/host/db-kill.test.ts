// Promises G2 and G3: 200 players trade gold while host and drainer are killed at random points.
//
// After each kill -9 of the host it is started again; a killed drainer is started again by the host.
// At the end the database holds every acknowledged trade once, every acknowledged player, and not a
// piece of gold more or less than the players were given. What was not acknowledged may be there.
// Each round begins when all players are in, and ends with a kill of the host; its drainer is killed
// meanwhile. With MOONWHEEL_LONG=1 there are more of both (MOONWHEEL_ROUNDS says how many), on MariaDB
// and PostgreSQL, too.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { databaseAddress } from '../../core/config/database-url.ts'
import { dialectsHere, dropDatabases, makeDatabase, query } from '../support/databases.ts'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

afterAll(async () => {
  await stopAllHosts()
  removeDemoGames()
  await dropDatabases()
})

const isLong = process.env.MOONWHEEL_LONG === '1'
const players = 200
const here = isLong ? await dialectsHere() : (['sqlite'] as const)
/** A kill of the host in each, and so many of its drainers. A long run may be cut into several. */
const longRounds = Number(process.env.MOONWHEEL_ROUNDS ?? 20)
const roundsOn = isLong
  ? { sqlite: longRounds, mysql: Math.ceil(longRounds / 3), postgres: Math.ceil(longRounds / 3) }
  : { sqlite: 2, mysql: 0, postgres: 0 }
const drainersPerRound = isLong ? 2 : 1

interface Trades {
  /** Acknowledged: the trade's id, and what was given to whom. */
  readonly acked: Map<string, { readonly from: string; readonly to: string; readonly gold: number }>
  readonly uids: string[]
}

/**
 * Logs players in and lets them trade until the host is gone; `ackedNow` hears of each trade from the
 * moment on at which all of them are in.
 */
async function play(host: HostProcess, trades: Trades, random: () => number, ackedNow: () => void) {
  let playersIn = 0
  const gone = host.exited.then(() => {
    throw new Error('the host is gone')
  })
  gone.catch(() => {})
  const one = async (i: number): Promise<void> => {
    let client: PomeloClient | undefined
    let isIn = false
    const comesIn = (): void => {
      if (!isIn) playersIn++
      isIn = true
    }
    try {
      const connecting = connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 60_000 })
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
      comesIn()
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
        if (playersIn === players) ackedNow()
      }
    } catch {
      // The host is gone; so is the player. Nobody waits for one who never came in.
      comesIn()
    }
    void client?.close().catch(() => {})
  }
  await Promise.all(Array.from({ length: players }, (_, i) => one(i)))
}

/** Kills the drainer that serves the game in `root`. @returns false when there is none just now */
function killDrainer(root: string, killed: Set<number>): boolean {
  const text = readFileSync(join(root, 'sql-spool/node1/drain.json'), 'utf8')
  const { pid, state } = JSON.parse(text) as { pid: number; state: string }
  // One that is dead may be on record until its successor has said anything.
  if (state === 'ended' || killed.has(pid)) return false
  try {
    process.kill(pid, 'SIGKILL')
    killed.add(pid)
    return true
  } catch {
    return false
  }
}

it.each(here)(
  'loses no acknowledged trade and no gold, whatever is killed, on %s',
  async (dialect) => {
    const seed = Number(process.env.MOONWHEEL_SEED ?? Date.now()) >>> 0
    let state = seed
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
    const server = dialect === 'sqlite' ? undefined : await makeDatabase(dialect)
    const url = server?.url ?? 'sqlite:data/game.db'
    const root = demoGame({
      lanes: 2,
      settings: [
        ['level = "info"', 'level = "warn"'],
        ['env("MOONWHEEL_DB_URL", "sqlite:data/game.db")', JSON.stringify(url)],
      ],
    })
    const address = databaseAddress(url, root)
    const trades: Trades = { acked: new Map(), uids: [] }
    const rounds = roundsOn[dialect]
    const killed = new Set<number>()
    for (let round = 0; round < rounds; round++) {
      const host = await startHostProcess({ root })
      const tradesToLive = 100 + Math.floor(random() * 300)
      const drainersDie = Array.from({ length: drainersPerRound }, () => random() * tradesToLive)
      let traded = 0
      const playing = play(host, trades, random, () => {
        traded++
        const due = drainersDie.findIndex((at) => at <= traded)
        if (due >= 0 && killDrainer(root, killed)) {
          drainersDie.splice(due, 1)
        }
        if (traded >= tradesToLive && drainersDie.length === 0) host.signal('SIGKILL')
      })
      await host.exited
      await playing
    }
    const last = await startHostProcess({ root })
    const client = await connectClient({ transport: 'tcp', port: last.tcpPort })
    const { uid } = (await client.request('login.handler.guest', { name: 'last' })) as {
      uid: string
    }
    trades.uids.push(uid)
    // It waits until everything before it is in the database.
    const to = trades.uids[0] as string
    const reply = (await client.request('trade.handler.give', { to, gold: 1 })) as { id: string }
    trades.acked.set(reply.id, { from: uid, to, gold: 1 })
    await client.close()
    expect(await last.stop()).toMatchObject({ code: 0 })

    const roles = (await query(address, 'SELECT id, gold FROM role')).map(([id, gold]) => ({
      id: String(id),
      gold: Number(gold),
    }))
    const ledger = await query(address, 'SELECT id, from_id, to_id, gold FROM trade')
    const rows = ledger.map(([id, from_id, to_id, gold]) => ({
      id: String(id),
      from_id: String(from_id),
      to_id: String(to_id),
      gold: Number(gold),
    }))
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
      `${dialect}: ${rounds} hosts and ${killed.size} drainers killed; ${trades.acked.size} acknowledged trades, ${rows.length} stored, ${roles.length} players, seed ${seed}`,
    )
    expect(killed.size).toBe(rounds * drainersPerRound)
    expect(trades.acked.size).toBeGreaterThan(100 * rounds)
  },
  isLong ? 7_200_000 : 600_000,
)
