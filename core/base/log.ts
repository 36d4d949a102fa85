// The host's log: pino, written by pino's own thread. Core thread.
//
// Lines go to stderr, so that stdout holds only what `npm start` prints for people and scripts: as
// JSON, or in columns where a person watches. `close` returns when everything has been written. The
// tap shows an operator what passes (log-tap.ts).

import { type Logger, pino } from 'pino'
import { LogTap } from './log-tap.ts'

export type Log = Logger

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  /** Columns for people; `auto` when stderr is a terminal. */
  readonly pretty: boolean | 'auto'
  readonly node: string
}

/** How long the last lines may take to be written. */
const closeMsMax = 1000

export interface OpenLog {
  readonly log: Log
  readonly tap: LogTap
  readonly close: () => Promise<void>
}

export function openLog(options: LogOptions): OpenLog {
  const pretty = options.pretty === 'auto' ? process.stderr.isTTY === true : options.pretty
  const transport = pino.transport(
    pretty
      ? {
          target: 'pino-pretty',
          options: {
            destination: 2,
            colorize: process.stderr.isTTY === true,
            ignore: 'pid,hostname,node',
            translateTime: 'SYS:HH:MM:ss.l',
          },
        }
      : { target: 'pino/file', options: { destination: 2 } },
  )
  const tap = new LogTap()
  const log = pino(
    { level: options.level, base: { node: options.node }, hooks: { streamWrite: tap.write } },
    transport,
  )
  return {
    log,
    tap,
    close: () =>
      new Promise((resolve) => {
        // The transport's thread does not keep the process alive; this does, until it has closed.
        const alive = setTimeout(resolve, closeMsMax)
        transport.once('close', () => {
          clearTimeout(alive)
          resolve()
        })
        transport.end()
      }),
  }
}
