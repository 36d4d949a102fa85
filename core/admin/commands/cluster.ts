// cluster: this node's part in its cluster, and whom it sees.
import type { ClusterReport } from '../admin-host.ts'
import { command } from '../command.ts'
import { textPairs } from '../text-table.ts'

export const cluster = command({
  name: 'cluster',
  summary: 'shows what this node is in its cluster, and which nodes it sees',
  arguments: [],
  example: 'cluster',
  run: (_args, host) => host.cluster(),
  text: (report: ClusterReport) =>
    textPairs(Object.entries(report).map(([name, value]) => [name, String(value)] as const)),
})
