// log: its last lines and what comes after them, or its level.
//
// Lines are shown as they were written; the level of the log decides what is written at all, so that
// `log --set debug` and then `log` is the way to see more.
import { HostError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { LogLevel } from '../admin-host.ts'
import { command } from '../command.ts'
import { streamLimits, streamWithin } from '../stream-limits.ts'

const levelNumbers: Readonly<Record<LogLevel, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
}
const levels = Object.keys(levelNumbers) as LogLevel[]

interface LogResult {
  readonly level: LogLevel
  readonly lines: number
  readonly dropped: number
}

type LogLine = Readonly<Record<string, unknown>>

export const log = command({
  name: 'log',
  summary: "follows the log, or changes its level until the host's end",
  arguments: [
    { name: 'set', type: 'text', choices: levels, help: 'changes the level, and follows nothing' },
    {
      name: 'level',
      type: 'text',
      choices: levels,
      otherwise: 'trace',
      help: 'shows this and above',
    },
    { name: 'match', type: 'text', help: 'shows only lines with this text in them' },
    {
      name: 'last',
      type: 'integer',
      max: limits.logTapLinesMax,
      otherwise: 10,
      help: 'begins with so many lines of before',
    },
    ...streamLimits,
  ],
  example: 'log --level warn',
  run: async (args, host, stream): Promise<LogResult> => {
    const level = args.text('set')
    if (level !== undefined) {
      host.setLogLevel(level as LogLevel)
      return { level: level as LogLevel, lines: 0, dropped: 0 }
    }
    const least = levelNumbers[args.needText('level') as LogLevel]
    const match = args.text('match')
    const read = (line: string): LogLine | undefined => {
      if (match !== undefined && !line.includes(match)) return undefined
      const parsed = parseLine(line)
      return Number(parsed.level) >= least ? parsed : undefined
    }
    const before = host.recentLog().flatMap((line) => read(line) ?? [])
    const last = args.needInteger('last')
    const lines = await streamWithin(args, stream, (event) => {
      for (const line of last === 0 ? [] : before.slice(-last)) event(line)
      return host.tailLog((line) => {
        const shown = read(line)
        if (shown !== undefined) event(shown)
      })
    })
    return { level: host.logLevel(), lines, dropped: stream.dropped }
  },
  text: ({ level, lines, dropped }: LogResult) => {
    if (lines === 0) return `the log's level is ${level}`
    return dropped === 0 ? '' : `(${dropped} lines left out: this end was too slow)`
  },
  eventText: lineText,
})

/** A line that was cut is no JSON any more; it is shown as it is. */
function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw new HostError('INTERNAL', 'log', { cause: error })
    return { level: 30, time: 0, msg: line }
  }
}

function lineText(line: LogLine): string {
  const { level, time, msg, node: _node, ...fields } = line
  const name = levels.find((each) => levelNumbers[each] === level) ?? 'fatal'
  const at = new Date(Number(time)).toISOString().slice(11, 23)
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`)
  return `${at} ${name.padEnd(5)} ${String(msg)}${rest.join('')}`
}

function show(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value)
}
