// Literals for MySQL and MariaDB. Any thread, stateless.
//
// No literal holds a backslash or a quote, so NO_BACKSLASH_ESCAPES and ANSI_QUOTES change nothing. A
// float carries an exponent: without one the server takes it for an exact DECIMAL.

import { decimalOf, hexOf } from './literal-text.ts'
import type { Literals } from './sql-value.ts'

export const mysqlLiterals: Literals = {
  preamble: 'SET NAMES utf8mb4;\n',
  integer: (value) => `(${value})`,
  float: (value) => {
    const text = decimalOf(value)
    return text.includes('e') ? `(${text})` : `(${text}e0)`
  },
  boolean: (value) => (value ? 'TRUE' : 'FALSE'),
  text: (bytes, isPlain) => (isPlain ? `'${bytes}'` : `_utf8mb4 X'${hexOf(bytes)}'`),
  blob: (bytes) => `_binary X'${hexOf(bytes)}'`,
  textFault: () => undefined,
}
