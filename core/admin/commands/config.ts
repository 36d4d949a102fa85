// config: the settings in force, with secrets left out.
import { HostError } from '../../base/errors.ts'
import { command } from '../command.ts'
import { textPairs } from '../text-table.ts'

type Sections = Readonly<Record<string, unknown>>

export const config = command({
  name: 'config',
  summary: 'shows the settings in force',
  arguments: [
    { name: 'section', type: 'text', isPositional: true, help: 'one section of config/host.lua' },
  ],
  example: 'config gate',
  run: (args, host): Sections => {
    const all = host.config()
    const name = args.text('section')
    if (name === undefined) return all
    if (Object.hasOwn(all, name)) return { [name]: all[name] }
    const text = `there is no section '${name}'; there are ${Object.keys(all).join(', ')}`
    throw new HostError('NOT_FOUND', text)
  },
  text: (sections: Sections) =>
    textPairs(
      Object.entries(sections).flatMap(([section, fields]) =>
        Object.entries(fields as object).map(
          ([field, value]) => [`${section}.${field}`, JSON.stringify(value)] as const,
        ),
      ),
    ),
})
