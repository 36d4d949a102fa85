// The drainer as the host's child: main of a process of its own (supervised.ts starts it).
//
//   node drain-process.js --root FOLDER --config FOLDER --node NAME
//
// It migrates the database (adding only), then follows the spool until it is told to stop or the host
// is gone. When the host has died it first applies what the host had acknowledged, because the players
// may be on their way to another host that reads the same database. Everything it has to say goes over
// the IPC channel. Exit codes: 0 it came to its end; 2 gave up.

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { must } from '../base/assert.ts'
import { systemClock } from '../base/clock.ts'
import { exitCodes, HostError, messageOf } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import { databaseAddress } from '../config/database-url.ts'
import { loadConfig } from '../config/load.ts'
import { Drainer } from './drainer.ts'
import { carryOut, lookAndPlan } from './migrate.ts'
import { openTarget } from './open-target.ts'
import { statusWriter } from './status.ts'
import type { DrainerMessage, StopMessage } from './supervision.ts'
import type { Target } from './target.ts'

function send(message: DrainerMessage): void {
  // The channel closes under us when the host dies; then nobody is left to tell.
  if (process.connected) process.send?.(message, () => {})
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { root: text, config: text, node: text } })
  const { root, config: configFolder, node } = values
  const config = loadConfig({
    root: must(root, '--root'),
    ...(configFolder === undefined ? {} : { configFolder }),
    ...(node === undefined ? {} : { node }),
  })
  const folder = resolve(config.root, config.spool.folder, config.node.name)
  const target = openTarget(databaseAddress(config.db.url, config.root))
  const write = statusWriter(folder, systemClock)
  const stop = new AbortController()
  let finish = false
  process.on('message', (message: StopMessage) => {
    finish = message.finish
    stop.abort()
  })
  process.on('disconnect', () => {
    finish = true
    stop.abort()
  })
  // Ctrl-C in a terminal reaches the whole group; the host decides when its drainer ends.
  process.on('SIGINT', () => {})
  const migrate = async (connected: Target): Promise<void> => {
    const plan = await lookAndPlan(connected, config.schema)
    await carryOut(connected, plan)
    for (const { words } of plan.steps) send({ kind: 'said', words: `database: ${words}` })
  }
  const drainer = new Drainer({
    node: config.node.name,
    folder,
    target,
    batchTransactionsMax: config.drain.batchTransactionsMax,
    clock: systemClock,
    random: Math.random,
    onConnected: migrate,
    say: (words) => send({ kind: 'said', words }),
    onStatus: (status) => {
      write(status)
      send({ kind: 'status', status })
    },
  })
  await drainer.drain(true, stop.signal)
  if (finish) await drainer.drain(false, AbortSignal.timeout(limits.drainStopMs))
  await target.close()
}

main().then(
  () => {
    process.exitCode = exitCodes.ok
    if (process.connected) process.disconnect()
  },
  (thrown: unknown) => {
    const code = thrown instanceof HostError ? thrown.code : 'INTERNAL'
    const message = thrown instanceof HostError ? thrown.message : String((thrown as Error).stack)
    const failed: DrainerMessage = { kind: 'failed', code, message: message || messageOf(thrown) }
    const end = (): never => process.exit(exitCodes.usage)
    if (process.connected) process.send?.(failed, end)
    else end()
  },
)
