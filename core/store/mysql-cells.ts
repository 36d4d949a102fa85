// How cells of the binary protocol of MySQL and MariaDB become cells of RowWriter. Core thread,
// stateless.
//
// Integers and doubles come as their bits, and so exactly. Times come as numbers without a fraction
// where it is nought; they are given the digits back that the server would print.

import type { FieldPacket, TypeCastField, TypeCastNext } from 'mysql2'
import type { Cell } from '../lua/row-writer.ts'
import { cellOfDecimal } from './server-cells.ts'

/** For the driver's `typeCast`, with supportBigNumbers and bigNumberStrings. */
export function mysqlCell(field: TypeCastField, next: TypeCastNext): Cell {
  switch (field.type) {
    case 'TINY':
    case 'SHORT':
    case 'LONG':
    case 'INT24':
    case 'LONGLONG':
    case 'YEAR': {
      const value = next() as string | number | null
      if (value === null) return null
      // BIGINT UNSIGNED goes beyond 64 bits with a sign.
      return typeof value === 'string' ? cellOfDecimal(value) : BigInt(value)
    }
    case 'FLOAT':
    case 'DOUBLE':
      return next() as number | null
    case 'DECIMAL':
    case 'NEWDECIMAL': {
      const text = field.string()
      return text === null ? null : cellOfDecimal(text)
    }
    case 'DATE':
    case 'NEWDATE':
    case 'DATETIME':
    case 'TIMESTAMP':
    case 'TIME':
      return field.string()
    default:
      return field.buffer()
  }
}

/** The protocol's numbers of TIMESTAMP, TIME and DATETIME. */
const withFraction = new Set<number | undefined>([7, 11, 12])
/** MySQL's word for "no fixed number of decimals". */
const decimalsMax = 6

/** @returns what gives the times of a row of these columns the fractions that they are declared with */
export function wholeTimes(fields: readonly FieldPacket[]): (cells: Cell[]) => Cell[] {
  const decimals = fields.map(({ columnType, decimals: digits = 0 }) =>
    withFraction.has(columnType) && digits <= decimalsMax ? digits : 0,
  )
  if (decimals.every((digits) => digits === 0)) return (cells) => cells
  return (cells) => cells.map((cell, i) => withDigits(cell, decimals[i] as number))
}

function withDigits(cell: Cell, digits: number): Cell {
  if (typeof cell !== 'string' || digits === 0) return cell
  const [seconds, fraction = ''] = cell.split('.')
  return `${seconds}.${fraction.padEnd(digits, '0').slice(0, digits)}`
}
