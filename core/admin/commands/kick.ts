// kick: ends one connection, and its client is told why.
import type { SessionReport } from '../admin-host.ts'
import { command } from '../command.ts'

export const kick = command({
  name: 'kick',
  summary: 'ends one session and tells its client why',
  arguments: [
    {
      name: 'session',
      type: 'text',
      isPositional: true,
      isRequired: true,
      help: 'uid or session id',
    },
    {
      name: 'reason',
      type: 'text',
      otherwise: 'ended by an operator',
      help: 'what the client is told',
    },
  ],
  example: "kick mei --reason 'see you later'",
  run: (args, host) => host.kick(args.needText('session'), args.needText('reason')),
  text: ({ sid, uid, ip }: SessionReport) => `session ${sid} (${uid || 'no uid'}, ${ip}) was ended`,
})
