// All admin commands. Any thread; data.
//
// This one table feeds help, completion, the command line, the socket and the HTTP face.

import type { Command } from './command.ts'
import { cluster } from './commands/cluster.ts'
import { config } from './commands/config.ts'
import { drainNode } from './commands/drain-node.ts'
import { evalLua } from './commands/eval.ts'
import { gc } from './commands/gc.ts'
import { helpOf } from './commands/help.ts'
import { kick } from './commands/kick.ts'
import { lanes } from './commands/lanes.ts'
import { log } from './commands/log.ts'
import { profile } from './commands/profile.ts'
import { reload } from './commands/reload.ts'
import { rollback } from './commands/rollback.ts'
import { rpc } from './commands/rpc.ts'
import { services } from './commands/services.ts'
import { session } from './commands/session.ts'
import { sessions } from './commands/sessions.ts'
import { status } from './commands/status.ts'
import { stop } from './commands/stop.ts'
import { timers } from './commands/timers.ts'
import { trace } from './commands/trace.ts'

const help = helpOf(() => commandTable)

/** In the order in which help shows them. */
export const commandTable: readonly Command[] = [
  help,
  status,
  lanes,
  services,
  sessions,
  session,
  kick,
  reload,
  rollback,
  rpc,
  config,
  timers,
  log,
  trace,
  evalLua,
  gc,
  profile,
  cluster,
  drainNode,
  stop,
]

export function findCommand(name: string): Command | undefined {
  return commandTable.find((each) => each.name === name)
}
