// Lowering of loops. Pure.
//
// A while or repeat is an endless loop that is left by a jump; a numeric for stays a loop with a
// counter, which V8 knows best. Its bounds are looked at once: what is not plain small integers goes
// through for-loop.ts. Every turn looks at the budget.

import type { Block, Expression, Statement } from '../syntax/ast.ts'
import { numberLiteral } from './inline-ops.ts'
import { mark, type Target } from './ir.ts'
import { type FunctionLowering, isCell } from './lower.ts'
import type { AssignmentLowering } from './lower-assign.ts'
import type { ExpressionLowering } from './lower-expression.ts'
import type { Atom } from './lower-operand.ts'

/** Lowers what stands in a loop; lower-statement.ts, which depends on this file, is one. */
export interface BodyLowering {
  block(block: Block, endLine: number): void
  statements(list: readonly Statement[]): void
}

export class LoopLowering {
  private readonly f: FunctionLowering
  private readonly e: ExpressionLowering
  private readonly assignment: AssignmentLowering
  private readonly body: BodyLowering

  constructor(e: ExpressionLowering, assignment: AssignmentLowering, body: BodyLowering) {
    this.f = e.f
    this.e = e
    this.assignment = assignment
    this.body = body
  }

  whileLoop(s: Extract<Statement, { kind: 'while' }>): void {
    const f = this.f
    const target = f.target('while$')
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => {
      f.js(f.budgetCheck)
      f.hookLine(s.line)
      const condition = this.e.condition(s.condition)
      if (condition !== 'true') this.jumpUnless(condition, target)
      this.body.block(s.body, s.line)
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

  repeatLoop(s: Extract<Statement, { kind: 'repeat' }>): void {
    const f = this.f
    const target = f.target('repeat$')
    f.leavables.push({ breakTarget: target, height: undefined })
    const body = f.collect(() => {
      f.js(f.budgetCheck)
      const { hasClose } = s.body
      const height = hasClose ? f.variable('$close') : undefined
      if (height !== undefined) f.js(`${height} = $vm.toClose.length`)
      f.leavables.push({ breakTarget: undefined, height })
      this.body.statements(s.body.statements)
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

  numericFor(s: Extract<Statement, { kind: 'fornum' }>): void {
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
      this.assignment.initLocal(s.variable, valueText)
      this.body.block(s.body, s.line)
      f.hookTurn(s.line)
    })
    f.leavables.pop()
    f.out.push({ op: 'for', target, condition, step: `${counter} += ${stepText}`, body })
  }

  genericFor(s: Extract<Statement, { kind: 'forin' }>): void {
    const f = this.f
    const texts = this.assignment.values(s.values, 4)
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
    this.e.spread(names as [string, ...string[]])
    this.jumpUnless(`${first} !== undefined`, target)
    f.js(`${control} = ${first}`)
    s.variables.forEach((local, i) => {
      if (isCell(local)) f.js(`${local.js} = { v: ${names[i]} }`)
    })
    f.hookBackJump()
    this.body.block(s.body, s.line)
  }
}

function smallInteger(e: Expression): number | undefined {
  if (e.kind !== 'constant' || typeof e.value !== 'number') return undefined
  return (e.value | 0) === e.value ? e.value : undefined
}
