// Lowering, the shared part: one function's variables, temporaries, sites and jump targets.
//
// Pure; any thread. lower-expression.ts and lower-statement.ts fill `out` through it.
//
// Variables of a function are declared once, at its top, so that one exit can park them all. A local
// that is captured and assigned to lives in a cell `{ v }`, which closures, the plain version and
// the twin share. A closure that captures a local declared in a loop is made through an arrow that
// binds the local's present value or cell.
//
// Temporaries are a stack: `$1`, `$2`, …; a statement begins with an empty one. A temporary is kept
// by a parked activation only if some site stands between its definition and its last use.

import { LuaFloat } from '../../engine.ts'
import { budgetMark } from '../run/budget.ts'
import type { Site } from '../run/sites.ts'
import type { Value } from '../run/value.ts'
import type { FunctionNode, Label, Local } from '../syntax/ast.ts'
import { labelOf } from '../syntax/scope.ts'
import { numberLiteral } from './inline-ops.ts'
import { type Ir, mark, type Target } from './ir.ts'
import { NameTable, partVariable, stringLiteral } from './names.ts'
import { NumberTypes } from './number-types.ts'

/** What the functions of one chunk share while they are lowered. */
export class ChunkContext {
  readonly chunkName: string
  /** Chunk constants that have no JavaScript literal: integral floats, constructors of tables. */
  private readonly constants: string[] = []
  private readonly constantNames = new Map<string, string>()
  readonly countSteps: boolean
  /** Closures register their upvalues for the debug library (debug-upvalues.ts). */
  readonly debugUpvalues: boolean
  /** The module-level locals of a module that can be reloaded (module.ts), by key. */
  moduleLocals: ReadonlyMap<Local, string> | undefined = undefined
  /** What is known of the locals' numbers. */
  readonly numberTypes = new NumberTypes()
  /** The number of the module (module-shape.ts). */
  module = 0
  /** Functions with at least this many lines are lowered when first called (lazy-function.ts). */
  lazyLinesMin = Number.POSITIVE_INFINITY
  /** The number by which its functions tell where they come from (function-origin.ts). */
  originNumber: number | undefined = undefined
  /** The functions of `local function` statements lowered so far. */
  readonly localFunctions = new Map<Local, FunctionNode>()
  /** Its functions tell debug hooks what they do (hooks.ts). */
  hooks = false
  /** It comes from a dump without lines and names. */
  isStripped = false
  /** Where its operations stand: `$s` of its scripts. */
  readonly sites: Site[] = []

  constructor(chunkName: string, countSteps: boolean, debugUpvalues: boolean) {
    this.chunkName = chunkName
    this.countSteps = countSteps
    this.debugUpvalues = debugUpvalues
  }

  /** The declarations of those constants that a text uses. */
  constantsIn(text: string): string {
    const places = new Set((text.match(/\$k\d+/g) ?? []).map((name) => Number(name.slice(2))))
    const used = [...places].sort((a, b) => a - b)
    return used.map((place) => `$k${place} = ${this.constants[place]}`).join(', ')
  }

  /** The name of a constant that `text` makes; equal texts share it. */
  constant(text: string): string {
    let name = this.constantNames.get(text)
    if (name === undefined) {
      name = `$k${this.constants.length}`
      this.constants.push(text)
      this.constantNames.set(text, name)
    }
    return name
  }

  /** The Field of a constant key (field.ts). */
  field(name: string): string {
    return this.constant(`$fieldOf(${stringLiteral(name)})`)
  }

  /** The text of a constant value. */
  literal(value: Value): string {
    switch (typeof value) {
      case 'undefined':
        return 'undefined'
      case 'boolean':
        return String(value)
      case 'number':
        return numberLiteral(value)
      case 'bigint':
        return `${value < 0n ? `(${value}n)` : `${value}n`}`
      case 'string':
        return stringLiteral(value)
      default:
        return value instanceof LuaFloat
          ? this.constant(`new $Float(${numberLiteral(value.n)})`)
          : 'undefined'
    }
  }
}

/** Something a jump may leave: a loop, a block with labels, a block with variables to close. */
interface Leavable {
  /** Where `break` goes; undefined for what is no loop. */
  readonly breakTarget: Target | undefined
  /** The variable with the height to close down to; undefined when nothing is to be closed. */
  readonly height: string | undefined
}

export class FunctionLowering {
  readonly chunk: ChunkContext
  readonly node: FunctionNode
  readonly names = new NameTable()
  readonly variables: string[] = []
  readonly saved = new Set<string>()
  readonly siteLines: number[] = [0]
  readonly leavables: Leavable[] = []
  readonly labels = new Map<Label, { target: Target; depth: number; loop: boolean }>()
  out: Ir[] = []
  flatOnly = false
  /** Holds the line of the statement that runs, for debug hooks. */
  private lineVariable: string | undefined = undefined
  private temps = 0
  private readonly defined: boolean[] = []
  private targets = 0

  constructor(chunk: ChunkContext, node: FunctionNode) {
    this.chunk = chunk
    this.node = node
    for (const upvalue of node.upvalues) {
      this.names.reserve(upvalue.js)
      this.saved.add(upvalue.js)
    }
  }

  // --- output

  js(text: string): void {
    this.out.push({ op: 'js', text })
  }

  /**
   * A test that is true when its answer is YIELD. `dst` is the temporary it sets (or the height of
   * the stack of temporaries that are still needed); `resume` handles a late answer `$v`.
   */
  site(test: string, resume: string, line: number, dst: number): void {
    for (let i = 0; i < dst; i++) if (this.defined[i]) this.saved.add(`$${i + 1}`)
    this.out.push({ op: 'js', text: mark(line) })
    const pc = this.siteLines.length
    this.siteLines.push(line)
    this.out.push({ op: 'site', test, resume, pc, line })
    this.defined[dst] = true
  }

  /** Runs `fill` with an empty list for output, and answers the list. */
  collect(fill: () => void): Ir[] {
    const outer = this.out
    this.out = []
    fill()
    const collected = this.out
    this.out = outer
    return collected
  }

  /** The text of a new site's value. */
  errorSite(line: number, a = '', b = ''): string {
    const { chunkName: chunk, isStripped, sites } = this.chunk
    const site = isStripped
      ? { chunk, line: -1, a: strippedName(a), b: strippedName(b) }
      : { chunk, line, a, b }
    return `$s[${sites.push(site) - 1}]`
  }

  // --- variables

  variable(wanted: string): string {
    const name = this.names.fresh(wanted)
    this.variables.push(name)
    this.saved.add(name)
    return name
  }

  /** Declares what the texts of inline-access.ts use on their way. */
  usePart(): void {
    if (!this.variables.includes(partVariable)) this.variables.push(partVariable)
  }

  declareLocal(local: Local): void {
    local.js = this.variable(local.name)
  }

  /** The number of temporaries in use; `releaseTo` gives back those above it. */
  get tempHeight(): number {
    return this.temps
  }

  releaseTo(height: number): void {
    this.temps = height
  }

  /** Takes a temporary; the answer is its place in the stack, `tempName` its name. */
  temp(): number {
    const at = this.temps++
    this.defined[at] = false
    const name = `$${at + 1}`
    if (!this.variables.includes(name)) this.variables.push(name)
    return at
  }

  tempName(at: number): string {
    return `$${at + 1}`
  }

  /** Notes that a plain statement gave the temporary its value. */
  define(at: number): void {
    this.defined[at] = true
  }

  // --- control

  target(name: string): Target {
    this.targets++
    return { name: `${name}${this.targets}`, used: false }
  }

  jump(target: Target, how: 'break' | 'continue'): void {
    target.used = true
    this.out.push({ op: 'jump', target, how })
  }

  labelTarget(label: Label): { target: Target; depth: number; loop: boolean } | undefined {
    return this.labels.get(labelOf(label))
  }

  /** Closes what is left on a jump out of everything above `depth`. */
  leaveTo(depth: number, line: number): void {
    for (let i = this.leavables.length - 1; i >= depth; i--) {
      const height = this.leavables[i]?.height
      if (height !== undefined) this.closeDown(height, line)
    }
  }

  closeDown(height: string, line: number): void {
    this.site(`${height} >= 0 && $closeDown(${height}) === null`, '', line, this.temps)
  }

  /** Is there a variable to be closed, or a generic for, around this place? */
  get closesOnReturn(): boolean {
    return this.leavables.some((leavable) => leavable.height !== undefined)
  }

  /** Tells debug hooks of a step on a line. */
  hookLine(line: number): void {
    if (!this.chunk.hooks) return
    this.lineVariable ??= this.variable('$line')
    this.js(`${this.lineVariable} = ${this.lineText(line)}`)
  }

  /** Tells debug hooks that a statement begins on a line; undefined: it has no step of its own. */
  hookStatement(line: number | undefined): void {
    if (!this.chunk.hooks || line === undefined) return
    this.js('$hookCount()')
    this.hookLine(line)
  }

  /** A jump back: the same line counts again. */
  hookBackJump(): void {
    const { lineVariable } = this
    if (lineVariable !== undefined) this.js(`${lineVariable} = 0`)
  }

  /** The end of a loop's turn, and the begin of one: only another turn counts the same line again. */
  hookTurn(line: number): void {
    const { lineVariable } = this
    if (lineVariable === undefined) return
    this.hookLine(line)
    this.js(`${lineVariable} = -${line}`)
  }

  hookNextTurn(): void {
    const { lineVariable } = this
    if (lineVariable !== undefined) this.js(`if (${lineVariable} < 0) ${lineVariable} = 0`)
  }

  private lineText(line: number): string {
    return `$hookLine(${this.lineVariable ?? 'undefined'}, ${line})`
  }

  /** What a function answers that ends without return. */
  fallOff(endLine: number): string {
    return this.chunk.hooks ? `$hookReturn((${this.lineText(endLine)}, $ret0()))` : '$ret0()'
  }

  /** The check that every loop turn and function entry makes. */
  get budgetCheck(): string {
    return this.chunk.hooks ? `$hookCount(); ${this.plainCheck}` : this.plainCheck
  }

  private get plainCheck(): string {
    return this.chunk.countSteps
      ? `if ($I[0] !== 0 || --$vm.steps < 0) ${budgetMark}`
      : `if ($I[0] !== 0) ${budgetMark}`
  }
}

/** What is left of an operand's name where the names of variables are not known. */
function strippedName(name: string): string {
  if (name.startsWith('local ')) return ''
  if (name.startsWith('upvalue ')) return "upvalue '?'"
  return name.replace(/^global /, 'field ')
}

/** Does a local live in a cell? */
export function isCell(local: Local): boolean {
  return local.captured && local.assigned
}
