// `npm run admin -- <command>`: asks a running host over its admin socket, and prints the answer.
//
// Main thread of its own process. Exit codes: 0 done; 1 the host refused or failed, or none is
// running; 2 when the command or its arguments are wrong. One line on stderr says what was wrong.
//
//   npm run admin -- <command> [arguments] [--node NAME | --socket PATH] [--root FOLDER] [--json]

import { resolve } from 'node:path'
import { type ArgumentSpec, parseWords, readArguments } from '../core/admin/arguments.ts'
import type { Command } from '../core/admin/command.ts'
import { commandTable, findCommand } from '../core/admin/command-table.ts'
import { explainCommands } from '../core/admin/commands/help.ts'
import { bashCompletion } from '../core/admin/completion.ts'
import { findHost } from '../core/admin/find-host.ts'
import { askAdmin } from '../core/admin/socket-client.ts'
import { exitCodes, HostError } from '../core/base/errors.ts'

const general: readonly ArgumentSpec[] = [
  { name: 'node', type: 'text', help: 'the host of this name' },
  { name: 'socket', type: 'text', help: 'the host with this admin socket' },
  { name: 'root', type: 'text', help: "the game's folder" },
  { name: 'json', type: 'flag', help: 'the answer as JSON' },
]

const notDone = 1

/** The words for this tool, and those for the command; `--` and what follows is the command's. */
function splitWords(words: readonly string[]): { own: string[]; rest: string[] } {
  const own: string[] = []
  const rest: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (word === '--') {
      rest.push(...words.slice(at))
      break
    }
    const spec = general.find(({ name }) => word === `--${name}` || word.startsWith(`--${name}=`))
    if (spec === undefined) {
      rest.push(word)
      continue
    }
    own.push(word)
    const next = words[at + 1]
    if (spec.type !== 'flag' && !word.includes('=') && next !== undefined) {
      own.push(next)
      at++
    }
  }
  return { own, rest }
}

function print(text: string): void {
  if (text !== '') process.stdout.write(`${text}\n`)
}

/** @returns the exit code */
async function main(words: readonly string[]): Promise<number> {
  const { own, rest } = splitWords(words)
  const options = readArguments(general, parseWords(general, own))
  const [name = 'help', ...args] = rest
  const isJson = options.flag('json')
  if (name === 'completion') {
    print(
      bashCompletion(
        commandTable,
        general.map((spec) => `--${spec.name}`),
      ),
    )
    return exitCodes.ok
  }
  const command = findCommand(name === '--help' || name === '-h' ? 'help' : name)
  if (command === undefined) {
    throw new HostError('BAD_REQUEST', `there is no command '${name}'; npm run admin -- help`)
  }
  const checked = readArguments(command.arguments, parseWords(command.arguments, args))
  if (command.name === 'help') {
    const entries = explainCommands(commandTable, checked.text('command'))
    print(isJson ? JSON.stringify(entries) : command.text(entries))
    return exitCodes.ok
  }
  const socket = await findHost({
    root: resolve(options.text('root') ?? process.cwd()),
    node: options.text('node'),
    socket: options.text('socket'),
  })
  const request = { command: command.name, args: checked.record() }
  return show(command, await ask(socket, request, command, isJson), isJson)
}

/** Asks; Ctrl-C ends a stream in order. */
function ask(
  socket: Parameters<typeof askAdmin>[0],
  request: Parameters<typeof askAdmin>[1],
  command: Command,
  isJson: boolean,
): ReturnType<typeof askAdmin> {
  const stopped = new AbortController()
  if (command.isStream) process.once('SIGINT', () => stopped.abort())
  const event = (value: unknown): void => {
    print(isJson ? JSON.stringify(value) : command.eventText(value))
  }
  return askAdmin(socket, request, event, stopped.signal)
}

function show(command: Command, outcome: Awaited<ReturnType<typeof ask>>, isJson: boolean): number {
  if (outcome.ok) {
    print(isJson ? JSON.stringify(outcome.result) : command.text(outcome.result))
    return exitCodes.ok
  }
  const { code, message } = outcome.error
  if (isJson) print(JSON.stringify({ error: outcome.error }))
  process.stderr.write(`moonwheel: ${message}\n`)
  return code === 'BAD_REQUEST' ? exitCodes.usage : notDone
}

// A reader that has seen enough (`… log | head`) ends this without a word.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : notDone)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof HostError)) throw error
  process.stderr.write(`moonwheel: ${error.message}\n`)
  process.exitCode = error.code === 'BAD_REQUEST' ? exitCodes.usage : notDone
}
