// Who changed what: finds the transactions and statements of a spool that a question is about.
//
// Any thread, stateless. A statement's table is read off its beginning; a key is looked for as the
// literal that a parameter with that value becomes, so `42` finds (42) and '42', and any text its
// hex form.

import { textToBytes } from '../lua/bytes.ts'
import { decodeOrigin, type SpoolTransaction, statementsOf } from './format.ts'
import { hexOf } from './literal-text.ts'

/** What must hold of a transaction, and of its statements; what is undefined is not asked. */
export interface TraceQuery {
  readonly uid?: string | undefined
  readonly route?: string | undefined
  readonly request?: string | undefined
  readonly table?: string | undefined
  /** A value that the statement names. */
  readonly key?: string | undefined
  /** Milliseconds since 1970. */
  readonly fromMs?: number | undefined
  readonly untilMs?: number | undefined
}

/** A transaction that was asked for, with those of its statements that are meant. */
export interface Trace {
  readonly sequence: number
  readonly timeMs: number
  /** node, lane, uid, route, request. */
  readonly by: Readonly<Record<string, string>>
  readonly statements: readonly string[]
}

const beginning =
  /^(?:INSERT(?:\s+OR\s+\w+)?(?:\s+IGNORE)?\s+INTO|REPLACE(?:\s+INTO)?|UPDATE(?:\s+OR\s+\w+)?(?:\s+ONLY)?|DELETE\s+FROM)\s+["'`[]?([^\s"'`\](,;.]+)/i

/** The table that a statement writes to, or undefined when its beginning is not understood. */
export function tableOf(statement: string): string | undefined {
  return beginning.exec(statement)?.[1]
}

/** @returns the statements that are meant, undefined when there are none */
export function trace(transaction: SpoolTransaction, query: TraceQuery): Trace | undefined {
  const { sequence, timeMs, origin } = transaction
  if (query.fromMs !== undefined && timeMs < query.fromMs) return undefined
  if (query.untilMs !== undefined && timeMs > query.untilMs) return undefined
  const by = Object.fromEntries(decodeOrigin(origin))
  for (const field of ['uid', 'route', 'request'] as const) {
    if (query[field] !== undefined && query[field] !== by[field]) return undefined
  }
  const statements: string[] = []
  for (const bytes of statementsOf(transaction)) {
    const statement = bytes.toString('utf8')
    if (query.table !== undefined && !isTable(statement, query.table)) continue
    if (query.key !== undefined && !names(statement, query.key)) continue
    statements.push(statement.trimEnd())
  }
  return statements.length === 0 ? undefined : { sequence, timeMs, by, statements }
}

function isTable(statement: string, table: string): boolean {
  return tableOf(statement)?.toLowerCase() === table.toLowerCase()
}

function names(statement: string, key: string): boolean {
  const forms = [`'${key}'`, `(${key})`, `'${hexOf(textToBytes(key))}'`]
  return forms.some((form) => statement.includes(form))
}
