// The parser: Lua 5.4 source to a resolved syntax tree. Pure; any thread.
//
// Recursive descent with PUC's limits, messages and positions; 5.3 sources are valid, too. Here are
// chunks, functions and statements; expression-parser.ts reads what stands in them.

import type { Value } from '../run/value.ts'
import type { Block, Expression, FunctionNode, IfArm, Local, Statement } from './ast.ts'
import { constantNames, ExpressionParser, levelsMax } from './expression-parser.ts'
import { nameAssigned, nameFunctions } from './function-names.ts'
import { endToken, Lexer, nameToken } from './lexer.ts'
import { FunctionScope, makeLocal } from './scope.ts'

export interface Chunk {
  readonly name: string
  readonly main: FunctionNode
  /** What the main function finds outside: `_ENV`; all upvalues of a function from a dump. */
  readonly outer: readonly Local[]
  /** All functions, in order of source; `functions[i].index === i`. */
  readonly functions: readonly FunctionNode[]
}

/**
 * Parses a whole chunk.
 * @param source byte string @param name as messages show it @throws SyntaxFailure
 */
export function parseChunk(source: string, name: string): Chunk {
  return new Parser(new Lexer(source, name), name).chunk()
}

/** A function that was taken out of its chunk: its text, and what it found outside. */
export interface FunctionText {
  readonly text: string
  readonly isMain: boolean
  readonly isMethod: boolean
  /** Where it is defined, and the line on which `text` begins. */
  readonly line: number
  readonly bodyLine: number
  readonly name: string
  readonly upvalues: readonly string[]
  readonly constants: ReadonlyMap<string, Value>
}

/** Parses a single function as the main one of a chunk. @throws SyntaxFailure */
export function parseFunction(fn: FunctionText, name: string): Chunk {
  return new Parser(new Lexer(fn.text, name, fn.bodyLine), name).single(fn)
}

class Parser extends ExpressionParser {
  readonly chunkName: string
  readonly functions: FunctionNode[] = []

  constructor(lexer: Lexer, chunkName: string) {
    // An outermost scope that only declares _ENV; the main function is inside it.
    super(lexer, new FunctionScope(makeFunction(undefined, 0, -1), undefined))
    this.chunkName = chunkName
  }

  chunk(): Chunk {
    const lexer = this.lexer
    const env = this.scope.declare(lexer, '_ENV', 'none', 0)
    this.scope.activate(env)
    lexer.next()
    return this.finished(this.mainFunction(), [env])
  }

  single(fn: FunctionText): Chunk {
    const { lexer, scope } = this
    const declare = (name: string): Local => {
      const local = makeLocal(name, scope.node, 'none', 0)
      scope.activate(local)
      return local
    }
    for (const [name, value] of fn.constants) declare(name).constant = { value }
    // A text that was made by hand may look for it though it is none of its upvalues.
    declare('_ENV')
    const outer = fn.upvalues.map(declare)
    lexer.next()
    if (fn.isMain) return this.finished(this.mainFunction(), outer)
    const { node } = this.functionBody(fn.isMethod, fn.line, fn.name)
    if (lexer.kind !== endToken) lexer.failNear('<eof> expected')
    return this.finished(node, outer)
  }

  private finished(main: FunctionNode, outer: readonly Local[]): Chunk {
    return { name: this.chunkName, main, outer, functions: this.functions }
  }

  private mainFunction(): FunctionNode {
    const { lexer } = this
    const main = this.openFunction(0)
    const { node } = main
    node.name = 'main'
    node.isVararg = true
    node.bodyLine = lexer.firstLine
    this.block(false)
    if (lexer.kind !== endToken) lexer.failNear('<eof> expected')
    node.body = main.closeBlock(lexer)
    node.endLine = lexer.lastLine
    node.end = lexer.source.length
    return node
  }

  private openFunction(line: number): FunctionScope {
    const node = makeFunction(this.scope.node, line, this.functions.length)
    this.functions.push(node)
    this.scope = new FunctionScope(node, this.scope)
    this.scope.openBlock(false)
    return this.scope
  }

  // --- statements

  private blockEnds(withUntil: boolean): boolean {
    switch (this.lexer.kind) {
      case 'else':
      case 'elseif':
      case 'end':
      case endToken:
        return true
      case 'until':
        return withUntil
      default:
        return false
    }
  }

  /** Statements into the innermost open block; with `own`, a block of its own. */
  private block(own: true, isLoop?: boolean): Block
  private block(own: false): undefined
  private block(own: boolean, isLoop = false): Block | undefined {
    if (own) this.scope.openBlock(isLoop)
    const statements = this.scope.block?.block.statements ?? []
    while (!this.blockEnds(true)) {
      if (this.lexer.kind === 'return') {
        statements.push(this.returnStatement())
        break
      }
      this.enter()
      this.statement(statements)
      this.level--
    }
    return own ? this.scope.closeBlock(this.lexer) : undefined
  }

  private statement(into: Statement[]): void {
    const lexer = this.lexer
    const line = lexer.line
    switch (lexer.kind) {
      case ';':
        lexer.next()
        return
      case 'if':
        into.push(this.ifStatement(line))
        return
      case 'while':
        into.push(this.whileStatement(line))
        return
      case 'do': {
        lexer.next()
        const body = this.block(true)
        this.expectMatch('end', 'do', line)
        into.push({ kind: 'do', body, line })
        return
      }
      case 'for':
        into.push(this.forStatement(line))
        return
      case 'repeat':
        into.push(this.repeatStatement(line))
        return
      case 'function':
        into.push(this.functionStatement(line))
        return
      case 'local':
        lexer.next()
        into.push(this.test('function') ? this.localFunction(line) : this.localStatement(line))
        return
      case '::':
        lexer.next()
        this.labelStatement(into, line)
        return
      case 'break':
        lexer.next()
        into.push(this.breakStatement(line))
        return
      case 'goto': {
        lexer.next()
        into.push({ kind: 'goto', label: this.scope.goto(this.name(), line), line })
        return
      }
      default:
        into.push(this.expressionStatement(line))
    }
  }

  private breakStatement(line: number): Statement {
    for (let scope = this.scope.block; scope !== undefined; scope = scope.outer) {
      if (scope.isLoop) return { kind: 'break', line }
    }
    return this.lexer.fail(`break outside a loop at line ${line}`, this.lexer.describe())
  }

  private labelStatement(into: Statement[], line: number): void {
    const name = this.name()
    this.expect('::')
    // Void statements behind the label do not count: PUC skips them before it looks.
    while (this.lexer.kind === ';' || this.lexer.kind === '::') {
      this.statement(into)
    }
    const last = this.blockEnds(false)
    into.push({ kind: 'label', label: this.scope.label(this.lexer, name, line, last), line })
  }

  private ifStatement(line: number): Statement {
    const arms: IfArm[] = []
    let otherwise: Block | undefined
    do {
      this.lexer.next()
      const condition = this.expression()
      this.expect('then')
      arms.push({ condition, body: this.block(true) })
    } while (this.lexer.kind === 'elseif')
    if (this.test('else')) otherwise = this.block(true)
    this.expectMatch('end', 'if', line)
    return { kind: 'if', arms, otherwise, line }
  }

  private whileStatement(line: number): Statement {
    this.lexer.next()
    this.scope.loopDepth++
    const condition = this.expression()
    this.scope.loopDepth--
    this.expect('do')
    const body = this.block(true, true)
    this.expectMatch('end', 'while', line)
    return { kind: 'while', condition, body, line }
  }

  private repeatStatement(line: number): Statement {
    this.lexer.next()
    this.scope.openBlock(true)
    // The condition sees the body's locals: it is parsed inside the inner block.
    this.scope.openBlock(false)
    this.block(false)
    this.expectMatch('until', 'repeat', line)
    const endLine = this.lexer.line
    const condition = this.expression()
    const body = this.scope.closeBlock(this.lexer)
    this.scope.closeBlock(this.lexer)
    return { kind: 'repeat', condition, body, line, endLine }
  }

  private forStatement(line: number): Statement {
    this.lexer.next()
    const name = this.name()
    switch (this.lexer.kind) {
      case '=':
        return this.numericFor(name, line)
      case ',':
      case 'in':
        return this.genericFor(name, line)
      default:
        return this.lexer.failNear("'=' or 'in' expected")
    }
  }

  private numericFor(name: string, line: number): Statement {
    this.lexer.next()
    const start = this.expression()
    this.expect(',')
    const limit = this.expression()
    const step = this.test(',') ? this.expression() : undefined
    const { locals, body } = this.loopBody([name], line)
    const variable = locals[0] as Local
    return { kind: 'fornum', variable, start, limit, step, body, line }
  }

  private genericFor(first: string, line: number): Statement {
    const names = [first]
    while (this.test(',')) names.push(this.name())
    this.expect('in')
    const callLine = this.lexer.line
    const values = this.expressionList()
    this.scope.node.hasClose = true
    const { locals, body } = this.loopBody(names, line)
    return { kind: 'forin', variables: locals, values, body, line, callLine }
  }

  private loopBody(names: string[], line: number): { locals: Local[]; body: Block } {
    this.expect('do')
    const scope = this.scope
    scope.openBlock(true)
    const locals = names.map((name) => scope.declare(this.lexer, name, 'none', line))
    for (const local of locals) scope.activate(local)
    const body = this.block(true)
    scope.closeBlock(this.lexer)
    this.expectMatch('end', 'for', line)
    return { locals, body }
  }

  private functionStatement(line: number): Statement {
    this.lexer.next()
    const nameLine = this.lexer.line
    let name = this.name()
    let target = this.variable(name, nameLine)
    let isMethod = false
    while (this.lexer.kind === '.' || this.lexer.kind === ':') {
      isMethod = this.lexer.kind === ':'
      this.lexer.next()
      const key = this.name()
      name += (isMethod ? ':' : '.') + key
      target = {
        kind: 'index',
        object: target,
        key: { kind: 'constant', value: key, line },
        line,
        global: false,
      }
      if (isMethod) break
    }
    this.checkAssignable(target)
    const value = this.functionBody(isMethod, line, name)
    return { kind: 'assign', targets: [target], values: [value], line }
  }

  private localFunction(line: number): Statement {
    const name = this.name()
    const local = this.scope.declare(this.lexer, name, 'none', line)
    this.scope.activate(local)
    const value = this.functionBody(false, line, name)
    return { kind: 'localfunction', local, node: value.node, line }
  }

  private localStatement(line: number): Statement {
    const scope = this.scope
    const locals: Local[] = []
    do {
      const nameLine = this.lexer.line
      const name = this.name()
      locals.push(scope.declare(this.lexer, name, this.attribute(), nameLine))
      if (scope.active.length + locals.length > 200) {
        scope.failLimit(this.lexer, 200, 'local variables')
      }
      if (locals.filter((local) => local.attrib === 'close').length > 1) {
        this.lexer.failAt('multiple to-be-closed variables in local list', this.lexer.line)
      }
    } while (this.test(','))
    const values = this.test('=') ? this.expressionList() : []
    nameFunctions(locals, values)
    const [only] = locals
    const value = values[0]
    if (only?.attrib === 'const' && locals.length === 1 && value?.kind === 'constant') {
      only.constant = { value: value.value }
    }
    for (const local of locals) {
      scope.activate(local)
      if (local.attrib === 'close') {
        scope.node.hasClose = true
        if (scope.block !== undefined) scope.block.block.hasClose = true
      }
    }
    return { kind: 'local', locals, values, line }
  }

  private attribute(): Local['attrib'] {
    if (!this.test('<')) return 'none'
    const attribute = this.name()
    this.expect('>')
    if (attribute === 'const' || attribute === 'close') return attribute
    return this.lexer.failAt(`unknown attribute '${attribute}'`, this.lexer.line)
  }

  private returnStatement(): Statement {
    const line = this.lexer.line
    this.lexer.next()
    const ends = this.blockEnds(true) || this.lexer.kind === ';'
    const values = ends ? [] : this.expressionList()
    this.test(';')
    return { kind: 'return', values, line }
  }

  private expressionStatement(line: number): Statement {
    const expression = this.suffixedExpression()
    if (this.lexer.kind === '=' || this.lexer.kind === ',') {
      const targets = [expression]
      this.checkAssignable(expression)
      while (this.test(',')) {
        const target = this.suffixedExpression()
        this.checkAssignable(target)
        targets.push(target)
        if (targets.length + this.level > levelsMax) this.lexer.failNear('C stack overflow')
      }
      this.expect('=')
      const values = this.expressionList()
      nameAssigned(targets, values)
      return { kind: 'assign', targets, values, line }
    }
    if (expression.kind !== 'call' && expression.kind !== 'method') {
      this.lexer.failNear('syntax error')
    }
    return { kind: 'call', call: expression, line }
  }

  private checkAssignable(target: Expression): void {
    const constant = constantNames.get(target)
    if (constant !== undefined) this.failConst(constant)
    if (target.kind === 'index') return
    if (target.kind !== 'local') this.lexer.failNear('syntax error')
    if (target.local.attrib !== 'none') this.failConst(target.local.name)
    target.local.assigned = true
  }

  private failConst(name: string): never {
    return this.lexer.failAt(`attempt to assign to const variable '${name}'`, this.lexer.line)
  }

  // --- functions

  protected override functionBody(
    isMethod: boolean,
    line: number,
    name: string,
  ): Extract<Expression, { kind: 'function' }> {
    const outer = this.scope
    const lexer = this.lexer
    const scope = this.openFunction(line)
    const node = scope.node
    node.name = name
    node.isMethod = isMethod
    node.start = lexer.start
    node.bodyLine = lexer.line
    if (isMethod) this.parameter(scope, 'self')
    this.expect('(')
    if (lexer.kind !== ')') {
      do {
        if (lexer.kind === '...') {
          lexer.next()
          node.isVararg = true
          break
        }
        if (lexer.kind !== nameToken) lexer.failNear('<name> expected')
        this.parameter(scope, this.name())
      } while (this.test(','))
    }
    this.expect(')')
    this.block(false)
    node.endLine = lexer.line
    node.end = lexer.start + 'end'.length
    this.expectMatch('end', 'function', line)
    node.body = scope.closeBlock(lexer)
    this.scope = outer
    return { kind: 'function', node, line }
  }

  private parameter(scope: FunctionScope, name: string): void {
    const local = scope.declare(this.lexer, name, 'none', this.lexer.line)
    scope.node.parameters.push(local)
    scope.activate(local)
  }
}

function makeFunction(parent: FunctionNode | undefined, line: number, index: number): FunctionNode {
  return {
    parent,
    line,
    endLine: line,
    name: '',
    parameters: [],
    isVararg: false,
    body: { statements: [], hasClose: false },
    upvalues: new Set(),
    hasClose: false,
    index,
    path: '',
    isMethod: false,
    start: 0,
    end: 0,
    bodyLine: 0,
    constants: undefined,
  }
}
