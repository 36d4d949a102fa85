// Operands while expressions are lowered: texts without effect, and what the source calls them. Pure.

import { isFieldName } from '../run/field.ts'
import type { Expression, FunctionNode, Local } from '../syntax/ast.ts'
import type { Operand } from './inline-ops.ts'
import { isCell } from './lower.ts'

/** An operand; `stable`: no later effect changes what its text means. */
export interface Atom extends Operand {
  readonly stable: boolean
  /** The text is true or false, never another value. */
  readonly boolean?: boolean
}

/** What stands for a local in JavaScript, to be read or assigned to. */
export function localText(local: Local): string {
  return isCell(local) ? `${local.js}.v` : local.js
}

/** A constant key that is a field of `rec`. */
export function fieldName(key: Atom): string | undefined {
  const name = key.constant?.value
  if (typeof name !== 'string' || !isFieldName(name)) return undefined
  return name
}

/** Can evaluating this neither have an effect nor fail? */
export function isQuiet(e: Expression): boolean {
  return e.kind === 'constant' || e.kind === 'local' || e.kind === 'vararg'
}

// --- what the source calls an operand

/** As PUC's varinfo: only locals, upvalues, and string constants have a name as operands. */
export function operandName(e: Expression, node: FunctionNode): string {
  switch (e.kind) {
    case 'local':
      return `${e.local.owner === node ? 'local' : 'upvalue'} '${e.local.name}'`
    case 'constant':
      return typeof e.value === 'string' ? `constant '${e.value}'` : ''
    case 'index':
      if (e.key.kind !== 'constant' || typeof e.key.value !== 'string') return `field '?'`
      return `${e.global ? 'global' : 'field'} '${e.key.value}'`
    case 'paren':
      return operandName(e.inner, node)
    default:
      return ''
  }
}
