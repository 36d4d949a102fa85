// eval: runs a piece of Lua in one lane, where the config allows it.
import { limits } from '../../base/limits.ts'
import type { EvalReport } from '../admin-host.ts'
import { command } from '../command.ts'

export const evalLua = command({
  name: 'eval',
  summary: 'runs Lua in one lane and shows what it returns (off unless admin.eval is on)',
  arguments: [
    {
      name: 'code',
      type: 'text',
      isPositional: true,
      isRequired: true,
      help: 'an expression or statements; `services.bag` is the service bag',
    },
    { name: 'lane', type: 'integer', max: limits.lanesMax, otherwise: 0, help: 'where' },
    {
      name: 'limit-ms',
      type: 'integer',
      min: 1,
      max: limits.adminEvalMsMax,
      otherwise: 1000,
      help: 'how long it may take, waits included',
    },
  ],
  example: "eval 'os.time()' --lane 1",
  run: (args, host) =>
    host.eval(args.needInteger('lane'), args.needText('code'), args.needInteger('limit-ms')),
  text: ({ values }: EvalReport) => (values.length === 0 ? '(no value)' : values.join('\n')),
})
