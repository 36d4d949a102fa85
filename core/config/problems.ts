// What is wrong with a configuration: all of it, each with file, line and field.
//
// Any thread. A problem is written for the person who edits the file: what was expected, what was
// found, and the nearest known word when a name looks misspelt. `throwIfAny` ends a load with one
// HostError CONFIG that carries them all.

import { HostError } from '../base/errors.ts'
import type { PlainValue } from './types.ts'

export interface Problem {
  /** Path from the root folder, with forward slashes. */
  readonly file: string
  readonly line: number | undefined
  /** `gate.heartbeat_s`, `row 3 (id 1002): price`; empty for the file as a whole. */
  readonly field: string
  readonly message: string
}

/** `config/host.lua:14: gate.heartbeat_s: expected ..., got ...` */
export function problemText(p: Problem): string {
  const where = p.line === undefined ? p.file : `${p.file}:${p.line}`
  return p.field === '' ? `${where}: ${p.message}` : `${where}: ${p.field}: ${p.message}`
}

export class Problems {
  readonly list: Problem[] = []

  add(problem: Problem): void {
    this.list.push(problem)
  }

  /** @throws HostError CONFIG with one line for each problem, and the list as data */
  throwIfAny(): void {
    if (this.list.length === 0) return
    const message = this.list.map(problemText).join('\n')
    throw new HostError('CONFIG', message, { data: { problems: this.list } })
  }
}

/** A value as a message shows it: short, with quotes around text. */
export function show(value: PlainValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') {
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}...` : JSON.stringify(value)
  }
  if (typeof value !== 'object') return String(value)
  if (!Array.isArray(value) || value.length > 4) return 'a table'
  return `{ ${value.map((item) => show(item)).join(', ')} }`
}

/** `, did you mean 'x'?` when a known word is near enough, else nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const d = distance(word, candidate)
    if (d < bestDistance) {
      best = candidate
      bestDistance = d
    }
  }
  return best === undefined ? '' : ` (did you mean '${best}'?)`
}

/** Edits (insert, delete, replace, swap of neighbours) between two words. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(
        at(previous, j) + 1,
        at(row, j - 1) + 1,
        at(previous, j - 1) + (same ? 0 : 1),
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(before, j - 2) + 1)
      }
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return at(previous, b.length)
}

const at = (row: readonly number[], i: number): number => row[i] ?? Number.POSITIVE_INFINITY
