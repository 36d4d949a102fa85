// Where the gotos of a list of statements jump: regions that JavaScript can leave or begin anew. Pure.
//
// A label that is jumped to from before it ends a block; one that is jumped to from behind it begins a
// loop. Regions must nest; where they cannot, the function is printed flat.

import type { Block, Label, Statement } from '../syntax/ast.ts'
import { labelOf } from '../syntax/scope.ts'

export interface Region {
  readonly label: Label
  /** Statements from..to-1 are inside. */
  from: number
  readonly to: number
  readonly loop: boolean
  open: boolean
  done: boolean
}

/** Does a goto to `label` stand somewhere in the statement (not in nested functions)? */
function jumpsTo(s: Statement, label: Label): boolean {
  const inBlock = (block: Block | undefined) =>
    block?.statements.some((inner) => jumpsTo(inner, label)) ?? false
  switch (s.kind) {
    case 'goto':
      return labelOf(s.label) === label
    case 'do':
    case 'while':
    case 'repeat':
    case 'fornum':
    case 'forin':
      return inBlock(s.body)
    case 'if':
      return s.arms.some((arm) => inBlock(arm.body)) || inBlock(s.otherwise)
    default:
      return false
  }
}

/** Regions that nest properly, outermost first; undefined when the gotos do not allow it. */
export function planLabels(list: readonly Statement[]): Region[] | undefined {
  const regions: Region[] = []
  list.forEach((s, at) => {
    if (s.kind !== 'label') return
    const label = labelOf(s.label)
    const jumps = list.map((other, i) => (jumpsTo(other, label) ? i : -1)).filter((i) => i >= 0)
    const forward = jumps.filter((i) => i < at)
    const back = jumps.some((i) => i > at)
    // A label that is jumped to from both sides would need two targets.
    if (back && forward.length > 0) regions.push({ ...region(label, 0, 0, false), done: true })
    if (back) regions.push(region(label, at + 1, list.length, true))
    else if (forward.length > 0) regions.push(region(label, Math.min(...forward), at, false))
  })
  if (regions.some((r) => r.done)) return undefined
  for (let changed = true; changed; ) {
    changed = false
    for (const r of regions) {
      for (const other of regions) {
        const overlaps = other.from < r.from && r.from < other.to && other.to < r.to
        if (!overlaps) continue
        if (r.loop) return undefined
        r.from = other.from
        changed = true
      }
    }
  }
  return regions.sort((a, b) => a.from - b.from || b.to - a.to)
}

function region(label: Label, from: number, to: number, loop: boolean): Region {
  return { label, from, to, loop, open: false, done: false }
}
