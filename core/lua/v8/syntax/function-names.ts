// What functions are called in tracebacks: after what they are assigned to. Pure.

import type { Expression, Local } from './ast.ts'

/** Names a function expression that has no name yet. */
export function nameFunction(value: Expression, name: string): void {
  if (value.kind === 'function' && value.node.name === '') value.node.name = name
}

export function nameFunctions(locals: readonly Local[], values: readonly Expression[]): void {
  values.forEach((value, i) => {
    const local = locals[i]
    if (local !== undefined) nameFunction(value, local.name)
  })
}

export function nameAssigned(targets: readonly Expression[], values: readonly Expression[]): void {
  values.forEach((value, i) => {
    const target = targets[i]
    if (target !== undefined) nameFunction(value, dottedName(target))
  })
}

/** `a.b.c` of a chain of constant names; empty when it is none. */
export function dottedName(target: Expression): string {
  if (target.kind === 'local') return target.local.name
  if (target.kind !== 'index' || target.key.kind !== 'constant') return ''
  const key = target.key.value
  if (typeof key !== 'string') return ''
  if (target.global) return key
  const object = dottedName(target.object)
  return object === '' ? key : `${object}.${key}`
}
