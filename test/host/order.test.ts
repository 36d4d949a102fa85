// Promise G1: one session's messages are handled one at a time, and answered in order.
import { afterAll, expect, it } from 'vitest'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'

afterAll(stopAllHosts)

it.each(['tcp', 'ws'] as const)(
  'answers 10,000 requests of one %s connection in order, whose handlers sleep for random times',
  async (transport) => {
    const total = 10_000
    // Over WebSocket the gate cannot stop reading, so the client itself keeps few unanswered.
    const unansweredMax = transport === 'tcp' ? total : 200
    const host = await startHostProcess()
    const port = transport === 'tcp' ? host.tcpPort : host.wsPort
    const client = await connectClient({ transport, port, timeoutMs: 100_000 })
    await client.request('login.handler.as', { uid: 'orderly' })
    const seed = Date.now() >>> 0
    console.log(`order test, seed ${seed}`)
    let random = seed
    const next = () => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0
      return random / 2 ** 32
    }
    const seen: number[] = []
    let handled = 0
    await new Promise<void>((resolve, reject) => {
      let sent = 0
      const send = () => {
        while (sent < total && sent - seen.length < unansweredMax) {
          const ms = next() < 0.2 ? Math.floor(next() * 4) : 0
          sent++
          client.request('work.handler.ordered', { n: sent, ms }).then((reply) => {
            const { n, sent: which } = reply as { n: number; sent: number }
            if (n !== handled++) reject(new Error(`handled as number ${n}, answered as ${handled}`))
            seen.push(which)
            if (seen.length === total) resolve()
            else send()
          }, reject)
        }
      }
      send()
    })
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    await client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
  },
  120_000,
)
