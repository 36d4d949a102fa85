// Printing twins: what continues a parked activation. Pure.
//
// A twin takes the variables from the frame, puts the late answer where the site wanted it and enters
// the flat machine (emit-flat.ts) at the point where the activation parked. When it parks again it
// stores what is live there (liveness.ts).

import { machine } from './emit-flat.ts'
import { type FunctionIr, type Ir, mark } from './ir.ts'
import { type LiveSet, livePoints } from './liveness.ts'

/**
 * The twin: continues a parked activation. `$v` is the late answer. A frame that was taken off is
 * nobody else's, so the twin parks again in the same one; what never changes stays in it, and what
 * nobody will read is not stored: for the collector each store is a new object in an old one.
 */
export function emitTwin(ir: FunctionIr, index: number): string {
  const restored = ir.saved.map((name, i) => `${name} = $f.v${i}`)
  const others = ir.variables.filter((name) => !ir.saved.includes(name))
  const variables = [...restored, ...others, '$pc = $f.pc'].join(', ')
  const resumes = resumeCases(ir.body)
  const cases = [...resumes].map(([text, points]) => {
    return `${points.map((pc) => `case ${pc}:`).join(' ')} ${text}; break;`
  })
  const restore = cases.length === 0 ? '' : ` switch ($pc) { ${cases.join(' ')} }`
  const head = `${mark(ir.line)}function ${ir.name}($f, $v) { let ${variables}; $f.pc = 0;${restore}`
  const exit = `$f.pc = $pc;${storeLive(ir)} return $repark()`
  return `${head}${machine(ir, index, 'capture', exit)}${mark(ir.endLine)} }`
}

/** More sets than these, each with its case, would be longer than the stores they save. */
const liveSetsMax = 8

/** Stores what is live at the point `$pc`; what is dead keeps an older value in its slot. */
function storeLive(ir: FunctionIr): string {
  const fixed = ir.saved.reduce((set, name, i) => (ir.fixed.has(name) ? set | bitOf(i) : set), 0n)
  const points = new Map<LiveSet, number[]>()
  livePoints(ir).forEach((live, pc) => {
    const stored = live & ~fixed
    const sharing = points.get(stored)
    if (sharing !== undefined) sharing.push(pc)
    else if (pc > 0) points.set(stored, [pc])
  })
  if (points.size === 1 || points.size > liveSetsMax) {
    const any = [...points.keys()].reduce((all, live) => all | live, 0n)
    return stores(ir, any)
  }
  const cases = [...points].map(([live, sharing]) => {
    return `${sharing.map((pc) => `case ${pc}:`).join(' ')}${stores(ir, live)} break;`
  })
  return ` switch ($pc) { ${cases.join(' ')} }`
}

function stores(ir: FunctionIr, live: LiveSet): string {
  const kept = ir.saved.map((name, i) => ((live & bitOf(i)) === 0n ? '' : ` $f.v${i} = ${name};`))
  return kept.join('')
}

function bitOf(i: number): LiveSet {
  return 1n << BigInt(i)
}

/** What each program point does with the late answer; points that do the same share a case. */
function resumeCases(
  list: readonly Ir[],
  into = new Map<string, number[]>(),
): Map<string, number[]> {
  for (const node of list) {
    if (node.op === 'site' && node.resume !== '') {
      const points = into.get(node.resume)
      if (points === undefined) into.set(node.resume, [node.pc])
      else points.push(node.pc)
    } else if (node.op === 'if') {
      resumeCases(node.yes, into)
      resumeCases(node.no, into)
    } else if (node.op === 'loop' || node.op === 'for' || node.op === 'block') {
      resumeCases(node.body, into)
    }
  }
  return into
}
