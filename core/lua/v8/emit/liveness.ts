// Which variables a parked activation still needs, for each of its program points. Pure.
//
// A backward walk over the intermediate form. What is live in front of a node is what the node uses
// and what is live behind it, less what the node certainly sets. Sets are bit masks over the
// function's saved variables. The heads of loops, and labels, begin with nothing live; the walk is
// repeated until none of them grows (the least fixed point, as in any text on data flow).
//
// Nodes are texts, so every name in a text counts as a use, also one in a string or behind a dot. Only
// two forms set a variable: a statement `name = …` and a site whose late answer goes to `name`, where
// the name stands nowhere but in front of an assignment. To err means to keep a variable that nobody
// reads, never to lose one.

import type { FunctionIr, Ir, Target } from './ir.ts'

/** A set of saved variables: bit i is `ir.saved[i]`. */
export type LiveSet = bigint

interface Effect {
  readonly uses: LiveSet
  readonly sets: LiveSet
}

const noEffect: Effect = { uses: 0n, sets: 0n }
const nameOrAssignment = /([\w$]+)( = )?/g
const statementStart = /^([\w$]+) = /

class Walk {
  private readonly bits = new Map<string, LiveSet>()
  private readonly effects = new Map<Ir, Effect>()
  /** Live where `break` of a target goes, and where `continue` or a goto goes. */
  private readonly ends = new Map<Target, LiveSet>()
  private readonly heads = new Map<Target, LiveSet>()
  private readonly ir: FunctionIr
  private grew = true
  readonly points: LiveSet[]

  constructor(ir: FunctionIr) {
    this.ir = ir
    this.points = new Array(ir.sites + 1).fill(0n)
    ir.saved.forEach((name, i) => {
      this.bits.set(name, 1n << BigInt(i))
    })
  }

  run(): void {
    while (this.grew) {
      this.grew = false
      this.list(this.ir.body, this.usesOf(this.ir.fallOff))
    }
  }

  private list(list: readonly Ir[], behind: LiveSet): LiveSet {
    let live = behind
    for (let i = list.length - 1; i >= 0; i--) live = this.node(list[i] as Ir, live)
    return live
  }

  private node(node: Ir, live: LiveSet): LiveSet {
    switch (node.op) {
      case 'js':
      case 'return': {
        const { uses, sets } = this.effectOf(node)
        return (node.op === 'return' ? 0n : live & ~sets) | uses
      }
      case 'site': {
        const { uses, sets } = this.effectOf(node)
        const answer = this.assignment(node.resume, this.setBy(node.resume))
        const late = (live & ~answer.sets) | answer.uses
        this.points[node.pc] = late
        return (live & ~sets) | uses | late
      }
      case 'if': {
        const both = this.list(node.yes, live) | this.list(node.no, live)
        return both | this.effectOf(node).uses
      }
      case 'label':
        this.grow(node.target, live)
        return live
      case 'jump':
        return this.behindJump(node)
      default:
        return this.region(node, live)
    }
  }

  /** A `break` to a label goes where a goto goes. */
  private behindJump({ target, how }: Extract<Ir, { op: 'jump' }>): LiveSet {
    const end = how === 'break' ? this.ends.get(target) : undefined
    return end ?? this.heads.get(target) ?? 0n
  }

  private region(node: Extract<Ir, { op: 'loop' | 'for' | 'block' }>, live: LiveSet): LiveSet {
    this.ends.set(node.target, live)
    if (node.op === 'block') return this.list(node.body, live)
    const body = this.list(node.body, this.heads.get(node.target) ?? 0n)
    const { uses } = this.effectOf(node)
    const head = node.op === 'loop' ? body : body | live | uses
    this.grow(node.target, head)
    return head
  }

  private grow(target: Target, live: LiveSet): void {
    const known = this.heads.get(target)
    if (known !== undefined && (known | live) === known) return
    this.heads.set(target, (known ?? 0n) | live)
    this.grew = true
  }

  private effectOf(node: Ir): Effect {
    let effect = this.effects.get(node)
    if (effect === undefined) {
      effect = this.read(node)
      this.effects.set(node, effect)
    }
    return effect
  }

  private read(node: Ir): Effect {
    switch (node.op) {
      case 'js':
        return this.assignment(node.text, this.setBy(node.text))
      case 'site':
        return this.assignment(node.test, this.setBy(node.resume))
      case 'return':
        return { uses: this.usesOf(node.text), sets: 0n }
      case 'if':
        return { uses: this.usesOf(node.condition), sets: 0n }
      case 'for':
        return { uses: this.usesOf(node.condition) | this.usesOf(node.step), sets: 0n }
      default:
        return noEffect
    }
  }

  /** A text after which `target` is certainly set; it is no use where it is only assigned to. */
  private assignment(text: string, target: LiveSet): Effect {
    let uses = 0n
    for (const [, name, isAssigned] of text.matchAll(nameOrAssignment)) {
      const bit = this.bits.get(name as string) ?? 0n
      if (bit !== target || isAssigned === undefined) uses |= bit
    }
    return { uses, sets: target & ~uses }
  }

  private usesOf(text: string): LiveSet {
    return this.assignment(text, 0n).uses
  }

  /** What a text sets first of all. */
  private setBy(text: string): LiveSet {
    const name = statementStart.exec(text)?.[1]
    return name === undefined ? 0n : (this.bits.get(name) ?? 0n)
  }
}

/**
 * What is live when an activation goes on at each of its program points: `[0]` is unused.
 * @param ir names of saved variables consist of letters, digits, `_` and `$`
 */
export function livePoints(ir: FunctionIr): LiveSet[] {
  const walk = new Walk(ir)
  walk.run()
  return walk.points
}
