// Printing functions flat: a machine of program points that can start anywhere. Pure.
//
//   $go: for (;;) switch ($pc) { case 0: …; if (!(x > 0)) { $pc = 9; continue $go } …
//     if (test) return $park3($T[4], 2, a, b, c); case 2: …      case 9: … }
//
// Points 1..sites are where activations park; higher ones are targets of jumps. Cases fall through,
// so straight code costs no jump. What contains no site and no label stays structured. The machine is
// the body of a function's twin (emit-twin.ts); functions with gotos that have no structured form run
// flat from the start.

import { type Backend, type FunctionIr, hasSite, type Ir, isMark, mark, type Target } from './ir.ts'

class FlatPrinter {
  readonly ir: FunctionIr
  readonly index: number
  readonly backend: Backend
  /** Points where the activation is parked leave the machine; the exit stands behind it. */
  private nextPoint: number
  /** Where a jump to a flattened target goes. */
  private readonly breaks = new Map<Target, number>()
  private readonly continues = new Map<Target, number>()

  constructor(ir: FunctionIr, index: number, backend: Backend) {
    this.ir = ir
    this.index = index
    this.backend = backend
    this.nextPoint = ir.sites + 1
    this.prepareLabels(ir.body)
  }

  /** Labels can be jumped to before they are printed. */
  private prepareLabels(list: readonly Ir[]): void {
    for (const node of list) {
      if (node.op === 'label') {
        const point = this.nextPoint++
        this.breaks.set(node.target, point)
        this.continues.set(node.target, point)
      } else if (node.op === 'if') {
        this.prepareLabels(node.yes)
        this.prepareLabels(node.no)
      } else if (node.op === 'loop' || node.op === 'for' || node.op === 'block') {
        this.prepareLabels(node.body)
      }
    }
  }

  list(list: readonly Ir[]): string {
    return list.map((node) => this.node(node)).join('')
  }

  private go(point: number): string {
    return `$pc = ${point}; continue $go`
  }

  private node(node: Ir): string {
    switch (node.op) {
      case 'js':
        return isMark(node.text) ? node.text : ` ${node.text};`
      case 'return':
        return ` return ${node.text};`
      case 'site':
        return this.site(node)
      case 'label':
        return ` case ${this.breaks.get(node.target)}:`
      case 'jump':
        return this.jump(node)
      case 'if':
        return this.conditional(node)
      default:
        return this.region(node)
    }
  }

  private site(node: Extract<Ir, { op: 'site' }>): string {
    if (this.backend === 'generator') return ` if (${node.test}) { $v = yield; ${node.resume} }`
    return ` if (${node.test}) { $pc = ${node.pc}; break $go } case ${node.pc}:`
  }

  private jump(node: Extract<Ir, { op: 'jump' }>): string {
    const points = node.how === 'break' ? this.breaks : this.continues
    const point = points.get(node.target)
    return point === undefined ? ` ${node.how} ${node.target.name};` : ` ${this.go(point)};`
  }

  private isStructured(list: readonly Ir[]): boolean {
    return this.backend === 'generator' ? !hasLabel(list) : !hasSite(list)
  }

  private conditional(node: Extract<Ir, { op: 'if' }>): string {
    if (this.isStructured(node.yes) && this.isStructured(node.no)) {
      const otherwise = node.no.length === 0 ? '' : ` else {${this.list(node.no)} }`
      return ` if (${node.condition}) {${this.list(node.yes)} }${otherwise}`
    }
    const elsePoint = this.nextPoint++
    const test = ` if (!(${node.condition})) { ${this.go(elsePoint)} }`
    if (node.no.length === 0) return `${test}${this.list(node.yes)} case ${elsePoint}:`
    const endPoint = this.nextPoint++
    const yes = `${this.list(node.yes)} ${this.go(endPoint)};`
    return `${test}${yes} case ${elsePoint}:${this.list(node.no)} case ${endPoint}:`
  }

  private region(node: Extract<Ir, { op: 'loop' | 'for' | 'block' }>): string {
    if (this.isStructured(node.body)) return this.structured(node)
    const end = this.nextPoint++
    this.breaks.set(node.target, end)
    if (node.op === 'block') return `${this.list(node.body)} case ${end}:`
    const start = this.nextPoint++
    this.continues.set(node.target, start)
    if (node.op === 'loop') {
      return ` case ${start}:${this.list(node.body)} ${this.go(start)}; case ${end}:`
    }
    const test = ` if (!(${node.condition})) { ${this.go(end)} }`
    const body = this.list(node.body)
    return ` case ${start}:${test}${body} ${node.step}; ${this.go(start)}; case ${end}:`
  }

  private structured(node: Extract<Ir, { op: 'loop' | 'for' | 'block' }>): string {
    const label = node.target.used ? `${node.target.name}: ` : ''
    const body = this.list(node.body)
    if (node.op === 'block') return ` ${label}{${body} }`
    const head = node.op === 'loop' ? 'for (;;)' : `for (; ${node.condition}; ${node.step})`
    return ` ${label}${head} {${body} }`
  }
}

function hasLabel(list: readonly Ir[]): boolean {
  return list.some((node) => {
    if (node.op === 'label') return true
    if (node.op === 'if') return hasLabel(node.yes) || hasLabel(node.no)
    if (node.op === 'loop' || node.op === 'for' || node.op === 'block') return hasLabel(node.body)
    return false
  })
}

/** The machine, with `$pc` declared outside; `exit` parks when it has been left. */
export function machine(ir: FunctionIr, index: number, backend: Backend, exit: string): string {
  const body = new FlatPrinter(ir, index, backend).list(ir.body)
  const end = `${mark(ir.endLine)} return ${ir.fallOff} }`
  return ` $go: for (;;) switch ($pc) { case 0:${body}${end} ${exit}`
}

/** The body of a function that is flat from the start. */
export function emitFlatBody(ir: FunctionIr, index: number, backend: Backend = 'capture'): string {
  return machine(ir, index, backend, backend === 'capture' ? `return ${parkCall(ir, index)}` : '')
}

/** Parks a new activation at the program point `$pc`. */
export function parkCall(ir: FunctionIr, index: number): string {
  return `$park${ir.saved.length}($T[${index}], ${['$pc', ...ir.saved].join(', ')})`
}
