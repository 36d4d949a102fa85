// The syntax tree, with names already resolved. Pure data; any thread.
//
// The parser resolves while it reads (Lua needs no second look): a name is a Local or a field of
// `_ENV`, itself a Local of the chunk. What the emitter must know about a Local is gathered on it.

import type { Value } from '../run/value.ts'

/** A local variable or parameter; also `_ENV` of a chunk. */
export interface Local {
  readonly name: string
  /** The function that declares it. */
  readonly owner: FunctionNode
  readonly attrib: 'none' | 'const' | 'close'
  readonly line: number
  /** Some inner function uses it. */
  captured: boolean
  /** It is assigned to after its declaration. */
  assigned: boolean
  /** It is declared inside a loop of its function, or where a goto can come back to. */
  inLoop: boolean
  /** The value of a `<const>` that is known when compiling. */
  constant: { readonly value: Value } | undefined
  /** Its name in JavaScript; the emitter sets it. */
  js: string
}

/** A function body. */
export interface FunctionNode {
  readonly parent: FunctionNode | undefined
  readonly line: number
  endLine: number
  /** For tracebacks and profiles: `bag.handler.buy`. */
  name: string
  readonly parameters: Local[]
  isVararg: boolean
  body: Block
  /** Locals of outer functions that it, or a function in it, uses. */
  readonly upvalues: Set<Local>
  /** It has variables to be closed, here or as a generic for's fourth value. */
  hasClose: boolean
  /** Its place in the chunk: 0 is the main function, then in order of source. */
  readonly index: number
  /** Lexical path for reload: names of enclosing functions and its own, with an ordinal. */
  path: string
  /** Its first parameter is `self`, which the source does not write. */
  isMethod: boolean
  /** Where its text is in the source: from its parenthesis (its line: `bodyLine`) to behind `end`. */
  start: number
  end: number
  bodyLine: number
  /** Constants of outer functions that were put in its text's place; undefined when there are none. */
  constants: Map<string, Value> | undefined
}

export interface Block {
  readonly statements: Statement[]
  /** The block has a `<close>` variable of its own. */
  hasClose: boolean
}

export type Expression =
  | { kind: 'constant'; value: Value; line: number }
  | { kind: 'vararg'; line: number }
  | { kind: 'function'; node: FunctionNode; line: number }
  | { kind: 'local'; local: Local; line: number }
  | { kind: 'index'; object: Expression; key: Expression; line: number; global: boolean }
  | { kind: 'call'; callee: Expression; args: Expression[]; line: number }
  | { kind: 'method'; object: Expression; name: string; args: Expression[]; line: number }
  | { kind: 'binary'; op: BinaryOp; left: Expression; right: Expression; line: number }
  | { kind: 'unary'; op: UnaryOp; operand: Expression; line: number }
  | { kind: 'and' | 'or'; left: Expression; right: Expression; line: number }
  | { kind: 'table'; items: TableItem[]; line: number }
  | { kind: 'paren'; inner: Expression; line: number }

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '//'
  | '%'
  | '^'
  | '..'
  | '=='
  | '~='
  | '<'
  | '<='
  | '>'
  | '>='
  | '&'
  | '|'
  | '~'
  | '<<'
  | '>>'
export type UnaryOp = '-' | 'not' | '#' | '~'

export type TableItem =
  | { kind: 'item'; value: Expression }
  | { kind: 'pair'; key: Expression; value: Expression }

/** A jump's target; `break` makes one behind its loop. */
export interface Label {
  readonly name: string
  readonly line: number
  /** Some goto uses it from behind: the code after it is a loop. */
  isLoop: boolean
  used: boolean
}

export type Statement =
  | { kind: 'local'; locals: Local[]; values: Expression[]; line: number }
  | { kind: 'assign'; targets: Expression[]; values: Expression[]; line: number }
  | { kind: 'call'; call: Expression; line: number }
  | { kind: 'do'; body: Block; line: number }
  | { kind: 'while'; condition: Expression; body: Block; line: number }
  | { kind: 'repeat'; condition: Expression; body: Block; line: number; endLine: number }
  | { kind: 'if'; arms: IfArm[]; otherwise: Block | undefined; line: number }
  | {
      kind: 'fornum'
      variable: Local
      start: Expression
      limit: Expression
      step: Expression | undefined
      body: Block
      line: number
    }
  | {
      kind: 'forin'
      variables: Local[]
      values: Expression[]
      body: Block
      line: number
      /** Where the iterator is called: the line of what follows `in`. */
      callLine: number
    }
  | { kind: 'localfunction'; local: Local; node: FunctionNode; line: number }
  | { kind: 'return'; values: Expression[]; line: number }
  | { kind: 'break'; line: number }
  | { kind: 'goto'; label: Label; line: number }
  | { kind: 'label'; label: Label; line: number }
  // Only in modules that can be reloaded (module-shape.ts).
  | {
      kind: 'keep'
      local: Local
      key: string
      /** A table constructor with which the old table is filled anew. */
      refill: Expression | undefined
      isDeclared: boolean
      line: number
    }
  /** All functions are in place. */
  | { kind: 'ready'; line: number }
  | {
      kind: 'define'
      target: Extract<Expression, { kind: 'index' }>
      value: Expression
      path: string
      /** The text is a new one: what is there may be kept. */
      isNew: boolean
      line: number
    }

export interface IfArm {
  readonly condition: Expression
  readonly body: Block
}
