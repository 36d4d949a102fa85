// What the core and the SQLite reader thread agree on. Both threads.

import type { RowLimits } from '../lua/row-writer.ts'

export interface SqliteReaderStart {
  readonly file: string
  readonly toReader: SharedArrayBuffer
  readonly toCore: SharedArrayBuffer
  readonly readerBell: SharedArrayBuffer
  readonly coreBell: SharedArrayBuffer
  readonly limits: RowLimits
}

/** How an sqlRows is to be read. */
export const sqlStatus = { rows: 0, refused: 1, unreachable: 2, tooLarge: 3, late: 4 } as const
