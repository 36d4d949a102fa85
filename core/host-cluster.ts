// Opens this host's part of its cluster, where there is one. Core thread.

import { systemClock } from './base/clock.ts'
import { Cluster } from './cluster/cluster.ts'
import type { HostConfig } from './config/types.ts'
import type { Gate } from './gate/gate.ts'
import type { CorePump } from './thread/core-pump.ts'
import type { Timers } from './timer/timers.ts'

interface Around {
  readonly config: HostConfig
  readonly timers: Timers
  readonly pump: CorePump
  /** Opened after the lanes, and so after this. */
  readonly gate: () => Gate | undefined
  readonly log: (level: 'info' | 'warn', text: string, data: object) => void
}

/** @throws HostError PORT_IN_USE */
export async function openCluster(around: Around): Promise<Cluster | undefined> {
  const { config, timers, pump, gate, log } = around
  const { cluster: section } = config
  if (section === undefined) return undefined
  const cluster = await Cluster.open({
    config: { ...config, cluster: section },
    clock: systemClock,
    timers,
    schedule: () => pump.schedule(),
    gate: () => {
      const opened = gate()
      return (
        opened && {
          isBound: (uid) => opened.sessions.byUid(uid) !== undefined,
          kick: (uid, reason) => opened.kick(opened.sessions.byUid(uid), reason),
          kickAll: (reason) => opened.kickAll(reason),
        }
      )
    },
    log,
  })
  // First of all: a lease that has ended ends everything else.
  pump.beforeTurn(cluster.beforeTurn)
  pump.afterTurn(cluster.afterTurn)
  return cluster
}
