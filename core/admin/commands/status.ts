// status: the numbers of the host on one screen.
//
// The busiest routes only; `--json` has all of them, and everything else that status.ts declares.
import { command } from '../command.ts'
import type { HostStatus, LaneStatus } from '../status.ts'
import { showBytes, showErrors, showSeconds, showUs, textPairs, textTable } from '../text-table.ts'

const routesShown = 20

export const status = command({
  name: 'status',
  summary: 'shows sessions, messages, latency, errors, timers, lanes and routes',
  arguments: [],
  example: 'status',
  run: (_args, host) => host.status(),
  text: statusText,
})

function statusText(host: HostStatus): string {
  const { sessions, messages, rates, latency, timers, cache } = host
  const pairs = textPairs([
    ['node', `${host.node}, process ${host.pid}, ${host.engine} engine, version ${host.version}`],
    ['running', `${showSeconds(host.uptimeS)}, since ${host.startedAt}`],
    [
      'memory',
      `${showBytes(host.process.rssBytes)}, core heap ${showBytes(host.process.coreHeapBytes)}`,
    ],
    ['core busy', `${host.process.coreBusyPercent} %`],
    [
      'sessions',
      `${sessions.open} open, ${sessions.bound} logged in, ${sessions.channels} channels`,
    ],
    [
      'connections',
      `${sessions.accepted} accepted, ${sessions.refused} refused, ${sessions.kicked} kicked`,
    ],
    [
      'requests',
      `${messages.requests}, ${messages.notifies} notifies, ${messages.inFlight} under way`,
    ],
    [
      'messages/s',
      `${rates.second.messagesIn} in, ${rates.second.messagesOut} out` +
        ` (last minute ${rates.minute.messagesIn} in, ${rates.minute.messagesOut} out)`,
    ],
    ['bytes/s', `${showBytes(rates.second.bytesIn)} in, ${showBytes(rates.second.bytesOut)} out`],
    [
      'latency',
      `p50 ${showUs(latency.p50Us)}, p90 ${showUs(latency.p90Us)}, p99 ${showUs(latency.p99Us)},` +
        ` p99.9 ${showUs(latency.p999Us)}, max ${showUs(latency.maxUs)}`,
    ],
    ['errors', showErrors(messages.errors)],
    ['timers', `${timers.waiting} waiting, ${timers.held} held back`],
    ...dataPairs(host),
    [
      'cache',
      `${cache.entries} entries, ${showBytes(cache.bytes)} of ${showBytes(cache.bytesMax)},` +
        ` ${cache.hits} hits, ${cache.misses} misses, ${cache.evictions} evicted`,
    ],
  ])
  const lanes = textTable(
    ['lane', 'state', 'sessions', 'messages', 'busy', 'heap', 'timers'],
    host.lanes.map((lane) => [
      lane.lane,
      lane.state,
      lane.sessions,
      lane.messages,
      `${lane.busyPercent} %`,
      showBytes(lane.heapBytes),
      lane.timers,
    ]),
  )
  const routes = textTable(
    ['route', 'requests', 'notifies', 'p50', 'p99', 'errors'],
    host.routes
      .slice(0, routesShown)
      .map((route) => [
        route.route,
        route.requests,
        route.notifies,
        showUs(route.latency.p50Us),
        showUs(route.latency.p99Us),
        showErrors(route.errors),
      ]),
  )
  const more = host.routes.length - routesShown
  const rest = more > 0 ? `\n(and ${more} more: --json has them all)` : ''
  return `${pairs}\n\n${lanes}\n\n${routes}${rest}`
}

/** From the lanes to the disk to the database, and back. */
function dataPairs({ data, lanes }: HostStatus): [string, string][] {
  if (data === null) return []
  const { spool, drainer, queries } = data
  const sum = (of: (lane: LaneStatus) => number): number =>
    lanes.reduce((total, lane) => total + of(lane), 0)
  const held = sum((lane) => lane.heldForDisk.messages)
  const heldBytes = showBytes(sum((lane) => lane.heldForDisk.bytes))
  const entityBytes = showBytes(sum((lane) => lane.entities.bytes))
  return [
    [
      'spool',
      `${spool.durable} transactions on disk, ${showBytes(spool.waitingBytes)} on their way` +
        (spool.refusing ? ': NO ROOM ON THE DISK, nothing is written' : ''),
    ],
    ['held', `${held} messages (${heldBytes}) wait for the disk`],
    [
      'drainer',
      `${drainer.state}, ${drainer.behind} behind, ${drainer.deadLetters} dead letters` +
        (drainer.problem === null ? '' : `: ${drainer.problem}`),
    ],
    [
      'queries',
      `${queries.underWay} under way, ${queries.waiting} of them wait for the drainer;` +
        ` ${queries.asked} asked, ${queries.slow} slow, ${queries.failed} failed, ${queries.refused} refused`,
    ],
    ['entities', `${sum((lane) => lane.entities.count)} in memory, ${entityBytes}`],
  ]
}
