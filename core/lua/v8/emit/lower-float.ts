// Lowering of arithmetic on floats: on bare doubles, without an object for each integral result.
//
// Pure; any thread. Two kinds of trees of operations are computed in one expression:
//
//   known        all leaves are numbers by number-types.ts: no metamethod, no error, no test; the
//                result is a bare double, which locals of the type float keep
//   conditional  the steps are floats whenever the leaves are numbers (`x * 0.5 + y`): one test of
//                all leaves, and step by step when one of them is something else
//
// A bare double becomes a Lua value (`boxed`) where it leaves arithmetic.

import { assert } from '../../../base/assert.ts'
import { LuaFloat } from '../../engine.ts'
import type { Expression } from '../syntax/ast.ts'
import { binaryTest, floatTest, numberLiteral, rawText } from './inline-ops.ts'
import { type FunctionLowering, isCell } from './lower.ts'
import { type Atom, isQuiet, localText, operandName } from './lower-operand.ts'

export type BinaryExpression = Extract<Expression, { kind: 'binary' }>

/** What this file needs of its owner, the lowering of expressions. */
interface Operands {
  readonly f: FunctionLowering
  operand(e: Expression): Atom
  operands(list: readonly Expression[]): Atom[]
  operation(fill: (name: string, at: number) => void): Atom
  inTemp(fill: (name: string, at: number) => void): Atom
}

export class FloatLowering {
  private readonly e: Operands
  private readonly f: FunctionLowering

  constructor(e: Operands) {
    this.e = e
    this.f = e.f
  }

  private get types() {
    return this.f.chunk.numberTypes
  }

  /** Is this expression a float without any test? */
  isKnown(e: Expression): boolean {
    return this.types.typeOf(e) === 'float'
  }

  /** The Lua value of an expression that is known to be a float. */
  value(e: Expression): Atom {
    return this.e.operation((t, at) => {
      const text = this.raw(e)
      this.f.js(`${t} = ${text}`)
      this.f.define(at)
      this.f.js(boxed(t))
    })
  }

  /**
   * The bare double of an expression that is known to be a number; statements that it needs come
   * before. The text has no effect.
   */
  raw(e: Expression): string {
    const type = this.types.typeOf(e)
    switch (e.kind) {
      case 'constant':
        return numberLiteral(e.value instanceof LuaFloat ? e.value.n : Number(e.value))
      case 'paren':
        return this.raw(e.inner)
      case 'local': {
        const constant = this.types.constantOf(e.local)
        if (constant !== undefined) return numberLiteral(constant)
        const text = localText(e.local)
        return type === 'number' ? double(text) : text
      }
      case 'unary':
        if (type === 'float') return `(-${this.raw(e.operand)})`
        break
      case 'binary':
        if (type === 'float') return this.rawStep(e)
        break
      default:
        break
    }
    return double(this.e.operand(e).text)
  }

  private rawStep(e: BinaryExpression): string {
    const x = this.raw(e.left)
    const y = this.raw(e.right)
    switch (e.op) {
      case '%':
        return `$floatMod(${x}, ${y})`
      case '//':
        return `Math.floor(${x} / ${y})`
      case '^':
        return `$power(${x}, ${y})`
      default:
        return `(${x} ${e.op} ${y})`
    }
  }

  /** `a op b` in JavaScript, where both are doubles or small integers and one is known as a float. */
  comparison(e: BinaryExpression): string | undefined {
    const left = this.types.typeOf(e.left)
    const right = left === undefined ? undefined : this.types.typeOf(e.right)
    if (left !== 'float' && right !== 'float') return undefined
    // An integer that may be large is compared exactly, not as the nearest double.
    if (left === undefined || right === undefined || left === 'number' || right === 'number') {
      return undefined
    }
    const op = e.op === '==' ? '===' : e.op === '~=' ? '!==' : e.op
    const x = this.raw(e.left)
    return `(${x} ${op} ${this.raw(e.right)})`
  }

  // --- trees whose leaves are tested

  /**
   * Arithmetic whose steps are all floats if its leaves are numbers; undefined when it is not that, or
   * when the order in which leaves and metamethods run could be noticed.
   */
  conditional(e: BinaryExpression): Atom | undefined {
    const leaves = this.leavesOf(e)
    if (leaves === undefined) return undefined
    const f = this.f
    return this.e.operation((t, at) => {
      const unknown = leaves.filter((leaf) => this.types.typeOf(leaf) === undefined)
      const tested = this.e.operands(unknown)
      const atoms = new Map(unknown.map((leaf, i) => [leaf, tested[i] as Atom]))
      const test = floatTest(t, tested, this.text(e, atoms))
      const slowly = f.collect(() => {
        const atom = this.stepwise(e, atoms)
        f.js(`${t} = ${atom.text}`)
      })
      f.define(at)
      f.out.push({ op: 'if', condition: test, yes: f.collect(() => f.js(boxed(t))), no: slowly })
    })
  }

  /** Is this a float whenever its operands are raw numbers? */
  private isFloat(e: Expression): boolean {
    if (e.kind === 'paren') return this.isFloat(e.inner)
    if (this.types.typeOf(e) === 'float') return true
    if (e.kind !== 'binary') return false
    if (e.op === '/') return true
    if (e.op !== '+' && e.op !== '-' && e.op !== '*') return false
    return this.isFloat(e.left) || this.isFloat(e.right)
  }

  private leavesOf(e: BinaryExpression): Expression[] | undefined {
    if (!this.isFloat(e)) return undefined
    const leaves: Expression[] = []
    let steps = 0
    const walk = (x: Expression): void => {
      if (x.kind === 'paren') walk(x.inner)
      else if (x.kind === 'binary' && this.types.typeOf(x) === undefined && this.isFloat(x)) {
        steps++
        walk(x.left)
        walk(x.right)
      } else leaves.push(x)
    }
    walk(e)
    // A single step has a test of its own, unless it would have to make a Lua value of a double.
    if (steps < 2 && !leaves.some((leaf) => this.isBare(leaf))) return undefined
    return this.isInOrder(leaves) ? leaves : undefined
  }

  /**
   * Is it the same when all leaves are evaluated before the first step? One of them may have an effect,
   * when all before it are known numbers; a step, which may be a metamethod, must not be able to change
   * a leaf that comes later.
   */
  private isInOrder(leaves: readonly Expression[]): boolean {
    const isKnown = (leaf: Expression) => this.types.typeOf(leaf) !== undefined
    const effect = leaves.findIndex((leaf) => !isQuiet(leaf) && !isKnown(leaf))
    return leaves.every((leaf, i) => {
      if (i < effect) return isKnown(leaf)
      if (i > 1 && leaf.kind === 'local' && isCell(leaf.local)) return false
      return i === effect || isQuiet(leaf) || isKnown(leaf)
    })
  }

  private isBare(e: Expression): boolean {
    return e.kind !== 'constant' && this.isKnown(e)
  }

  private text(e: Expression, atoms: ReadonlyMap<Expression, Atom>): string {
    const leaf = atoms.get(e)
    if (leaf !== undefined) return rawText(leaf)
    if (this.types.typeOf(e) !== undefined) return this.raw(e)
    if (e.kind === 'paren') return this.text(e.inner, atoms)
    assert(e.kind === 'binary', 'a step is an operation')
    return `(${this.text(e.left, atoms)} ${e.op} ${this.text(e.right, atoms)})`
  }

  private stepwise(e: Expression, atoms: ReadonlyMap<Expression, Atom>): Atom {
    const leaf = atoms.get(e)
    if (leaf !== undefined) return leaf
    if (this.types.typeOf(e) !== undefined) return this.e.operand(e)
    if (e.kind === 'paren') return this.stepwise(e.inner, atoms)
    assert(e.kind === 'binary', 'a step is an operation')
    const f = this.f
    return this.e.inTemp((t, at) => {
      const left = this.stepwise(e.left, atoms)
      const right = this.stepwise(e.right, atoms)
      const site = f.errorSite(e.line, operandName(e.left, f.node), operandName(e.right, f.node))
      f.site(binaryTest(t, e.op, left, right, site), `${t} = $v1($v)`, e.line, at)
    })
  }
}

/** Makes the variable `t`, a bare double, a Lua float. */
function boxed(t: string): string {
  return `if (Math.floor(${t}) === ${t}) ${t} = $makeFloat(${t})`
}

function double(text: string): string {
  return `(typeof ${text} === 'number' ? ${text} : $toDouble(${text}))`
}
