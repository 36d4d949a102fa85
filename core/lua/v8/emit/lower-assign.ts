// Lowering of what gives values to locals and fields: local, assignment, local function. Pure.
//
// As in PUC the objects and keys of all targets come before the values, and all values before the first
// store; what a store of the same statement could change is copied to a temporary.

import type { Expression, FunctionNode, Local } from '../syntax/ast.ts'
import { storeFast } from './inline-access.ts'
import { type FunctionLowering, isCell } from './lower.ts'
import { type ExpressionLowering, isMultiple } from './lower-expression.ts'
import { type Atom, fieldName, localText, operandName } from './lower-operand.ts'

export class AssignmentLowering {
  private readonly f: FunctionLowering
  private readonly e: ExpressionLowering

  constructor(e: ExpressionLowering) {
    this.f = e.f
    this.e = e
  }

  /** Does the local live as a bare double? Then its definitions are such, too. */
  private isRaw(local: Local | undefined): boolean {
    return local !== undefined && this.f.chunk.numberTypes.isRaw(local)
  }

  /** Gives a declared local its first value. */
  initLocal(local: Local, text: string): void {
    this.f.js(`${local.js} = ${isCell(local) ? `{ v: ${text} }` : text}`)
  }

  /** `local a, b <close> = …` */
  local(locals: Local[], values: Expression[], line: number): void {
    const f = this.f
    if (locals.length === 1 && locals[0]?.constant !== undefined) return
    const texts = this.values(values, locals.length, (i) => this.isRaw(locals[i]))
    for (const local of locals) f.declareLocal(local)
    locals.forEach((local, i) => {
      this.initLocal(local, texts[i] ?? 'undefined')
      if (local.attrib !== 'close') return
      f.js(`$toBeClosed(${local.js}, ${JSON.stringify(local.name)}, ${f.errorSite(line)})`)
    })
  }

  localFunction(local: Local, node: FunctionNode): void {
    const f = this.f
    f.declareLocal(local)
    f.chunk.localFunctions.set(local, node)
    if (!isCell(local)) {
      f.js(`${local.js} = ${this.e.closure(node, local.js)}`)
      return
    }
    f.js(`${local.js} = { v: undefined }`)
    f.js(`${local.js}.v = ${this.e.closure(node, undefined)}`)
  }

  /** The values of a list of expressions, adjusted to `count`, as texts that stay what they are. */
  values(
    list: readonly Expression[],
    count: number,
    isRaw: (place: number) => boolean = () => false,
  ): string[] {
    const e = this.e
    const last = list[list.length - 1]
    if (last === undefined) return []
    if (count === 1 && list.length === 1) {
      return [isRaw(0) ? e.floats.raw(last) : e.operand(last).text]
    }
    const spread = isMultiple(last) && list.length < count
    const single = spread ? list.slice(0, -1) : list
    const texts = single.map((x, i) => (isRaw(i) ? this.copied(e.floats.raw(x)) : e.stable(x).text))
    if (!spread) return texts
    const missing = count - single.length
    if (last.kind === 'vararg') {
      for (let i = 0; i < missing; i++) texts.push(`$va[${i}]`)
      return texts
    }
    const raw = e.callRaw(last).text
    const temps = Array.from({ length: missing - 1 }, () => this.f.temp())
    for (const at of temps) this.f.define(at)
    const names = temps.map((at) => this.f.tempName(at))
    e.spread([raw, ...names])
    return [...texts, raw, ...names]
  }

  /** `a.x, b = …`: all values are there before the first is stored. */
  assign(targets: Expression[], values: Expression[], line: number): void {
    const target = targets[0] as Expression
    const value = values[0] as Expression
    if (targets.length === 1 && values.length === 1) {
      this.assignOne(target, value, line)
      return
    }
    // Objects and keys of all targets come before the values, as in PUC.
    const places = targets.map((t) =>
      t.kind === 'index'
        ? { object: this.held(t.object, targets), key: this.held(t.key, targets) }
        : undefined,
    )
    const isRaw = (i: number) => {
      const t = targets[i]
      return t?.kind === 'local' && this.isRaw(t.local)
    }
    const texts = this.pinned(this.values(values, targets.length, isRaw), targets.length)
    for (let i = targets.length - 1; i >= 0; i--) {
      const t = targets[i] as Expression
      const atom: Atom = { text: texts[i] ?? 'undefined', stable: true, constant: undefined }
      const place = places[i]
      if (place !== undefined && t.kind === 'index') {
        this.store(t, place.object, place.key, atom, line)
      } else if (t.kind === 'local') this.f.js(`${localText(t.local)} = ${atom.text}`)
    }
  }

  /** An object or key of a target, copied when another target is that very local. */
  private held(e: Expression, targets: readonly Expression[]): Atom {
    const atom = this.e.stable(e)
    const inner = e.kind === 'paren' ? e.inner : e
    const isTarget = targets.some(
      (t) => t.kind === 'local' && inner.kind === 'local' && t.local === inner.local,
    )
    return isTarget ? { ...atom, text: this.copied(atom.text) } : atom
  }

  private copied(text: string): string {
    return this.e.inTemp((name) => this.f.js(`${name} = ${text}`)).text
  }

  /** Copies values that are plain locals: an earlier target of the same statement may be one. */
  private pinned(texts: string[], count: number): string[] {
    return texts.slice(0, count).map((text) => {
      if (!/^[A-Za-z_]/.test(text) || text === 'undefined') return text
      return this.copied(text)
    })
  }

  private assignOne(target: Expression, value: Expression, line: number): void {
    if (target.kind === 'local') {
      const text = this.isRaw(target.local) ? this.e.floats.raw(value) : this.e.operand(value).text
      this.f.js(`${localText(target.local)} = ${text}`)
      return
    }
    if (target.kind !== 'index') return
    const [object, key, atom] = this.e.operands([target.object, target.key, value]) as [
      Atom,
      Atom,
      Atom,
    ]
    this.store(target, object, key, atom, line)
  }

  /**
   * `object[key] = value`: in place where neither shape nor metamethods matter.
   * @param isOnce it is not worth code that makes it fast
   */
  store(
    target: Extract<Expression, { kind: 'index' }>,
    object: Atom,
    key: Atom,
    value: Atom,
    line: number,
    isOnce = false,
  ): void {
    const f = this.f
    const site = f.errorSite(line, operandName(target.object, f.node))
    const name = fieldName(key)
    const [helper, k] =
      name === undefined ? ['$setIndex', key.text] : ['$setField', f.chunk.field(name)]
    const slow = `${helper}(${object.text}, ${k}, ${value.text}, ${site}) === null`
    const fast = isOnce ? undefined : storeFast(object.text, key, value)
    if (fast !== undefined) f.usePart()
    f.site(fast === undefined ? slow : `!(${fast}) && ${slow}`, '', line, f.tempHeight)
  }
}
