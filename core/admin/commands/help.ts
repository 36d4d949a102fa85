// help: all commands, or one of them with its arguments.
//
// Made from the command table, which is handed in, because help stands in it. The command line calls
// `explainCommands` itself, so that help needs no host.
import { HostError } from '../../base/errors.ts'
import { type ArgumentSpec, usageOf } from '../arguments.ts'
import { type Command, command } from '../command.ts'
import { textTable } from '../text-table.ts'

export interface HelpEntry {
  readonly name: string
  readonly summary: string
  readonly usage: string
  readonly example: string
  readonly isStream: boolean
  readonly arguments: readonly ArgumentSpec[]
}

/** @param table asked for when help is wanted, since help stands in it */
export function helpOf(table: () => readonly Command[]): Command {
  return command({
    name: 'help',
    summary: 'lists the commands, or explains one',
    arguments: [
      { name: 'command', type: 'text', isPositional: true, help: 'the command to explain' },
    ],
    example: 'help reload',
    run: (args) => explainCommands(table(), args.text('command')),
    text: helpText,
  })
}

/** The entries of all commands, or of one. @throws HostError BAD_REQUEST */
export function explainCommands(
  table: readonly Command[],
  name: string | undefined,
): readonly HelpEntry[] {
  const chosen = table.filter((each) => name === undefined || each.name === name)
  if (chosen.length > 0) return chosen.map(entryOf)
  throw new HostError('BAD_REQUEST', `there is no command '${name}' (see help)`)
}

function entryOf(each: Command): HelpEntry {
  const { name, summary, example, isStream } = each
  const usage = `${name} ${usageOf(each.arguments)}`.trimEnd()
  return { name, summary, usage, example, isStream, arguments: each.arguments }
}

function helpText(entries: readonly HelpEntry[]): string {
  const [only] = entries
  if (only !== undefined && entries.length === 1) return explain(only)
  const rows = entries.map(({ name, summary }) => [name, summary])
  return `${textTable(['command', ''], rows)}\n\nhelp <command> shows its arguments.`
}

function explain(entry: HelpEntry): string {
  const lines = [`${entry.usage}`, `  ${entry.summary}`]
  for (const spec of entry.arguments) {
    const name = spec.isPositional === true ? `<${spec.name}>` : `--${spec.name}`
    const otherwise = spec.otherwise === undefined ? '' : ` (${spec.otherwise} when left out)`
    lines.push(`  ${name.padEnd(14)} ${spec.help}${otherwise}`)
  }
  lines.push(`for example: npm run admin -- ${entry.example}`)
  return lines.join('\n')
}
