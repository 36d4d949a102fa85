// Which locals of a function are always numbers, and which of them always floats. Pure; any thread.
//
// A look at the whole function before it is lowered. A local is what all of its definitions are; only
// arithmetic on what is known to be a number counts, because anything else may call a metamethod:
//
//   float    always a float. When no inner function uses the local it lives in JavaScript as the bare
//            double, also when that is integral (`isRaw`), and becomes a Lua value where it leaves
//            arithmetic (lower-float.ts)
//   int      a JavaScript number with an integer's value, never a bigint: constants, loop counters
//   number   any Lua number, in any of its forms
//
// The algorithm is the greatest fixed point over the lattice float, int > number > unknown: all
// candidates are taken for floats, and fall until nothing contradicts.

import { LuaFloat } from '../../engine.ts'
import { isNumber } from '../run/number.ts'
import type { Block, Expression, FunctionNode, Local, Statement } from '../syntax/ast.ts'

export type NumberType = 'float' | 'int' | 'number'

/** What is known of locals; shared by the functions of a chunk, outer ones first. */
export class NumberTypes {
  private readonly types = new Map<Local, NumberType>()
  private readonly constants = new Map<Local, number>()

  /** Looks at a function's own locals, but for those that something outside of the text may set. */
  infer(node: FunctionNode, isShared: (local: Local) => boolean): void {
    const definitions = new Definitions(node)
    for (const [local, list] of definitions.lists) {
      if (isShared(local) || list.length === 0) continue
      if (local.captured && local.assigned) continue
      const only = list[0]
      if (!local.assigned && only?.kind === 'constant') this.constant(local, only.value)
      else this.types.set(local, 'float')
    }
    for (const [local, type] of definitions.counters) this.types.set(local, type)
    while (this.fall(definitions.lists));
    for (const local of definitions.lists.keys()) {
      // An inner function has it as a Lua value.
      if (local.captured && this.types.get(local) === 'float') this.types.set(local, 'number')
    }
  }

  private constant(local: Local, value: unknown): void {
    if (value instanceof LuaFloat) {
      this.types.set(local, 'float')
      this.constants.set(local, value.n)
    } else if (typeof value === 'number') {
      this.types.set(local, Number.isInteger(value) ? 'int' : 'float')
      this.constants.set(local, value)
    }
  }

  /** One round; false when nothing has changed. */
  private fall(lists: ReadonlyMap<Local, readonly Expression[]>): boolean {
    let changed = false
    for (const [local, list] of lists) {
      const before = this.types.get(local)
      if (before === undefined || this.constants.has(local)) continue
      let type: NumberType | undefined = before
      for (const expression of list) {
        const each = this.typeOf(expression)
        if (each === undefined) {
          type = undefined
          break
        }
        if (each !== type) type = 'number'
      }
      if (type === before) continue
      changed = true
      if (type === undefined) this.types.delete(local)
      else this.types.set(local, type)
    }
    return changed
  }

  /** Is the local the bare double of a float in JavaScript? */
  isRaw(local: Local): boolean {
    return this.types.get(local) === 'float' && !this.constants.has(local)
  }

  /** The double that a local always is, when that is a constant. */
  constantOf(local: Local): number | undefined {
    return this.constants.get(local)
  }

  /** What an expression is known to be without evaluating anything that could be a metamethod. */
  typeOf(e: Expression): NumberType | undefined {
    switch (e.kind) {
      case 'constant':
        if (!isNumber(e.value)) return undefined
        if (typeof e.value === 'bigint') return 'number'
        return typeof e.value === 'number' && Number.isInteger(e.value) ? 'int' : 'float'
      case 'local':
        return this.types.get(e.local)
      case 'paren':
        return this.typeOf(e.inner)
      case 'unary': {
        const type = e.op === '-' ? this.typeOf(e.operand) : undefined
        return type === 'int' ? 'number' : type
      }
      case 'binary':
        return this.typeOfBinary(e)
      default:
        return undefined
    }
  }

  private typeOfBinary(e: Extract<Expression, { kind: 'binary' }>): NumberType | undefined {
    switch (e.op) {
      case '+':
      case '-':
      case '*':
      case '/':
      case '^':
      case '%':
      case '//': {
        const left = this.typeOf(e.left)
        const right = left === undefined ? undefined : this.typeOf(e.right)
        if (right === undefined) return undefined
        if (e.op === '/' || e.op === '^' || left === 'float' || right === 'float') return 'float'
        // Integers are not divided by zero.
        return (e.op === '%' || e.op === '//') && !isSmallDivisor(e.right) ? undefined : 'number'
      }
      default:
        return undefined
    }
  }
}

/** All definitions of a function's own locals; those with a definition of another kind are left out. */
class Definitions {
  readonly lists = new Map<Local, Expression[]>()
  /** The variables of numeric loops that nothing assigns to. */
  readonly counters = new Map<Local, NumberType>()
  private readonly node: FunctionNode

  constructor(node: FunctionNode) {
    this.node = node
    this.unknown(node.parameters)
    this.block(node.body)
  }

  private unknown(locals: readonly Local[]): void {
    for (const local of locals) this.note(local, undefined)
  }

  private note(local: Local, value: Expression | undefined): void {
    const list = this.lists.get(local)
    if (value === undefined) this.lists.set(local, [])
    else if (list === undefined) this.lists.set(local, [value])
    // An empty list stays one: something is known to be no number.
    else if (list.length > 0) list.push(value)
  }

  private block(block: Block): void {
    for (const statement of block.statements) this.statement(statement)
  }

  private statement(s: Statement): void {
    switch (s.kind) {
      case 'local':
        s.locals.forEach((local, i) => {
          if (local.attrib !== 'close') this.note(local, s.values[i])
        })
        break
      case 'assign':
        s.targets.forEach((target, i) => {
          if (target.kind !== 'local' || target.local.owner !== this.node) return
          this.note(target.local, s.values[i])
        })
        break
      case 'fornum': {
        const step = s.step ?? { kind: 'constant', value: 1, line: s.line }
        const isSmall = isSmallInteger(s.start) && isSmallInteger(step)
        if (s.variable.assigned) this.unknown([s.variable])
        else this.counters.set(s.variable, isSmall ? 'int' : 'number')
        this.block(s.body)
        break
      }
      case 'forin':
        this.unknown(s.variables)
        this.block(s.body)
        break
      case 'localfunction':
      case 'keep':
        this.unknown([s.local])
        break
      case 'if':
        for (const arm of s.arms) this.block(arm.body)
        if (s.otherwise !== undefined) this.block(s.otherwise)
        break
      case 'do':
      case 'while':
      case 'repeat':
        this.block(s.body)
        break
      default:
        break
    }
  }
}

function isSmallDivisor(e: Expression): boolean {
  return isSmallInteger(e) && e.kind === 'constant' && e.value !== 0
}

function isSmallInteger(e: Expression): boolean {
  return e.kind === 'constant' && typeof e.value === 'number' && (e.value | 0) === e.value
}
