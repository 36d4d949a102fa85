// rollback: one service back to the code that it had before its last reload.
import { command } from '../command.ts'
import { expectDone, expectService, reloadText } from './reload.ts'

export const rollback = command({
  name: 'rollback',
  summary: 'swaps one service back to its code before the last reload',
  arguments: [
    { name: 'service', type: 'text', isPositional: true, isRequired: true, help: 'its name' },
  ],
  example: 'rollback hello',
  run: async (args, host) => {
    const name = args.needText('service')
    expectService(name, host)
    return expectDone(await host.rollback(name))
  },
  text: reloadText,
})
