// A host inside the test's own process, so that a test can call reload and rollback directly.
//
// Its lanes are real threads from dist/ (npm test builds it first). The log goes to a file of the
// game's folder at level error, and what a test wants to see of it is asked for through the report.

import { loadConfig } from '../../core/config/load.ts'
import { type Host, startHost } from '../../core/host/host.ts'

export interface HostInside {
  readonly host: Host
  readonly tcpPort: number
  stop(): Promise<void>
}

const running = new Set<Host>()

export async function startHostInside(root: string): Promise<HostInside> {
  const readConfig = () =>
    loadConfig({
      root,
      overrides: { listen: { tcp: 0, ws: false, http: false }, admin: { socket: false } },
    })
  const host = await startHost(readConfig(), '0.0.0-test', { readConfig })
  running.add(host)
  const tcp = host.addresses.find((each) => each.startsWith('tcp:')) ?? ''
  return {
    host,
    tcpPort: Number(new URL(tcp).port),
    stop: async () => {
      running.delete(host)
      await host.stop('the test is over')
    },
  }
}

/** Ends what a failed test has left running. */
export async function stopHostsInside(): Promise<void> {
  await Promise.all([...running].map((host) => host.stop('the test is over')))
  running.clear()
}
