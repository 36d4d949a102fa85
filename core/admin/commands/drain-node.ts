// drain-node: this node takes nothing new, and goes on with what it has.
import type { DrainNodeReport } from '../admin-host.ts'
import { command } from '../command.ts'

export const drainNode = command({
  name: 'drain-node',
  summary: 'takes nothing new from now on: no players, no calls; what is under way goes on',
  arguments: [],
  example: 'drain-node',
  run: (_args, host) => host.drainNode(),
  text: ({ node, sessions, calls }: DrainNodeReport) =>
    `${node} is draining: ${sessions} sessions and ${calls} calls are still there`,
})
