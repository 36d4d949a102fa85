// Where generated code stands and what its operands are called, for error messages only.
//
// Any Lua thread. Each operation that may fail hands its slow path its site, which knows chunk and line
// and how the source names the operands ("local 'p'", "field 'gold'", "global 'x'", "upvalue 'n'",
// "constant 'a'", "method 'buy'"). Generated code finds a site in the list of its chunk (`$s[12]`),
// so that it is looked up only on a slow path, and goes when the code goes.

export interface Site {
  readonly chunk: string
  readonly line: number
  /** How the source names the first and second operand; empty when it has no name for it. */
  readonly a: string
  readonly b: string
}

/** A library function had the operation done: messages tell no position. */
export const noSite: Site = { chunk: '', line: 0, a: '', b: '' }

/** Somewhere in generated code: the stack tells where. */
export const someSite: Site = { ...noSite }

/** `chunk:line: `, as it stands before a message; empty for `noSite`. */
export function sitePosition(site: Site): string {
  return site.line === 0 ? '' : `${site.chunk}:${site.line}: `
}

/** ` (local 'p')`, or nothing. */
export function operandA(site: Site): string {
  return site.a === '' ? '' : ` (${site.a})`
}

/** As operandA, for the second operand. */
export function operandB(site: Site): string {
  return site.b === '' ? '' : ` (${site.b})`
}
