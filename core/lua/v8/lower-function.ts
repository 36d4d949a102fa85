// Lowering of whole functions, and the text of nested ones. Pure; any thread.
//
// A function's text is made as soon as its owner's closure expression is lowered: by then the names of
// its upvalues are chosen. The same text serves the owner's plain version and its twin.

import type { FunctionNode } from './ast.ts'
import { emitFunction } from './emit-plain.ts'
import type { Backend, FunctionIr } from './ir.ts'
import { type ChunkContext, FunctionLowering, isCell } from './lower.ts'
import { StatementLowering } from './lower-statement.ts'
import { identityMark } from './module.ts'
import { functionName } from './names.ts'

/** Lowers all functions of a chunk; `irs[node.index]` is each one's intermediate form. */
export class ChunkLowering {
  readonly context: ChunkContext
  readonly backend: Backend
  readonly irs: FunctionIr[] = []

  constructor(context: ChunkContext, backend: Backend) {
    this.context = context
    this.backend = backend
  }

  /** The text of a function expression. */
  functionText(node: FunctionNode, ownName: string | undefined): string {
    const ir = this.lower(node, ownName)
    this.irs[node.index] = ir
    return emitFunction(ir, node.index, this.backend)
  }

  /** Lowers functions whose place in the text is not run; `closureText` makes them reachable. */
  lowerTheRest(functions: readonly FunctionNode[]): void {
    for (const node of functions) {
      if (this.irs[node.index] !== undefined) continue
      for (const upvalue of node.upvalues) {
        if (upvalue.js === '') upvalue.js = `${upvalue.name}$u${node.index}`
      }
      this.functionText(node, undefined)
    }
  }

  /**
   * The text of a maker of this function's closures: it takes the upvalues, in their order.
   * @param isOld the closure stays what it is when the function is replaced
   */
  closureText(node: FunctionNode, isOld: boolean): string {
    const upvalues = [...node.upvalues].map((local) => local.js).join(', ')
    const ir = this.irs[node.index] as FunctionIr
    const text = emitFunction(isOld ? { ...ir, redirect: '' } : ir, node.index, this.backend)
    return `(${upvalues}) => ${text}`
  }

  private lower(node: FunctionNode, ownName: string | undefined): FunctionIr {
    const f = new FunctionLowering(this.context, node)
    const statements = new StatementLowering(f, (_, inner, name) => this.functionText(inner, name))
    const name = ownName ?? f.names.fresh(functionName(node.name))
    const parameters: string[] = []
    const entry: string[] = []
    for (const local of node.parameters) {
      local.js = f.names.fresh(local.name)
      f.saved.add(local.js)
      parameters.push(local.js)
    }
    const isModule = this.context.moduleLocals !== undefined
    const redirect = isModule && node.index > 0 ? this.redirect(node, name, parameters) : ''
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
    statements.block(node.body, node.endLine)
    if (isModule && node.index === 0) entry.unshift(this.localReaders())
    return {
      name,
      parameters,
      rest: node.isVararg,
      body: f.out,
      variables: f.variables,
      saved: [...f.saved],
      fixed: new Set(['$va', ...[...node.upvalues].map((upvalue) => upvalue.js)]),
      sites: f.siteLines.length - 1,
      siteLines: f.siteLines,
      flatOnly: f.flatOnly,
      line: node.line,
      endLine: node.endLine,
      redirect,
      entry: entry.join('; '),
    }
  }

  /** How a function leaves for the one that has replaced it. */
  private redirect(node: FunctionNode, name: string, parameters: readonly string[]): string {
    const point = this.context.constant(`$P[${node.index}]`)
    const self = parameters.includes(name) ? 'undefined' : name
    const upvalues = [...node.upvalues].map((local) => local.js).join(', ')
    const args = [...parameters, ...(node.isVararg ? ['...$va'] : [])].join(', ')
    const mark = identityMark(this.context.moduleText, node.index)
    return `if (${point}.r !== null) ${mark} return ${point}.r(${self}, [${upvalues}])(${args})`
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
