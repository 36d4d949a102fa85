// Literals for PostgreSQL. Any thread, stateless.
//
// Bytes go through decode(.., 'hex'), which needs no backslash and so reads the same whatever
// standard_conforming_strings is. A float says that it is one: a bare 0.1 is an exact numeric, and
// -0.0 loses its sign. Text that is not plain has the type text, not unknown: into a jsonb or
// timestamp column it needs a CAST(? AS jsonb) around its parameter.

import { decimalOf, hexOf } from './literal-text.ts'
import type { Literals } from './sql-value.ts'

export const postgresLiterals: Literals = {
  preamble: "SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n",
  integer: (value) => `(${value})`,
  float: (value) => `(${decimalOf(value)}::float8)`,
  boolean: (value) => (value ? 'TRUE' : 'FALSE'),
  text: (bytes, isPlain) =>
    isPlain ? `'${bytes}'` : `convert_from(decode('${hexOf(bytes)}','hex'),'UTF8')`,
  blob: (bytes) => `decode('${hexOf(bytes)}','hex')`,
  textFault: (bytes) =>
    bytes.includes('\0') ? 'has a NUL, which PostgreSQL cannot hold in text' : undefined,
}
