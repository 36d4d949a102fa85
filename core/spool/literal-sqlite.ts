// Literals for SQLite. Any thread, stateless.
//
// Numbers stand in parentheses, because `5--1` is a comment. Text that is not plain goes as
// CAST(X'..' AS TEXT): SQLite has no escapes, and may hold NUL in text only this way.

import { decimalOf, hexOf } from './literal-text.ts'
import type { Literals } from './sql-value.ts'

export const sqliteLiterals: Literals = {
  preamble: '',
  integer: (value) => `(${value})`,
  float: (value) => `(${decimalOf(value)})`,
  boolean: (value) => (value ? 'TRUE' : 'FALSE'),
  text: (bytes, isPlain) => (isPlain ? `'${bytes}'` : `CAST(X'${hexOf(bytes)}' AS TEXT)`),
  blob: (bytes) => `X'${hexOf(bytes)}'`,
  textFault: () => undefined,
}
