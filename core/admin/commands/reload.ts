// reload: new code, config tables and settings, in every lane or in none.
//
// What is wrong with the files is a CONFLICT of several lines, the first words of each its file:line;
// the whole report goes along as data. A name that does not exist is a bad argument.
import { HostError } from '../../base/errors.ts'
import type { ReloadReport, ReloadTarget } from '../../lane/reload-control.ts'
import type { AdminHost } from '../admin-host.ts'
import type { Arguments } from '../arguments.ts'
import { command } from '../command.ts'

/** What can be named beside services. */
const notServices: readonly string[] = ['tables', 'settings']

export const reload = command({
  name: 'reload',
  summary: 'reads files again and swaps them in every lane at once, or changes nothing',
  arguments: [
    {
      name: 'names',
      type: 'list',
      isPositional: true,
      help: "services, 'tables' for config/tables, 'settings' for config/host.lua",
    },
    { name: 'all', type: 'flag', help: 'everything' },
    { name: 'changed', type: 'flag', help: 'what differs on disk from what runs' },
  ],
  example: 'reload hello',
  run: async (args, host) => expectDone(await host.reload(targetOf(args, host))),
  text: reloadText,
})

function targetOf(args: Arguments, host: AdminHost): ReloadTarget {
  const names = args.list('names')
  const wanted = [names.length > 0, args.flag('all'), args.flag('changed')]
  if (wanted.filter(Boolean).length !== 1) {
    const text = "name services, 'tables' or 'settings'; or --all; or --changed"
    throw new HostError('BAD_REQUEST', text)
  }
  if (args.flag('all')) return 'all'
  if (args.flag('changed')) return 'changed'
  for (const name of names) if (!notServices.includes(name)) expectService(name, host)
  return names
}

/** @throws HostError BAD_REQUEST for a service that there is not */
export function expectService(name: string, host: AdminHost): void {
  const names = host.services().map((service) => service.name)
  if (names.includes(name)) return
  const text = `there is no service '${name}'; there are ${names.join(', ') || 'none'}`
  throw new HostError('BAD_REQUEST', text)
}

/** @throws HostError CONFLICT with one problem a line when nothing was changed */
export function expectDone(report: ReloadReport): ReloadReport {
  if (report.ok) return report
  const text = ['nothing has changed:', ...report.problems].join('\n')
  throw new HostError('CONFLICT', text, { data: { ...report } })
}

export function reloadText(report: ReloadReport): string {
  const what = [
    ...report.services.map(({ name, version }) => `${name} v${version}`),
    ...report.tables.map((name) => `table ${name}`),
    ...report.settings,
  ]
  const done =
    what.length === 0
      ? 'nothing had changed'
      : `${what.join(', ')}: in every lane, after ${report.durationMs} ms`
  return [done, ...report.warnings.map((text) => `note: ${text}`)].join('\n')
}
