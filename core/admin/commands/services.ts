// services: what runs, in which version, and which routes clients may call.
import type { ServiceReport } from '../admin-host.ts'
import { command } from '../command.ts'
import { textTable } from '../text-table.ts'

export const services = command({
  name: 'services',
  summary: 'lists the services with version, file and routes',
  arguments: [],
  example: 'services',
  run: (_args, host) => host.services(),
  text: (all: readonly ServiceReport[]) =>
    textTable(
      ['service', 'version', 'lanes', 'file', 'routes'],
      all.map(({ name, version, lanes, file, routes }) => [
        name,
        version,
        lanes,
        file,
        routes.map((route) => route.split('.').at(-1)).join(' '),
      ]),
    ),
})
