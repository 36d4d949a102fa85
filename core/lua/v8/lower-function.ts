// Lowering of whole functions, and the text of nested ones. Pure; any thread.
//
// A function's text is made as soon as its owner's closure expression is lowered: by then the names of
// its upvalues are chosen. The same text serves the owner's plain version and its twin.

import type { FunctionNode } from './ast.ts'
import { emitFunction } from './emit-plain.ts'
import type { Backend, FunctionIr } from './ir.ts'
import { type ChunkContext, FunctionLowering, isCell } from './lower.ts'
import { StatementLowering } from './lower-statement.ts'
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
      entry: entry.join('; '),
    }
  }
}
