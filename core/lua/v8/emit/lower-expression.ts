// Lowering of expressions: to an operand that has no effect, after the statements that make it.
//
// Pure; any thread. Lua evaluates operands from left to right; an operand whose text could change
// its value before it is used (a cell, a comparison) is put into a temporary when anything that
// follows it can have an effect.

import { assert } from '../../../base/assert.ts'
import { isFieldName } from '../run/field.ts'
import type { Expression, FunctionNode, Local } from '../syntax/ast.ts'
import { readFast, readMethodFast } from './inline-access.ts'
import { binaryTest, compareTest, constantEquality, equalTest, unaryTest } from './inline-ops.ts'
import { type ChunkContext, type FunctionLowering, isCell } from './lower.ts'
import { FloatLowering } from './lower-float.ts'
import { type Atom, fieldName, isQuiet, localText, operandName } from './lower-operand.ts'
import { stringLiteral } from './names.ts'

/** Prints the text of a nested function; set by lower-function.ts, which depends on this file. */
export type NestedFunction = (
  outer: FunctionLowering,
  node: FunctionNode,
  ownName: string | undefined,
) => string

export class ExpressionLowering {
  readonly f: FunctionLowering
  readonly floats: FloatLowering
  private readonly nested: NestedFunction

  constructor(f: FunctionLowering, nested: NestedFunction) {
    this.f = f
    this.nested = nested
    this.floats = new FloatLowering(this)
  }

  // --- whole expressions

  /** One value as an operand. */
  operand(e: Expression): Atom {
    switch (e.kind) {
      case 'constant':
        return { text: this.f.chunk.literal(e.value), stable: true, constant: e }
      case 'local':
        if (this.f.chunk.numberTypes.isRaw(e.local)) return this.floats.value(e)
        return {
          text: localText(e.local),
          stable: !isCell(e.local),
          constant: undefined,
        }
      case 'paren':
        return this.operand(e.inner)
      case 'vararg':
        return { text: '$va[0]', stable: true, constant: undefined }
      case 'function':
        return this.inTemp((t) => this.f.js(`${t} = ${this.closure(e.node, undefined)}`))
      case 'index':
        return this.index(e)
      case 'call':
      case 'method':
        return this.callOne(e)
      case 'binary':
        return this.binary(e)
      case 'unary':
        return this.unary(e)
      case 'and':
      case 'or':
        return this.logical(e)
      case 'table':
        return this.table(e)
    }
  }

  /** One value that no later effect can change. */
  stable(e: Expression): Atom {
    return this.pin(this.operand(e))
  }

  /** Several values, each as it is at its turn. */
  operands(list: readonly Expression[]): Atom[] {
    return list.map((e, i) => {
      const atom = this.operand(e)
      return atom.stable || list.slice(i + 1).every(isQuiet) ? atom : this.pin(atom)
    })
  }

  private pin(atom: Atom): Atom {
    return atom.stable ? atom : this.inTemp((t) => this.f.js(`${t} = ${atom.text}`))
  }

  inTemp(fill: (name: string, at: number) => void): Atom {
    const at = this.f.temp()
    fill(this.f.tempName(at), at)
    this.f.define(at)
    return { text: this.f.tempName(at), stable: true, constant: undefined }
  }

  /** Makes an operation's result temporary first, its operands above it, and gives those back. */
  operation(fill: (name: string, at: number) => void): Atom {
    return this.inTemp((name, at) => {
      fill(name, at)
      this.f.releaseTo(at + 1)
    })
  }

  /** The text of a condition: true or false in JavaScript. */
  condition(e: Expression): string {
    if (e.kind === 'unary' && e.op === 'not') return `!(${this.condition(e.operand)})`
    if (e.kind === 'constant') return String(e.value !== undefined && e.value !== false)
    return truthText(this.operand(e))
  }

  // --- locals and closures

  /** The text that makes a closure here. */
  closure(node: FunctionNode, ownName: string | undefined): string {
    const text = this.nested(this.f, node, ownName)
    if (this.f.chunk.debugUpvalues) {
      return debugClosure(text, [...node.upvalues])
    }
    const bound: string[] = []
    for (const upvalue of node.upvalues) {
      if (upvalue.owner === this.f.node && upvalue.inLoop && upvalue.js !== ownName) {
        bound.push(upvalue.js)
      }
    }
    return bound.length === 0 ? text : `((${bound.join(', ')}) => ${text})(${bound.join(', ')})`
  }

  // --- reading fields

  private index(e: Extract<Expression, { kind: 'index' }>): Atom {
    return this.operation((t, at) => {
      const { object, key } = this.pair(e.object, e.key)
      this.indexInto(t, at, e, object, key)
    })
  }

  private pair(left: Expression, right: Expression): { object: Atom; key: Atom } {
    const [object, key] = this.operands([left, right])
    return { object: object as Atom, key: key as Atom }
  }

  private indexInto(
    t: string,
    at: number,
    e: Extract<Expression, { kind: 'index' }>,
    object: Atom,
    key: Atom,
  ): void {
    const f = this.f
    const site = f.errorSite(e.line, operandName(e.object, f.node), '')
    f.usePart()
    const test = `${readFast(t, object.text, key)} && ${readSlow(f.chunk, t, object.text, key, site)}`
    f.site(`${test} === null`, `${t} = $v1($v)`, e.line, at)
  }

  // --- calls

  /**
   * A call whose answer is left in a temporary as it is: one value, MULTI.
   * @param one the caller wants no more than one value
   */
  callRaw(e: Expression, one = false): Atom {
    assert(e.kind === 'call' || e.kind === 'method', 'not a call')
    return this.operation((t, at) => {
      const text = this.callText(e, one)
      this.f.site(`(${t} = ${text}) === null`, `${t} = $v`, e.line, at)
    })
  }

  private callOne(e: Expression): Atom {
    const atom = this.callRaw(e, true)
    this.spread([atom.text])
    return atom
  }

  /** Takes an answer apart: the first variable holds it as it came, the others get what follows. */
  spread([first, ...rest]: readonly [string, ...string[]]): void {
    if (rest.length === 0) {
      this.f.js(`if (typeof ${first} === 'symbol') ${first} = $first()`)
      return
    }
    const values = rest.map((name, i) => `${name} = $at(${i + 1})`).join('; ')
    const clear = rest.map((name) => `${name} = undefined`).join('; ')
    this.f.js(
      `if (typeof ${first} === 'symbol') { ${first} = $at(0); ${values} } else { ${clear} }`,
    )
  }

  /** A call for its effect. */
  callStatement(e: Expression): void {
    assert(e.kind === 'call' || e.kind === 'method', 'not a call')
    const height = this.f.tempHeight
    const text = this.callText(e)
    this.f.site(`${parenthesized(text)} === null`, '', e.line, height)
    this.f.releaseTo(height)
  }

  /** The text of the call itself, after what its operands need. */
  callText(
    e: Extract<Expression, { kind: 'call' | 'method' }>,
    one = false,
    isTail = false,
  ): string {
    const f = this.f
    if (e.kind === 'method') {
      const object = this.stable(e.object)
      const callee = this.operation((t, at) => this.methodInto(t, at, e, object))
      const args = [object.text, ...this.argumentTexts(e.args)]
      const site = f.errorSite(e.line, `method '${e.name}'`)
      return this.callTextOf(callee.text, args.join(', '), site, isTail)
    }
    const quiet = e.args.every(isQuiet)
    const callee = quiet ? this.operand(e.callee) : this.stable(e.callee)
    const text = callee.constant !== undefined ? `(${callee.text})` : callee.text
    const args = this.argumentTexts(e.args).join(', ')
    const site = f.errorSite(e.line, operandName(e.callee, f.node))
    // `error` is told where it stands: it need not read the stack.
    if (isGlobal(e.callee, 'error') && !f.chunk.isStripped)
      f.js(`if (${text} === $error) $vm.errorSite = ${site}`)
    const call = this.callTextOf(text, args, site, isTail)
    return isGlobal(e.callee, 'select') && !f.chunk.hooks
      ? this.selectText(e.args, text, call, one)
      : call
  }

  /** The call of a callee with arguments, both as texts. */
  callTextOf(callee: string, args: string, site: string, isTail = false): string {
    const all = args === '' ? '' : `, ${args}`
    if (this.f.chunk.hooks)
      return `${isTail ? '$hookedTail' : '$hookedCall'}(${site}, ${callee}${all})`
    const slow = `${isTail ? '$tailCall' : '$callAt'}(${site}, ${callee}${all})`
    const test = `typeof ${callee} === 'function'${isTail ? ' && --$vm.tails > 0' : ''}`
    return `${test} ? ${callee}(${args}) : ${slow}`
  }

  /** `select("#", ...)` and `(select(i, ...))` in place: they are how Lua walks its varargs. */
  private selectText(
    args: readonly Expression[],
    callee: string,
    call: string,
    one: boolean,
  ): string {
    const [which, rest] = args
    if (args.length !== 2 || which === undefined || rest?.kind !== 'vararg') return call
    if (which.kind === 'constant' && which.value === '#') {
      return `${callee} === $select ? $va.length : ${call}`
    }
    if (!one || which.kind !== 'local') return call
    if (this.f.chunk.numberTypes.isRaw(which.local)) return call
    const i = localText(which.local)
    const isPlace = `typeof ${i} === 'number' && (${i} | 0) === ${i} && ${i} > 0`
    return `${callee} === $select && ${isPlace} ? $va[${i} - 1] : ${call}`
  }

  private methodInto(
    t: string,
    at: number,
    e: Extract<Expression, { kind: 'method' }>,
    object: Atom,
  ): void {
    const f = this.f
    const site = f.errorSite(e.line, operandName(e.object, f.node), '')
    const key: Atom = {
      text: stringLiteral(e.name),
      stable: true,
      constant: { value: e.name },
    }
    const o = object.text
    f.usePart()
    const test = `${readMethodFast(t, o, e.name)} && ${readSlow(f.chunk, t, o, key, site)}`
    f.site(`${test} === null`, `${t} = $v1($v)`, e.line, at)
  }

  /** Arguments as texts; a last call or `...` is spread. */
  argumentTexts(args: readonly Expression[]): string[] {
    const last = args[args.length - 1]
    if (last === undefined || !isMultiple(last)) return this.operands(args).map((a) => a.text)
    const atoms = args.slice(0, -1).map((e) => {
      const atom = this.operand(e)
      return (last.kind === 'vararg' && args.every(isQuiet)) || atom.stable ? atom : this.pin(atom)
    })
    return [...atoms.map((a) => a.text), `...${this.listText(last)}`]
  }

  /** All values of a call or `...`, as the text of an array. */
  listText(e: Expression): string {
    return e.kind === 'vararg' ? '$va' : `$list(${this.callRaw(e).text})`
  }

  // --- operators

  private binary(e: Extract<Expression, { kind: 'binary' }>): Atom {
    const isBoolean = booleanOps.has(e.op)
    const doubles = isBoolean ? this.floats.comparison(e) : undefined
    if (doubles !== undefined) {
      return { text: doubles, stable: false, constant: undefined, boolean: true }
    }
    if (e.op === '==' || e.op === '~=') return this.equality(e)
    if (!isBoolean && this.floats.isKnown(e)) return this.floats.value(e)
    const conditional = isBoolean ? undefined : this.floats.conditional(e)
    if (conditional !== undefined) return conditional
    const f = this.f
    const atom = this.operation((t, at) => {
      const [left, right] = this.operands([e.left, e.right]) as [Atom, Atom]
      const a = operandName(e.left, f.node)
      const b = operandName(e.right, f.node)
      if (isBoolean) {
        const swap = e.op === '>' || e.op === '>='
        const site = f.errorSite(e.line)
        const op = e.op === '<' || e.op === '>' ? '<' : '<='
        const test = swap
          ? compareTest(t, op, right, left, site)
          : compareTest(t, op, left, right, site)
        f.site(test, `${t} = $truth($v)`, e.line, at)
      } else {
        const test = binaryTest(t, e.op, left, right, f.errorSite(e.line, a, b))
        f.site(test, `${t} = $v1($v)`, e.line, at)
      }
    })
    return isBoolean ? { ...atom, boolean: true } : atom
  }

  private equality(e: Extract<Expression, { kind: 'binary' }>): Atom {
    const negate = e.op === '~=' ? '!' : ''
    if (e.left.kind === 'constant' || e.right.kind === 'constant') {
      const [left, right] = this.operands([e.left, e.right]) as [Atom, Atom]
      const pure = constantEquality(left, right) ?? 'false'
      const text = negate === '' ? pure : `!(${pure})`
      return { text: `(${text})`, stable: false, constant: undefined, boolean: true }
    }
    const atom = this.operation((t, at) => {
      const [left, right] = this.operands([e.left, e.right]) as [Atom, Atom]
      this.f.site(equalTest(t, left, right), `${t} = $truth($v)`, e.line, at)
    })
    return negate === ''
      ? { ...atom, boolean: true }
      : { text: `!${atom.text}`, stable: true, constant: undefined, boolean: true }
  }

  private unary(e: Extract<Expression, { kind: 'unary' }>): Atom {
    const { op } = e
    if (op === 'not') {
      const text = `!(${this.condition(e.operand)})`
      return { text: `(${text})`, stable: false, constant: undefined, boolean: true }
    }
    if (op === '-' && this.floats.isKnown(e)) return this.floats.value(e)
    return this.operation((t, at) => {
      const operand = this.operand(e.operand)
      const site = this.f.errorSite(
        e.line,
        operandName(e.operand, this.f.node),
        operandName(e.operand, this.f.node),
      )
      this.f.site(unaryTest(t, op, operand, site), `${t} = $v1($v)`, e.line, at)
    })
  }

  private logical(e: Extract<Expression, { kind: 'and' | 'or' }>): Atom {
    const f = this.f
    return this.operation((t, at) => {
      const left = this.operand(e.left)
      f.js(`${t} = ${left.text}`)
      f.define(at)
      f.releaseTo(at + 1)
      const truth =
        left.boolean === true ? t : truthText({ text: t, stable: true, constant: undefined })
      const right = f.collect(() => {
        const atom = this.operand(e.right)
        f.js(`${t} = ${atom.text}`)
      })
      f.out.push({
        op: 'if',
        condition: e.kind === 'and' ? truth : `!(${truth})`,
        yes: right,
        no: [],
      })
    })
  }

  // --- table constructors

  /**
   * Fields with constant names that come before any computed key become one object of a known shape.
   * From the first computed key on the table exists, and keys are set as they come; positional items
   * are always set last, as PUC does (for up to 50 of them), so they win over equal keys.
   */
  private table(e: Extract<Expression, { kind: 'table' }>): Atom {
    return this.operation((t, at) => {
      const f = this.f
      const names: string[] = []
      const fields: string[] = []
      const items: string[] = []
      let trim = false
      let made = false
      const list = e.items
      const make = (array: string) => {
        const shape = f.chunk.constant(`$shapeOf(${JSON.stringify(names)})`)
        const rec = names.length === 0 ? 'undefined' : `new ${shape}(${fields.join(', ')})`
        const args = array === '' ? `${rec}, ${names.length}` : `${rec}, ${names.length}, ${array}`
        f.js(`${t} = new $Table(${names.length === 0 && array === '' ? '' : args})`)
      }
      list.forEach((item, i) => {
        const rest = list.slice(i + 1)
        const quiet = rest.every((x) => isQuiet(x.value) && (x.kind === 'item' || isQuiet(x.key)))
        const value = (v: Expression) => (quiet ? this.operand(v) : this.stable(v))
        if (item.kind === 'item') {
          if (i === list.length - 1 && isMultiple(item.value)) {
            items.push(`...${this.listText(item.value)}`)
            trim = true
            return
          }
          const atom = value(item.value)
          items.push(atom.text)
          trim = atom.constant === undefined || atom.constant.value === undefined
          return
        }
        const name = item.key.kind === 'constant' ? item.key.value : undefined
        const isField = typeof name === 'string' && isFieldName(name) && !names.includes(name)
        if (isField && !made && names.length < shapeNamesMax) {
          names.push(name)
          fields.push(value(item.value).text)
          return
        }
        if (!made) {
          make('')
          f.define(at)
          made = true
        }
        const height = f.tempHeight
        const key = this.stable(item.key)
        const site = f.errorSite(e.line)
        f.js(`$setIndex(${t}, ${key.text}, ${this.operand(item.value).text}, ${site})`)
        f.releaseTo(height)
      })
      const array = `[${items.join(', ')}]`
      if (!made) make(items.length === 0 ? '' : trim ? `$trim(${array})` : array)
      else if (items.length > 0) f.js(`${t}.setItems(${array})`)
    })
  }
}

const booleanOps: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '~='])

/** Named fields of a constructor that share one shape. */
const shapeNamesMax = 60

// --- texts

/** A closure over bindings of its own, each of which the debug library can read and replace. */
export function debugClosure(text: string, upvalues: readonly Local[]): string {
  const bound = upvalues.map((local) => local.js).join(', ')
  const entries = upvalues.map(
    ({ name, js }) =>
      `{ name: ${stringLiteral(name)}, get: () => ${js}, set: (c) => { ${js} = c } }`,
  )
  return `((${bound}) => $upvalues(${text}, [${entries.join(', ')}]))(${bound})`
}

/** The truth of an operand in JavaScript. */
export function truthText(atom: Atom): string {
  if (atom.boolean === true) return atom.text
  return `${atom.text} !== undefined && ${atom.text} !== false`
}

function parenthesized(text: string): string {
  return `(${text})`
}

export function readSlow(
  chunk: ChunkContext,
  t: string,
  object: string,
  key: Atom,
  site: string,
): string {
  const name = fieldName(key)
  if (name === undefined) return `(${t} = $index(${object}, ${key.text}, ${site}))`
  return `(${t} = $getField(${object}, ${chunk.field(name)}, ${site}))`
}

function isGlobal(e: Expression, name: string): boolean {
  return e.kind === 'index' && e.global && e.key.kind === 'constant' && e.key.value === name
}

export function isMultiple(e: Expression): boolean {
  return e.kind === 'call' || e.kind === 'method' || e.kind === 'vararg'
}
