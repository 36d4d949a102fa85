// What is said on the admin socket: one JSON object a line, UTF-8. Any thread; both ends use it.
//
//   operator   {"command":"kick","args":{"session":"mei"},"caller":{"uid":0,"user":"root","pid":7}}
//   host       {"event":…}           any number of them, for commands that stream
//              {"result":…}          or {"error":{"code":"NOT_FOUND","message":…}}; then it closes
//
// One command a connection. The operator ends a stream by closing his side. A line is at most
// adminRequestBytesMax from an operator; the host's lines are as long as its answer.

import { StringDecoder } from 'node:string_decoder'
import type { AdminError } from './command-runner.ts'

export interface AdminRequest {
  readonly command: string
  readonly args: unknown
  readonly caller: { readonly uid?: number; readonly user?: string; readonly pid?: number }
}

export type AdminAnswer =
  | { readonly event: unknown }
  | { readonly result: unknown }
  | { readonly error: AdminError }

export function encodeLine(value: AdminRequest | AdminAnswer): string {
  return `${JSON.stringify(value)}\n`
}

/** Cuts a stream of bytes into lines. */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8')
  readonly #charsMax: number
  #rest = ''

  /** @param charsMax longer lines are refused */
  constructor(charsMax: number) {
    this.#charsMax = charsMax
  }

  /** @returns the whole lines that are there now, or undefined when one is too long */
  feed(chunk: Buffer): readonly string[] | undefined {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop() ?? ''
    const longest = Math.max(this.#rest.length, ...lines.map((line) => line.length))
    return longest > this.#charsMax ? undefined : lines
  }
}

/** A request as it came from outside; undefined when it is none. */
export function decodeRequest(line: string): AdminRequest | undefined {
  const value = parseObject(line)
  if (value === undefined || typeof value.command !== 'string') return undefined
  const said = isObject(value.caller) ? value.caller : {}
  const { uid, user, pid } = said
  const caller = {
    ...(Number.isInteger(uid) ? { uid: uid as number } : {}),
    ...(typeof user === 'string' ? { user: user.slice(0, 64) } : {}),
    ...(Number.isInteger(pid) ? { pid: pid as number } : {}),
  }
  return { command: value.command.slice(0, 64), args: value.args ?? {}, caller }
}

/** What the host said; undefined when it is nothing that this end knows. */
export function decodeAnswer(line: string): AdminAnswer | undefined {
  const value = parseObject(line)
  if (value === undefined) return undefined
  return 'event' in value || 'result' in value || 'error' in value
    ? (value as unknown as AdminAnswer)
    : undefined
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
