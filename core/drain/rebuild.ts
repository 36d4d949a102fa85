// The game's data as it was at a moment: replays spool and archive into an empty database.
//
// A tool. All nodes' transactions up to that time, merged by their times (of one node: in their order);
// what an operator has skipped is passed by. The tables are those of config/schema today, which has all
// that it ever had. A transaction that this database refuses ends it: a rebuild decides nothing.

import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { DatabaseTable } from '../config/types.ts'
import type { SpoolTransaction } from '../spool/format.ts'
import { SpoolReader } from '../spool/reader.ts'
import { ArchivedFiles } from './archived-files.ts'
import { DeadLetters } from './dead-letters.ts'
import { textOf } from './drainer.ts'
import { carryOut, lookAndPlan } from './migrate.ts'
import { noProgress, type Progress, type Target } from './target.ts'

export interface RebuildOptions {
  /** The spool's folder of each node. */
  readonly nodes: ReadonlyMap<string, string>
  /** Connected, and empty. */
  readonly target: Target
  readonly schema: readonly DatabaseTable[]
  /** Milliseconds since 1970; later transactions are left out. */
  readonly untilMs: number
  readonly batchTransactionsMax: number
  readonly onProgress?: (transactions: number) => void
}

/** One node's transactions, with the next at hand. */
class Source {
  readonly node: string
  readonly #reader: SpoolReader
  readonly #skipped: ReadonlySet<number>
  readonly #untilMs: number
  next: SpoolTransaction | undefined
  at: Progress = noProgress

  constructor(node: string, folder: string, untilMs: number) {
    this.node = node
    this.#untilMs = untilMs
    this.#reader = new SpoolReader({ folder, files: new ArchivedFiles() })
    const letters = new DeadLetters(folder).list().filter(({ state }) => state === 'skip')
    this.#skipped = new Set(letters.map(({ sequence }) => sequence))
    this.advance()
    if (this.next !== undefined && this.next.prev !== 0) {
      const words = `begins with transaction ${this.next.sequence}: what was before is gone`
      throw new HostError('NOT_FOUND', `${folder}/archive ${words}, so nothing can be rebuilt`)
    }
  }

  get spool(): string {
    return this.#reader.preamble?.spool ?? ''
  }

  get dialect(): string | undefined {
    return this.#reader.preamble?.dialect
  }

  isSkipped(sequence: number): boolean {
    return this.#skipped.has(sequence)
  }

  /** The clock may go back: the first transaction behind the time ends this node's part. */
  advance(): void {
    const found = this.#reader.next()
    this.next = found !== undefined && found.timeMs <= this.#untilMs ? found : undefined
  }

  close(): void {
    this.#reader.close()
  }
}

/**
 * Rebuilds. @returns how many transactions were applied
 * @throws HostError CONFLICT when the database is not empty, or of another dialect
 */
export async function rebuild(options: RebuildOptions): Promise<number> {
  const { nodes, target, schema, untilMs } = options
  const there = await target.tableNames()
  if (there.length > 0) {
    const words = `it has ${there.length} tables, such as ${there[0]}`
    throw new HostError('CONFLICT', `a rebuild needs an empty database, a new one: ${words}`)
  }
  await carryOut(target, await lookAndPlan(target, schema))
  const sources: Source[] = []
  try {
    for (const [node, folder] of nodes) {
      sources.push(new Source(node, folder, untilMs))
      await target.prepare(node)
    }
    return await replay(sources, options)
  } finally {
    for (const source of sources) source.close()
  }
}

async function replay(sources: readonly Source[], options: RebuildOptions): Promise<number> {
  let count = 0
  for (let source = earliest(sources); source !== undefined; source = earliest(sources)) {
    const other = earliest(sources.filter((each) => each !== source))
    count += await applyRun(source, other?.next?.timeMs ?? Number.POSITIVE_INFINITY, options)
    options.onProgress?.(count)
  }
  return count
}

function earliest(sources: readonly Source[]): Source | undefined {
  return sources.reduce<Source | undefined>((first, source) => {
    if (source.next === undefined) return first
    return first?.next === undefined || source.next.timeMs < first.next.timeMs ? source : first
  }, undefined)
}

/** Applies one node's transactions up to a time, as many as one batch takes. */
async function applyRun(source: Source, toMs: number, options: RebuildOptions): Promise<number> {
  const { target, batchTransactionsMax } = options
  const texts: string[] = []
  let last: SpoolTransaction | undefined
  let bytes = 0
  let count = 0
  const { spool } = source
  for (let next = source.next; next !== undefined; next = source.next) {
    if (source.dialect !== target.dialect) {
      const words = `written for ${source.dialect}, not for ${target.dialect}`
      throw new HostError('CONFLICT', `the spool of ${source.node} is ${words}`)
    }
    bytes += next.end - next.start
    const full = count >= batchTransactionsMax || bytes > limits.batchBytesMax
    if (count > 0 && (full || next.timeMs > toMs)) break
    if (!source.isSkipped(next.sequence)) texts.push(textOf(next))
    last = next
    count++
    source.advance()
  }
  if (last === undefined) return 0
  const to: Progress = { spool, sequence: last.sequence, chain: last.crc }
  const batch = { from: source.at, to, sql: texts.join(''), timeMs: last.timeMs }
  await target.apply(source.node, batch)
  source.at = to
  return count
}
