// stop: the orderly end of the host.
import { command } from '../command.ts'

export const stop = command({
  name: 'stop',
  summary: 'ends the host in order: clients are told, services run their stop',
  arguments: [
    {
      name: 'reason',
      type: 'text',
      otherwise: 'the server is shutting down',
      help: 'what clients are told',
    },
  ],
  example: "stop --reason 'back at noon'",
  run: (args, host) => {
    host.stop(args.needText('reason'))
    return { stopping: true }
  },
  text: () => 'the host is stopping',
})
