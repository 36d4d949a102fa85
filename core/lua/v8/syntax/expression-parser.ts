// The half of the parser that reads expressions, over the current token. Pure; any thread.
//
// Recursive descent with PUC's priorities; what two numeric constants make is computed here. Function
// bodies hold statements, so the other half (parser.ts) reads them. `level` counts the nesting of both.

import type { BinaryOp, Expression, Local, TableItem, UnaryOp } from './ast.ts'
import { arithConstants, negateConstant } from './constant-fold.ts'
import { nameFunction } from './function-names.ts'
import { endToken, type Lexer, nameToken, numberToken, stringToken } from './lexer.ts'
import type { FunctionScope } from './scope.ts'

/** Left and right priority of each binary operator; right below left makes it right associative. */
const priorities: Readonly<Record<string, readonly [number, number]>> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  '|': [4, 4],
  '~': [5, 5],
  '&': [6, 6],
  '<<': [7, 7],
  '>>': [7, 7],
  '..': [9, 8],
  '+': [10, 10],
  '-': [10, 10],
  '*': [11, 11],
  '/': [11, 11],
  '//': [11, 11],
  '%': [11, 11],
  '^': [14, 13],
}
const unaryPriority = 12
const unaryOps = new Set(['-', 'not', '#', '~'])
/** Nesting of syntax, as LUAI_MAXCCALLS bounds it. */
export const levelsMax = 200

/** Constants that stand for a `<const>` local, for the message when one is assigned to. */
export const constantNames = new WeakMap<Expression, string>()

function quoted(kind: string): string {
  return kind === nameToken || kind === endToken ? kind : `'${kind}'`
}

export abstract class ExpressionParser {
  readonly lexer: Lexer
  scope: FunctionScope
  protected level = 0

  constructor(lexer: Lexer, scope: FunctionScope) {
    this.lexer = lexer
    this.scope = scope
  }

  /** Reads parameters and body, with `function` (and a name) passed already. */
  protected abstract functionBody(
    isMethod: boolean,
    line: number,
    name: string,
  ): Extract<Expression, { kind: 'function' }>

  // --- tokens

  protected test(kind: string): boolean {
    if (this.lexer.kind !== kind) return false
    this.lexer.next()
    return true
  }

  protected expect(kind: string): void {
    if (this.lexer.kind !== kind) this.lexer.failNear(`${quoted(kind)} expected`)
    this.lexer.next()
  }

  protected expectMatch(kind: string, opener: string, line: number): void {
    if (this.test(kind)) return
    if (line === this.lexer.line) this.lexer.failNear(`${quoted(kind)} expected`)
    this.lexer.failNear(`${quoted(kind)} expected (to close '${opener}' at line ${line})`)
  }

  protected name(): string {
    if (this.lexer.kind !== nameToken) this.lexer.failNear('<name> expected')
    const name = this.lexer.text
    this.lexer.next()
    return name
  }

  protected enter(): void {
    if (++this.level > levelsMax) this.lexer.failNear('C stack overflow')
  }

  // --- expressions

  protected expressionList(): Expression[] {
    const list = [this.expression()]
    while (this.test(',')) list.push(this.expression())
    return list
  }

  expression(limit = 0): Expression {
    this.enter()
    const lexer = this.lexer
    let left: Expression
    if (unaryOps.has(lexer.kind)) {
      const op = lexer.kind as UnaryOp
      const line = lexer.line
      lexer.next()
      left = makeUnary(op, this.expression(unaryPriority), line)
    } else left = this.simpleExpression()
    for (;;) {
      const op = lexer.kind
      const priority = priorities[op]
      if (priority === undefined || priority[0] <= limit) break
      const line = lexer.line
      lexer.next()
      const right = this.expression(priority[1])
      left =
        op === 'and' || op === 'or'
          ? { kind: op, left, right, line }
          : makeBinary(op as BinaryOp, left, right, line)
    }
    this.level--
    return left
  }

  protected simpleExpression(): Expression {
    const lexer = this.lexer
    const line = lexer.line
    switch (lexer.kind) {
      case numberToken: {
        const value = lexer.number
        lexer.next()
        return { kind: 'constant', value, line }
      }
      case stringToken: {
        const value = lexer.text
        lexer.next()
        return { kind: 'constant', value, line }
      }
      case 'nil':
        lexer.next()
        return { kind: 'constant', value: undefined, line }
      case 'true':
      case 'false': {
        const value = lexer.kind === 'true'
        lexer.next()
        return { kind: 'constant', value, line }
      }
      case '...':
        if (!this.scope.node.isVararg) {
          lexer.failNear("cannot use '...' outside a vararg function")
        }
        lexer.next()
        return { kind: 'vararg', line }
      case '{':
        return this.tableConstructor()
      case 'function':
        lexer.next()
        return this.functionBody(false, line, '')
      default:
        return this.suffixedExpression()
    }
  }

  protected primaryExpression(): Expression {
    const lexer = this.lexer
    const line = lexer.line
    if (lexer.kind === nameToken) return this.variable(this.name(), line)
    if (lexer.kind === '(') {
      lexer.next()
      const inner = this.expression()
      this.expectMatch(')', '(', line)
      const multiple = inner.kind === 'call' || inner.kind === 'method' || inner.kind === 'vararg'
      // Parentheses cut to one value, and make what is inside no target of an assignment.
      return multiple || inner.kind === 'local' || inner.kind === 'index'
        ? { kind: 'paren', inner, line }
        : inner
    }
    return lexer.failNear('unexpected symbol')
  }

  protected variable(name: string, line: number): Expression {
    const local = this.scope.find(this.lexer, name)
    if (local !== undefined) {
      if (local.constant === undefined) return { kind: 'local', local, line }
      const constant: Expression = { kind: 'constant', value: local.constant.value, line }
      constantNames.set(constant, name)
      return constant
    }
    const env = this.scope.find(this.lexer, '_ENV') as Local
    return {
      kind: 'index',
      object: { kind: 'local', local: env, line },
      key: { kind: 'constant', value: name, line },
      line,
      global: true,
    }
  }

  protected suffixedExpression(): Expression {
    const lexer = this.lexer
    let left = this.primaryExpression()
    for (;;) {
      const line = lexer.line
      switch (lexer.kind) {
        case '.': {
          lexer.next()
          const key: Expression = { kind: 'constant', value: this.name(), line }
          left = { kind: 'index', object: left, key, line, global: false }
          break
        }
        case '[': {
          lexer.next()
          const key = this.expression()
          this.expect(']')
          left = { kind: 'index', object: left, key, line, global: false }
          break
        }
        case ':': {
          lexer.next()
          const name = this.name()
          const args = this.callArguments()
          left = { kind: 'method', object: left, name, args, line }
          break
        }
        case '(':
        case '{':
        case stringToken: {
          const args = this.callArguments()
          left = { kind: 'call', callee: left, args, line }
          break
        }
        default:
          return left
      }
    }
  }

  protected callArguments(): Expression[] {
    const lexer = this.lexer
    const line = lexer.line
    if (lexer.kind === stringToken) {
      const value = lexer.text
      lexer.next()
      return [{ kind: 'constant', value, line }]
    }
    if (lexer.kind === '{') return [this.tableConstructor()]
    if (lexer.kind !== '(') lexer.failNear('function arguments expected')
    lexer.next()
    if (this.test(')')) return []
    const args = this.expressionList()
    this.expectMatch(')', '(', line)
    return args
  }

  protected tableConstructor(): Expression {
    const lexer = this.lexer
    const line = lexer.line
    this.expect('{')
    const items: TableItem[] = []
    while (lexer.kind !== '}') {
      items.push(this.tableItem())
      if (!this.test(',') && !this.test(';')) break
    }
    this.expectMatch('}', '{', line)
    return { kind: 'table', items, line }
  }

  protected tableItem(): TableItem {
    const lexer = this.lexer
    const line = lexer.line
    if (lexer.kind === '[') {
      lexer.next()
      const key = this.expression()
      this.expect(']')
      this.expect('=')
      return { kind: 'pair', key, value: this.expression() }
    }
    if (lexer.kind === nameToken && lexer.peek() === '=') {
      const name = this.name()
      this.expect('=')
      const value = this.expression()
      nameFunction(value, name)
      return { kind: 'pair', key: { kind: 'constant', value: name, line }, value }
    }
    return { kind: 'item', value: this.expression() }
  }
}

function makeUnary(op: UnaryOp, operand: Expression, line: number): Expression {
  if (op === '-' && operand.kind === 'constant') {
    const value = negateConstant(operand.value)
    if (value !== undefined) return { kind: 'constant', value, line }
  }
  return { kind: 'unary', op, operand, line }
}

function makeBinary(op: BinaryOp, left: Expression, right: Expression, line: number): Expression {
  if (left.kind === 'constant' && right.kind === 'constant') {
    const value = arithConstants(op, left.value, right.value)
    if (value !== undefined) return { kind: 'constant', value, line }
  }
  return { kind: 'binary', op, left, right, line }
}
