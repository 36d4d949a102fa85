// How cells of MySQL and PostgreSQL become cells of RowWriter. Core thread, stateless.

import type { Cell } from '../lua/row-writer.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** An exact decimal (a SUM of integers): an integer when it is one of 64 bits, else a float. */
export function cellOfDecimal(text: string): Cell {
  if (!/^-?\d+$/.test(text)) return Number(text)
  const value = BigInt(text)
  return value >= int64Min && value <= int64Max ? value : Number(text)
}
