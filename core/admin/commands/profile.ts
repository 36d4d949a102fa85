// profile: where one thread spends its time, as a file that Chrome's and VS Code's tools open.
import { HostError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { ProfileReport } from '../admin-host.ts'
import { command } from '../command.ts'
import { textTable } from '../text-table.ts'

export const profile = command({
  name: 'profile',
  summary: 'takes a CPU profile of one lane, or of the core, and writes it to a file',
  arguments: [
    {
      name: 'thread',
      type: 'text',
      isPositional: true,
      otherwise: '0',
      help: "a lane's number, or 'core'",
    },
    {
      name: 'ms',
      type: 'integer',
      min: 10,
      max: limits.adminProfileMsMax,
      otherwise: 5000,
      help: 'how long',
    },
  ],
  example: 'profile 0 --ms 2000',
  run: (args, host) => host.profile(threadOf(args.needText('thread')), args.needInteger('ms')),
  text: ({ file, durationMs, samples, top }: ProfileReport) =>
    [
      `${file}: ${samples} samples in ${Math.round(durationMs)} ms`,
      textTable(
        ['self', 'function', 'place'],
        top.map(({ name, place, percent }) => [`${percent} %`, name, place]),
      ),
    ].join('\n'),
})

function threadOf(text: string): number | 'core' {
  if (text === 'core') return text
  if (/^\d{1,3}$/.test(text)) return Number(text)
  throw new HostError('BAD_REQUEST', `<thread>: expected a lane's number or core, got "${text}"`)
}
