// Lowering of statements and blocks. Pure; any thread.
//
// Control is endless loops, labelled blocks and jumps. A goto forward to a label of an enclosing
// block leaves a block that ends before the label; a goto back continues a loop that begins at the
// label. Where the two would overlap, the function is marked `flatOnly` and printed as a machine of
// program points, which knows any goto.

import type { Block, Expression, FunctionNode, Label, Local, Statement } from '../syntax/ast.ts'
import { labelOf } from '../syntax/scope.ts'
import { storeFast } from './inline-access.ts'
import { numberLiteral } from './inline-ops.ts'
import { mark, type Target } from './ir.ts'
import { type FunctionLowering, isCell } from './lower.ts'
import { ExpressionLowering, isMultiple, type NestedFunction } from './lower-expression.ts'
import { type Atom, fieldName, indexedName } from './lower-operand.ts'

export class StatementLowering {
  readonly f: FunctionLowering
  readonly e: ExpressionLowering

  constructor(f: FunctionLowering, nested: NestedFunction) {
    this.f = f
    this.e = new ExpressionLowering(f, nested)
  }

  // --- blocks and gotos

  /** A block of its own: what it declares to be closed is closed behind it. */
  block(block: Block, endLine: number): void {
    if (!block.hasClose) {
      this.statements(block.statements)
      return
    }
    const f = this.f
    const height = f.variable('$close')
    f.js(`${height} = $vm.toClose.length`)
    f.leavables.push({ breakTarget: undefined, height })
    this.statements(block.statements)
    f.leavables.pop()
    if (!endsInJump(block.statements)) f.closeDown(height, endLine)
  }

  private statements(list: readonly Statement[]): void {
    const labels = list.filter((s) => s.kind === 'label' && labelOf(s.label).used)
    const loops = list.filter((s) => s.kind === 'label' && labelOf(s.label).isLoop)
    if (labels.length + loops.length === 0) {
      for (const statement of list) this.statement(statement)
    } else this.withLabels(list)
  }

  private withLabels(list: readonly Statement[]): void {
    const plan = planLabels(list)
    if (plan === undefined || this.f.flatOnly) this.flatLabels(list)
    else this.region(list, plan, 0, list.length)
  }

  /** Labels as places in a flat machine. */
  private flatLabels(list: readonly Statement[]): void {
    const f = this.f
    f.flatOnly = true
    for (const s of list) {
      if (s.kind === 'label' && !f.labels.has(labelOf(s.label))) {
        const target = f.target(`${s.label.name}$`)
        f.labels.set(labelOf(s.label), { target, depth: f.leavables.length, loop: false })
      }
    }
    for (const s of list) {
      if (s.kind === 'label') {
        const entry = f.labelTarget(s.label)
        if (entry !== undefined) f.out.push({ op: 'label', target: entry.target })
      } else this.statement(s)
    }
  }

  /** Statements from..to, with the regions that begin inside. */
  private region(list: readonly Statement[], plan: Region[], from: number, to: number): void {
    const f = this.f
    for (let i = from; i < to; ) {
      const region = plan.find((r) => r.from === i && r.to <= to && !r.open)
      if (region === undefined) {
        const statement = list[i] as Statement
        if (statement.kind !== 'label') this.statement(statement)
        i++
        continue
      }
      region.open = true
      const target = f.target(`${region.label.name}$`)
      f.labels.set(region.label, { target, depth: f.leavables.length, loop: region.loop })
      const body = f.collect(() => {
        if (region.loop) f.js(f.budgetCheck)
        this.region(list, plan, region.from, region.to)
        if (region.loop) f.jump(target, 'break')
      })
      f.out.push({ op: region.loop ? 'loop' : 'block', target, body })
      region.open = false
      region.done = true
      i = region.to
      // Other regions that begin at the same statement were opened inside this one.
    }
  }

  // --- single statements

  private statement(s: Statement): void {
    const f = this.f
    f.releaseTo(0)
    f.js(mark(s.line))
    f.hookStatement(eventLine(s))
    switch (s.kind) {
      case 'local':
        this.local(s.locals, s.values, s.line)
        break
      case 'assign':
        this.assign(s.targets, s.values, s.line)
        break
      case 'call':
        this.e.callStatement(s.call)
        break
      case 'do':
        this.block(s.body, s.line)
        break
      case 'while':
        this.whileLoop(s)
        break
      case 'repeat':
        this.repeatLoop(s)
        break
      case 'if':
        this.ifArms(s.arms, s.otherwise, s.line, 0)
        break
      case 'fornum':
        this.numericFor(s)
        break
      case 'forin':
        this.genericFor(s)
        break
      case 'localfunction':
        this.localFunction(s.local, s.node)
        break
      case 'return':
        this.returnStatement(s.values, s.line)
        break
      case 'break':
        this.breakLoop(s.line)
        break
      case 'goto':
        this.goto(s.label, s.line)
        break
      case 'label':
        break
      case 'keep':
        this.keep(s)
        break
      case 'ready':
        f.js('$m.ready()')
        break
      case 'define':
        this.define(s)
        break
    }
  }

  /** A module-level local has the value that it had before the reload. */
  private keep(s: Extract<Statement, { kind: 'keep' }>): void {
    const f = this.f
    const { local } = s
    const key = JSON.stringify(s.key)
    const fresh = s.refill === undefined ? undefined : this.e.operand(s.refill).text
    if (!s.isDeclared) f.declareLocal(local)
    if (isCell(local)) f.js(`${local.js} = $m.cell(${key})`)
    else
      f.js(
        `${local.js} = ${fresh === undefined ? `$m.value(${key})` : `$m.refill(${key}, ${fresh})`}`,
      )
  }

  private define(s: Extract<Statement, { kind: 'define' }>): void {
    const { target, value, line } = s
    const [object, key, atom] = this.e.operands([target.object, target.key, value]) as [
      Atom,
      Atom,
      Atom,
    ]
    if (!s.isNew) this.store(target, object, key, atom, line, true)
    const what = s.isNew ? 'define' : 'defined'
    const place = `${object.text}, ${key.text}, ${atom.text}, ${JSON.stringify(s.path)}`
    this.f.js(`$m.${what}(${place})`)
  }

  /** Does the local live as a bare double? Then its definitions are such, too. */
  private isRaw(local: Local | undefined): boolean {
    return local !== undefined && this.f.chunk.numberTypes.isRaw(local)
  }

  private initLocal(local: Local, text: string): void {
    this.f.js(`${local.js} = ${isCell(local) ? `{ v: ${text} }` : text}`)
  }

  private local(locals: Local[], values: Expression[], line: number): void {
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

  private localFunction(local: Local, node: FunctionNode): void {
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
  private values(
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
    if (missing === 1) {
      this.f.js(`if (typeof ${raw} === 'symbol') ${raw} = $first()`)
      return [...texts, raw]
    }
    const temps = Array.from({ length: missing - 1 }, () => this.f.temp())
    for (const at of temps) this.f.define(at)
    const names = temps.map((at) => this.f.tempName(at))
    const spreadOut = names.map((name, i) => `${name} = $at(${i + 1})`).join('; ')
    const clear = names.map((name) => `${name} = undefined`).join('; ')
    this.f.js(`if (typeof ${raw} === 'symbol') { ${raw} = $at(0); ${spreadOut} } else { ${clear} }`)
    return [...texts, raw, ...names]
  }

  private assign(targets: Expression[], values: Expression[], line: number): void {
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
      } else if (t.kind === 'local') this.f.js(`${writeLocal(t.local)} = ${atom.text}`)
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
    const name = this.f.tempName(this.f.temp())
    this.f.define(this.f.tempHeight - 1)
    this.f.js(`${name} = ${text}`)
    return name
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
      this.f.js(`${writeLocal(target.local)} = ${text}`)
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
  private store(
    target: Extract<Expression, { kind: 'index' }>,
    object: Atom,
    key: Atom,
    value: Atom,
    line: number,
    isOnce = false,
  ): void {
    const f = this.f
    const site = f.errorSite(line, indexedName(target.object, f.node))
    const name = fieldName(key)
    const [helper, k] =
      name === undefined ? ['$setIndex', key.text] : ['$setField', f.chunk.field(name)]
    const slow = `${helper}(${object.text}, ${k}, ${value.text}, ${site}) === null`
    const fast = isOnce ? undefined : storeFast(object.text, key, value)
    if (fast !== undefined) f.usePart()
    f.site(fast === undefined ? slow : `!(${fast}) && ${slow}`, '', line, f.tempHeight)
  }

  // --- control

  private whileLoop(s: Extract<Statement, { kind: 'while' }>): void {
    const f = this.f
    const target = f.target('while$')
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => {
      f.js(f.budgetCheck)
      f.hookLine(s.line)
      const condition = this.e.condition(s.condition)
      if (condition !== 'true') this.jumpUnless(condition, target)
      this.block(s.body, s.line)
      f.hookBackJump()
    })
    f.leavables.pop()
    f.out.push({ op: 'loop', target, body })
  }

  private jumpUnless(condition: string, target: Target): void {
    const f = this.f
    const yes = f.collect(() => f.jump(target, 'break'))
    f.out.push({ op: 'if', condition: `!(${condition})`, yes, no: [] })
  }

  private repeatLoop(s: Extract<Statement, { kind: 'repeat' }>): void {
    const f = this.f
    const target = f.target('repeat$')
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => {
      f.js(f.budgetCheck)
      const { hasClose } = s.body
      const height = hasClose ? f.variable('$close') : undefined
      if (height !== undefined) f.js(`${height} = $vm.toClose.length`)
      f.leavables.push({ breakTarget: undefined, height })
      this.statements(s.body.statements)
      f.releaseTo(0)
      f.js(mark(s.endLine))
      f.hookLine(s.endLine)
      let condition = this.e.condition(s.condition)
      if (height !== undefined) {
        const kept = f.variable('$until')
        f.js(`${kept} = ${condition}`)
        condition = kept
      }
      f.leavables.pop()
      if (height !== undefined) f.closeDown(height, s.endLine)
      const yes = f.collect(() => f.jump(target, 'break'))
      f.out.push({ op: 'if', condition, yes, no: [] })
      f.hookBackJump()
    })
    f.leavables.pop()
    f.out.push({ op: 'loop', target, body })
  }

  private ifArms(
    arms: readonly { condition: Expression; body: Block }[],
    otherwise: Block | undefined,
    line: number,
    at: number,
  ): void {
    const f = this.f
    const arm = arms[at]
    if (arm === undefined) {
      if (otherwise !== undefined) this.block(otherwise, line)
      return
    }
    f.releaseTo(0)
    f.js(mark(arm.condition.line))
    f.hookLine(arm.condition.line)
    const condition = this.e.condition(arm.condition)
    const yes = f.collect(() => this.block(arm.body, line))
    const no = f.collect(() => this.ifArms(arms, otherwise, line, at + 1))
    f.out.push({ op: 'if', condition, yes, no })
  }

  private breakLoop(line: number): void {
    const f = this.f
    for (let i = f.leavables.length - 1; i >= 0; i--) {
      const target = f.leavables[i]?.breakTarget
      if (target === undefined) continue
      f.leaveTo(i + 1, line)
      f.jump(target, 'break')
      return
    }
  }

  private goto(label: Label, line: number): void {
    const f = this.f
    let entry = f.labelTarget(label)
    if (entry === undefined) {
      // The label comes later in a list that is already being printed flat.
      f.flatOnly = true
      entry = { target: f.target(`${label.name}$`), depth: 0, loop: false }
      f.labels.set(labelOf(label), entry)
    }
    f.leaveTo(entry.depth, line)
    f.jump(entry.target, entry.loop ? 'continue' : 'break')
  }

  private returnStatement(values: Expression[], line: number): void {
    const f = this.f
    const closes = f.closesOnReturn
    const only = values[0]
    const tail = values.length === 1 && (only?.kind === 'call' || only?.kind === 'method')
    // `own` is read before the callee can note anything.
    if (closes && tail) f.js(`$own = $vm.toClose.length`)
    const text = tail
      ? this.e.callText(only, false, !closes && this.mayChain(only))
      : this.returnText(values)
    f.releaseTo(0)
    f.js(mark(tail ? only.line : line))
    const own = tail ? '$own' : '$vm.toClose.length'
    const answer = closes ? `$closeReturn($height, ${own}, ${text})` : text
    const isHooked = f.chunk.hooks && !(tail && !closes)
    f.out.push({ op: 'return', text: isHooked ? `$hookReturn(${answer})` : answer })
  }

  /**
   * May a chain of tail calls without end go through this one? Not when its callee was whole before this
   * function began: what leads back from there is another call.
   */
  private mayChain(call: Expression): boolean {
    const f = this.f
    if (f.chunk.hooks || call.kind !== 'call' || call.callee.kind !== 'local') return true
    const { local } = call.callee
    const callee = f.chunk.localFunctions.get(local)
    if (callee === undefined || local.assigned) return true
    for (let at: FunctionNode | undefined = f.node; at !== undefined; at = at.parent) {
      if (at === callee) return true
    }
    return false
  }

  private returnText(values: Expression[]): string {
    const last = values[values.length - 1]
    if (last === undefined) return '$ret0()'
    if (values.length === 1) {
      return last.kind === 'vararg' ? '$retArray($va)' : this.e.operand(last).text
    }
    const texts = this.e.argumentTexts(values)
    if (isMultiple(last)) return `$retArray([${texts.join(', ')}])`
    if (texts.length === 2) return `$ret2(${texts.join(', ')})`
    if (texts.length === 3) return `$ret3(${texts.join(', ')})`
    return `$retArray([${texts.join(', ')}])`
  }

  private numericFor(s: Extract<Statement, { kind: 'fornum' }>): void {
    const f = this.f
    const e = this.e
    const startConstant = smallInteger(s.start)
    const stepConstant = s.step === undefined ? 1 : smallInteger(s.step)
    const site = f.errorSite(s.line)
    const known = startConstant !== undefined && stepConstant !== undefined && stepConstant !== 0
    const inits = [s.start, s.limit, ...(s.step === undefined ? [] : [s.step])]
    const [start, limit, step] = e.operands(inits) as [Atom, Atom, Atom | undefined]
    const limitConstant = smallInteger(s.limit)
    let limitText = limit.text
    const counter = f.variable('$i')
    let stepText = stepConstant === undefined ? '' : numberLiteral(stepConstant)
    let valueText = counter
    f.js(`${counter} = ${start.text}`)
    if (limitConstant === undefined) {
      limitText = f.variable('$limit')
      f.js(`${limitText} = ${limit.text}`)
    }
    if (known) {
      if (limitConstant === undefined) {
        f.js(
          `if (typeof ${limitText} !== 'number') ${limitText} = $forLimit(${limitText}, ${site})`,
        )
      }
    } else {
      // The general case: floats, large integers, numerals in strings, errors.
      const mode = f.variable('$mode')
      if (limitConstant !== undefined) {
        limitText = f.variable('$limit')
        f.js(`${limitText} = ${limit.text}`)
      }
      const stepValue = step === undefined ? '1' : step.text
      stepText = f.variable('$step')
      f.js(`${stepText} = ${stepValue}; ${mode} = 0`)
      const plain = [`(${counter} | 0) === ${counter}`, `(${stepText} | 0) === ${stepText}`]
      const numbers = [counter, limitText, stepText].map((v) => `typeof ${v} === 'number'`)
      const test = [...numbers, ...plain, `${stepText} !== 0`].join(' && ')
      const prepare = `${mode} = $forPrepare(${counter}, ${limitText}, ${stepText}, ${site})`
      const take = `${counter} = $for.start; ${limitText} = $for.limit; ${stepText} = $for.step`
      f.js(`if (!(${test})) { ${prepare}; ${take} }`)
      valueText = `${mode} === 0 ? ${counter} : $forValue(${mode}, ${counter})`
    }
    const up = `${counter} <= ${limitText}`
    const down = `${counter} >= ${limitText}`
    const direction = stepConstant === undefined ? undefined : stepConstant > 0
    const condition =
      direction === undefined ? `(${stepText} > 0 ? ${up} : ${down})` : direction ? up : down
    const target = f.target('for$')
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => {
      f.js(f.budgetCheck)
      f.hookNextTurn()
      f.declareLocal(s.variable)
      this.initLocal(s.variable, valueText)
      this.block(s.body, s.line)
      f.hookTurn(s.line)
    })
    f.leavables.pop()
    f.out.push({ op: 'for', target, condition, step: `${counter} += ${stepText}`, body })
  }

  private genericFor(s: Extract<Statement, { kind: 'forin' }>): void {
    const f = this.f
    const texts = this.values(s.values, 4)
    const iterator = f.variable('$iter')
    const state = f.variable('$state')
    const control = f.variable('$control')
    const height = f.variable('$close')
    f.js(
      `${iterator} = ${texts[0] ?? 'undefined'}; ${state} = ${texts[1] ?? 'undefined'}; ${control} = ${texts[2] ?? 'undefined'}; ${height} = -1`,
    )
    if (texts[3] !== undefined && texts[3] !== 'undefined') {
      const site = f.errorSite(s.line)
      const note = `${height} = $vm.toClose.length; $toBeClosed(${texts[3]}, '(for state)', ${site})`
      f.js(`if (${texts[3]} !== undefined) { ${note} }`)
    }
    f.releaseTo(0)
    const target = f.target('for$')
    f.leavables.push({ breakTarget: undefined, height })
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => this.genericBody(s, iterator, state, control, target))
    f.leavables.pop()
    f.leavables.pop()
    f.out.push({ op: 'loop', target, body })
    f.js(mark(s.line))
    f.closeDown(height, s.line)
  }

  private genericBody(
    s: Extract<Statement, { kind: 'forin' }>,
    iterator: string,
    state: string,
    control: string,
    target: Target,
  ): void {
    const f = this.f
    f.js(f.budgetCheck)
    f.hookLine(s.callLine)
    const names = s.variables.map((local) => {
      f.declareLocal(local)
      return isCell(local) ? f.tempName(f.temp()) : local.js
    })
    const first = names[0] as string
    const site = f.errorSite(s.callLine, "for iterator 'for iterator'")
    const called = this.e.callTextOf(iterator, `${state}, ${control}`, site)
    f.site(`(${first} = ${called}) === null`, `${first} = $v`, s.callLine, f.tempHeight)
    if (names.length === 1) f.js(`if (typeof ${first} === 'symbol') ${first} = $first()`)
    else {
      const rest = names.slice(1)
      const spread = rest.map((name, i) => `${name} = $at(${i + 1})`).join('; ')
      const clear = rest.map((name) => `${name} = undefined`).join('; ')
      f.js(`if (typeof ${first} === 'symbol') { ${first} = $at(0); ${spread} } else { ${clear} }`)
    }
    this.jumpUnless(`${first} !== undefined`, target)
    f.js(`${control} = ${first}`)
    s.variables.forEach((local, i) => {
      if (isCell(local)) f.js(`${local.js} = { v: ${names[i]} }`)
    })
    f.hookBackJump()
    this.block(s.body, s.line)
  }
}

/** The line of a statement for debug hooks; undefined for one without a step of its own. */
function eventLine(s: Statement): number | undefined {
  switch (s.kind) {
    case 'do':
    case 'repeat':
    case 'label':
    case 'if':
    case 'while':
      return undefined
    case 'localfunction':
      return s.node.endLine
    default:
      return s.line
  }
}

// --- texts

function writeLocal(local: Local): string {
  return isCell(local) ? `${local.js}.v` : local.js
}

function smallInteger(e: Expression): number | undefined {
  if (e.kind !== 'constant' || typeof e.value !== 'number') return undefined
  return (e.value | 0) === e.value ? e.value : undefined
}

function endsInJump(list: readonly Statement[]): boolean {
  const last = list[list.length - 1]
  return last?.kind === 'return' || last?.kind === 'break' || last?.kind === 'goto'
}

// --- the structure of gotos

interface Region {
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
function planLabels(list: readonly Statement[]): Region[] | undefined {
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
