// Lowering of statements and blocks. Pure; any thread.
//
// Control is endless loops, labelled blocks and jumps. A goto forward to a label of an enclosing
// block leaves a block that ends before the label; a goto back continues a loop that begins at the
// label. Where the two would overlap, the function is marked `flatOnly` and printed as a machine of
// program points, which knows any goto.

import type { Block, Expression, FunctionNode, Label, Statement } from '../syntax/ast.ts'
import { labelOf } from '../syntax/scope.ts'
import { planLabels, type Region } from './goto-regions.ts'
import { mark } from './ir.ts'
import { type FunctionLowering, isCell } from './lower.ts'
import { AssignmentLowering } from './lower-assign.ts'
import { ExpressionLowering, isMultiple, type NestedFunction } from './lower-expression.ts'
import { LoopLowering } from './lower-loop.ts'
import type { Atom } from './lower-operand.ts'

export class StatementLowering {
  readonly f: FunctionLowering
  readonly e: ExpressionLowering
  private readonly assignment: AssignmentLowering
  private readonly loops: LoopLowering

  constructor(f: FunctionLowering, nested: NestedFunction) {
    this.f = f
    this.e = new ExpressionLowering(f, nested)
    this.assignment = new AssignmentLowering(this.e)
    this.loops = new LoopLowering(this.e, this.assignment, this)
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

  statements(list: readonly Statement[]): void {
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
        this.assignment.local(s.locals, s.values, s.line)
        break
      case 'assign':
        this.assignment.assign(s.targets, s.values, s.line)
        break
      case 'call':
        this.e.callStatement(s.call)
        break
      case 'do':
        this.block(s.body, s.line)
        break
      case 'while':
        this.loops.whileLoop(s)
        break
      case 'repeat':
        this.loops.repeatLoop(s)
        break
      case 'if':
        this.ifArms(s.arms, s.otherwise, s.line, 0)
        break
      case 'fornum':
        this.loops.numericFor(s)
        break
      case 'forin':
        this.loops.genericFor(s)
        break
      case 'localfunction':
        this.assignment.localFunction(s.local, s.node)
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
    if (!s.isNew) this.assignment.store(target, object, key, atom, line, true)
    const what = s.isNew ? 'define' : 'defined'
    const place = `${object.text}, ${key.text}, ${atom.text}, ${JSON.stringify(s.path)}`
    this.f.js(`$m.${what}(${place})`)
  }

  // --- control

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

function endsInJump(list: readonly Statement[]): boolean {
  const last = list[list.length - 1]
  return last?.kind === 'return' || last?.kind === 'break' || last?.kind === 'goto'
}
