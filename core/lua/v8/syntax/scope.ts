// Scopes while parsing: locals, labels and gotos, with PUC's rules and words. Pure; any thread.
//
// A function has a chain of blocks. A name is searched from the innermost block outwards; crossing a
// function marks the local as captured. A goto either finds a visible label at once (it jumps back) or
// waits in its block until a label of that name comes, moving outwards when the block ends.

import type { Block, FunctionNode, Label, Local } from './ast.ts'
import type { Lexer } from './lexer.ts'

const localsMax = 200
const upvaluesMax = 255

interface PendingGoto {
  readonly name: string
  readonly line: number
  readonly label: Label
  /** How many locals were active at the goto (or at the end of a block it has left). */
  active: number
}

interface LabelEntry {
  readonly label: Label
  active: number
  /** How many locals the function had declared when the label came. */
  readonly declared: number
}

export interface BlockScope {
  readonly outer: BlockScope | undefined
  readonly isLoop: boolean
  readonly firstActive: number
  readonly labels: LabelEntry[]
  readonly pending: PendingGoto[]
  readonly block: Block
}

/** A function while it is being parsed. */
export class FunctionScope {
  readonly node: FunctionNode
  readonly outer: FunctionScope | undefined
  readonly active: Local[] = []
  readonly declared: Local[] = []
  block: BlockScope | undefined
  loopDepth = 0

  constructor(node: FunctionNode, outer: FunctionScope | undefined) {
    this.node = node
    this.outer = outer
  }

  openBlock(isLoop: boolean): BlockScope {
    this.block = {
      outer: this.block,
      isLoop,
      firstActive: this.active.length,
      labels: [],
      pending: [],
      block: { statements: [], hasClose: false },
    }
    if (isLoop) this.loopDepth++
    return this.block
  }

  /** Ends the innermost block; gotos without a label go on outside. */
  closeBlock(lexer: Lexer): Block {
    const scope = this.block as BlockScope
    this.block = scope.outer
    this.active.length = scope.firstActive
    if (scope.isLoop) this.loopDepth--
    for (const pending of scope.pending) {
      if (scope.outer === undefined) {
        const message = `no visible label '${pending.name}' for <goto> at line ${pending.line}`
        lexer.failAt(message, lexer.line)
      }
      pending.active = Math.min(pending.active, scope.firstActive)
      scope.outer.pending.push(pending)
    }
    return scope.block
  }

  declare(lexer: Lexer, name: string, attrib: Local['attrib'], line: number): Local {
    const local = makeLocal(name, this.node, attrib, line)
    local.inLoop = this.loopDepth > 0
    if (this.active.length >= localsMax) this.failLimit(lexer, localsMax, 'local variables')
    return local
  }

  activate(local: Local): void {
    this.active.push(local)
    this.declared.push(local)
  }

  failLimit(lexer: Lexer, limit: number, what: string): never {
    const where = this.outer === undefined ? 'main function' : `function at line ${this.node.line}`
    lexer.failNear(`too many ${what} (limit is ${limit}) in ${where}`)
  }

  find(lexer: Lexer, name: string): Local | undefined {
    for (let i = this.active.length - 1; i >= 0; i--) {
      if (this.active[i]?.name === name) return this.active[i]
    }
    const local = this.outer?.find(lexer, name)
    if (local === undefined) return undefined
    if (local.constant === undefined) {
      local.captured = true
      this.node.upvalues.add(local)
      if (this.node.upvalues.size > upvaluesMax) this.failLimit(lexer, upvaluesMax, 'upvalues')
    } else (this.node.constants ??= new Map()).set(name, local.constant.value)
    return local
  }

  /** The label a goto jumps to; it may still have to come. */
  goto(name: string, line: number): Label {
    for (let scope = this.block; scope !== undefined; scope = scope.outer) {
      const entry = scope.labels.find((candidate) => candidate.label.name === name)
      if (entry === undefined) continue
      entry.label.isLoop = true
      // What was declared since the label will be declared anew on each turn.
      for (const local of this.declared.slice(entry.declared)) local.inLoop = true
      return entry.label
    }
    const label: Label = { name, line: 0, isLoop: false, used: true }
    this.block?.pending.push({ name, line, label, active: this.active.length })
    return label
  }

  /** @param last nothing but void statements follow in the block: its locals end here */
  label(lexer: Lexer, name: string, line: number, last: boolean): Label {
    for (let scope = this.block; scope !== undefined; scope = scope.outer) {
      const same = scope.labels.find((candidate) => candidate.label.name === name)
      if (same !== undefined) {
        lexer.failAt(`label '${name}' already defined on line ${same.label.line}`, lexer.line)
      }
    }
    const scope = this.block as BlockScope
    const active = last ? scope.firstActive : this.active.length
    const label: Label = { name, line, isLoop: false, used: false }
    let target = label
    for (let i = scope.pending.length - 1; i >= 0; i--) {
      const pending = scope.pending[i] as PendingGoto
      if (pending.name !== name) continue
      if (pending.active < active) {
        const local = this.active[pending.active]?.name ?? '?'
        const message = `<goto ${name}> at line ${pending.line} jumps into the scope of local '${local}'`
        lexer.failAt(message, lexer.line)
      }
      scope.pending.splice(i, 1)
      target = mergeLabels(target, pending.label, line)
    }
    scope.labels.push({ label: target, active, declared: this.declared.length })
    return target
  }
}

/** A local as it is declared; nothing is known of its uses. */
export function makeLocal(
  name: string,
  owner: FunctionNode,
  attrib: Local['attrib'],
  line: number,
): Local {
  return {
    name,
    owner,
    attrib,
    line,
    captured: false,
    assigned: false,
    inLoop: false,
    constant: undefined,
    js: '',
  }
}

/** Several gotos may wait for one label, each with a label object of its own: they become one. */
function mergeLabels(target: Label, waiting: Label, line: number): Label {
  const shared = waiting as { -readonly [K in keyof Label]: Label[K] } & { same?: Label }
  shared.line = line
  if (target.used) shared.same = target
  return target.used ? target : waiting
}

/** The label that stands for this one and all it was merged with. */
export function labelOf(label: Label): Label {
  const same = (label as { same?: Label }).same
  return same === undefined ? label : labelOf(same)
}
