// Spools for tests: written through SpoolLog into simulated files, read back through SpoolReader.

import type { SpoolPolicy } from '../../core/spool/durable-mark.ts'
import { encodeOrigin } from '../../core/spool/format.ts'
import { SpoolReader } from '../../core/spool/reader.ts'
import { SpoolLog } from '../../core/spool/spool-log.ts'
import { SimulatedFiles, seededRandom } from '../support/simulated-files.ts'

export const folder = 'spool'

export interface LogOptions {
  readonly segmentBytesMax?: number
  readonly policy?: SpoolPolicy
  readonly dialect?: 'sqlite' | 'mysql'
  readonly wallMs?: () => number
}

export function openLog(files: SimulatedFiles, options: LogOptions = {}): SpoolLog {
  return new SpoolLog({
    folder,
    node: 'test',
    dialect: options.dialect ?? 'sqlite',
    policy: options.policy ?? 'fdatasync',
    files,
    clock: { wallMs: options.wallMs ?? (() => 1_767_225_600_000) },
    newSpoolId: () => '0123456789abcdef',
    segmentBytesMax: options.segmentBytesMax ?? 64 * 1024 * 1024,
  })
}

export const origin = encodeOrigin({ node: 'test', lane: 0, uid: '12', route: 'bag.handler.buy' })

/** One statement that says which transaction it is. */
export function statementFor(id: string, padding = 0): string {
  return `INSERT INTO t(id, note) VALUES('${id}', '${'x'.repeat(padding)}');\n`
}

export function add(log: SpoolLog, text: string, statements = 1): void {
  const bytes = Buffer.from(text, 'latin1')
  log.add(statements, origin, bytes, 0, bytes.length)
}

/** A spool of `count` transactions with ids 1 to count, `perGroup` to a flush. */
export function makeSpool(count: number, perGroup: number, options: LogOptions = {}, padding = 0) {
  const files = new SimulatedFiles(seededRandom(1))
  const log = openLog(files, options)
  for (let id = 1; id <= count; id++) {
    add(log, statementFor(String(id), padding))
    if (id % perGroup === 0 || id === count) log.flush()
  }
  log.close()
  return files
}

/** The statements of all transactions that a reader sees, by transaction. */
export function readAll(files: SimulatedFiles, from?: number): string[] {
  const reader = new SpoolReader({ folder, files, ...(from === undefined ? {} : { from }) })
  const found: string[] = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    found.push(next.bytes.toString('latin1', next.statementsStart, next.statementsEnd))
  }
  reader.close()
  return found
}

/** The same, after the recovery that the next start of the host does. */
export function recoverAndRead(files: SimulatedFiles): string[] {
  openLog(files).close()
  return readAll(files)
}

export function idsOf(statements: readonly string[]): string[] {
  return statements.map((text) => /VALUES\('([^']*)'/.exec(text)?.[1] ?? '?')
}

/** '1' to 'count'. */
export function idsTo(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1))
}
