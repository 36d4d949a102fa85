// Lowering of whole functions, and the text of nested ones. Pure; any thread.
//
// A function's text is made as soon as its owner's closure expression is lowered: by then the names of
// its upvalues are chosen. The same text serves the owner's plain version and its twin.
//
// A long function at the top of a module that can be reloaded is lowered when it is first called: what
// stands in its place makes the closure over its upvalues then (lazy-function.ts).

import { must } from '../../../base/assert.ts'
import type { FunctionNode, Local } from '../syntax/ast.ts'
import { emitFunction } from './emit-plain.ts'
import { identityMark } from './function-origin.ts'
import type { Backend, FunctionIr } from './ir.ts'
import { isLazy, lazyText, redirectText } from './lazy-function.ts'
import { type ChunkContext, FunctionLowering, isCell } from './lower.ts'
import { StatementLowering } from './lower-statement.ts'
import { functionName } from './names.ts'

/** Lowers all functions of a chunk; `irs[node.index]` is each one's intermediate form. */
export class ChunkLowering {
  readonly context: ChunkContext
  readonly backend: Backend
  readonly irs: (FunctionIr | undefined)[] = []
  /** Functions that have been lowered since this was last emptied. */
  readonly fresh: number[] = []

  constructor(context: ChunkContext, backend: Backend) {
    this.context = context
    this.backend = backend
  }

  /** The text of a function expression. */
  functionText(node: FunctionNode, ownName: string | undefined): string {
    return emitFunction(this.lower(node, ownName), node.index, this.backend)
  }

  /**
   * The text of a maker of this function's closures: it takes the upvalues, in their order.
   * @param isOld the closure stays what it is when the function is replaced
   */
  closureText(node: FunctionNode, isOld: boolean): string {
    const ir = this.lowered(node)
    const upvalues = [...node.upvalues].map((local) => local.js).join(', ')
    const text = emitFunction(isOld ? { ...ir, redirect: '' } : ir, node.index, this.backend)
    return `(${upvalues}) => ${text}`
  }

  /** A function within one that waits for its first call is lowered together with that. */
  private lowered(node: FunctionNode): FunctionIr {
    let top = node
    while (top.parent !== undefined && top.parent.index > 0) top = top.parent
    if (this.irs[top.index] === undefined) {
      for (const upvalue of top.upvalues) {
        // The place where it is declared is not run (module-shape.ts), so it has no name yet.
        if (upvalue.js === '') upvalue.js = `${upvalue.name}$u${top.index}`
      }
      this.lower(top, undefined)
    }
    return must(this.irs[node.index], 'a function is lowered with those around it')
  }

  private nestedText(owner: FunctionNode, node: FunctionNode, ownName: string | undefined): string {
    const waits = owner.index === 0 && isLazy(node, this.context.lazyLinesMin)
    return waits ? lazyText(this.context, node, ownName) : this.functionText(node, ownName)
  }

  private lower(node: FunctionNode, ownName: string | undefined): FunctionIr {
    const ir = this.makeIr(node, ownName)
    this.irs[node.index] = ir
    this.fresh.push(node.index)
    return ir
  }

  private makeIr(node: FunctionNode, ownName: string | undefined): FunctionIr {
    const f = new FunctionLowering(this.context, node)
    const { moduleLocals, numberTypes } = this.context
    // A closure that goes on after a reload brings upvalues of its own.
    const isShared = (local: Local) => moduleLocals?.has(local) === true || local.captured
    numberTypes.infer(node, moduleLocals === undefined ? () => false : isShared)
    const statements = new StatementLowering(f, (_, inner, name) =>
      this.nestedText(node, inner, name),
    )
    const name = ownName ?? f.names.fresh(functionName(node.name))
    const parameters: string[] = []
    const entry: string[] = []
    for (const local of node.parameters) {
      local.js = f.names.fresh(local.name)
      f.saved.add(local.js)
      parameters.push(local.js)
    }
    const isModule = this.context.moduleLocals !== undefined
    const redirect =
      isModule && node.index > 0 ? redirectText(this.context, node, name, parameters) : ''
    for (const local of node.parameters) {
      if (isCell(local)) entry.push(`${local.js} = { v: ${local.js} }`)
    }
    if (node.isVararg) f.saved.add('$va')
    if (node.hasClose) {
      for (const variable of ['$height', '$own']) {
        f.variables.push(variable)
        f.saved.add(variable)
      }
      entry.push('$height = $vm.toClose.length')
    }
    entry.push(f.budgetCheck)
    if (this.context.hooks) entry.push('$hookEnter()')
    statements.block(node.body, node.endLine)
    const { originNumber } = this.context
    if (originNumber !== undefined) entry.unshift(identityMark(originNumber, node.index))
    if (isModule && node.index === 0) {
      entry.unshift(this.localReaders())
      // Its twin stands in a script of its own.
      f.saved.add('$m')
    }
    // A parameter's cell is made at the entry, before anything parks.
    const unchanged = node.parameters.filter((local) => !local.assigned || isCell(local))
    return {
      name,
      parameters,
      rest: node.isVararg,
      body: f.out,
      variables: f.variables,
      saved: [...f.saved],
      fixed: new Set(['$va', '$m', ...[...node.upvalues, ...unchanged].map((local) => local.js)]),
      sites: f.siteLines.length - 1,
      siteLines: f.siteLines,
      flatOnly: f.flatOnly,
      line: node.line,
      endLine: node.endLine,
      redirect,
      entry: entry.join('; '),
      fallOff: f.fallOff(node.endLine),
    }
  }

  /** The main function of a module tells how its locals are read. */
  private localReaders(): string {
    const readers: string[] = []
    for (const [local, key] of this.context.moduleLocals ?? []) {
      if (local.js !== '') readers.push(`${JSON.stringify(key)}: () => ${local.js}`)
    }
    return `$m.locals({ ${readers.join(', ')} })`
  }
}
