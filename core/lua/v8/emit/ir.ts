// The intermediate form: a function as a tree of JavaScript statements in A-normal form. Pure data.
//
// Whatever may park the coroutine is a `site` of its own, never inside a larger expression, so that
// everything a function needs to go on is in its variables:
//
//   js      text of a statement that cannot park
//   site    `test` calls something and is true when the answer is YIELD; when the activation is
//           continued, `resume` puts the late answer where the test would have put it
//   if, loop, for, block, jump, return    control; `loop` is endless, jumps leave it
//
// One tree is printed three ways: emit-plain.ts (the function as it is called; a site that sees
// YIELD parks), emit-twin.ts (its twin, which continues a parked activation) and, as the oracle of
// both, the generator back end (emit-plain.ts with `yield` in place of parking).
//
// Texts hold line marks (`mark`), which the last step turns into newlines, so that generated code
// stands on the lines of its source.

export type Ir =
  | { op: 'js'; text: string }
  | { op: 'site'; test: string; resume: string; pc: number; line: number }
  | { op: 'if'; condition: string; yes: Ir[]; no: Ir[] }
  | { op: 'loop'; target: Target; body: Ir[] }
  | { op: 'for'; target: Target; condition: string; step: string; body: Ir[] }
  | { op: 'block'; target: Target; body: Ir[] }
  | { op: 'label'; target: Target }
  | { op: 'jump'; target: Target; how: 'break' | 'continue' }
  | { op: 'return'; text: string }

/** How activations are parked: see emit-plain.ts. */
export type Backend = 'capture' | 'generator'

/** Something to jump out of, or (loops, labels) back to. */
export interface Target {
  readonly name: string
  used: boolean
}

/** What the printers need to know about one function. */
export interface FunctionIr {
  readonly name: string
  readonly parameters: string[]
  readonly rest: boolean
  readonly body: Ir[]
  /** Variables to declare; parameters are not among them. */
  readonly variables: string[]
  /** What a parked activation keeps, in the order of the frame's slots. */
  readonly saved: string[]
  /** Those of them that keep the value the activation began with: upvalues, parameters, `...`. */
  readonly fixed: ReadonlySet<string>
  /** Number of sites; program points 1..sites. */
  readonly sites: number
  /** Line of each site, by program point. */
  readonly siteLines: number[]
  /** It has gotos that no structured form expresses: its plain version is flat, too. */
  readonly flatOnly: boolean
  readonly line: number
  readonly endLine: number
  /** In a module: how a call leaves for the function that has replaced this one; else empty. */
  readonly redirect: string
  readonly entry: string
  /** What it answers when it ends without return. */
  readonly fallOff: string
}

/** Bytes that no Lua text reaches unescaped stand around the number of a line mark. */
const markOpen = '\u0001'
const markClose = '\u0002'
const marks = new RegExp(`${markOpen}(\\d+)${markClose}|\\n`, 'g')

/** A line mark: the text behind it belongs on that line. */
export function mark(line: number): string {
  return markOpen + line + markClose
}

/** Is this text nothing but a line mark? */
export function isMark(text: string): boolean {
  return text.startsWith(markOpen)
}

/** Turns line marks into newlines; a mark for a line already passed is dropped. */
export function alignLines(text: string): string {
  let line = 1
  return text.replace(marks, (_, digits: string | undefined) => {
    if (digits === undefined) return ' '
    const wanted = Number(digits)
    if (wanted <= line) return ''
    const newlines = '\n'.repeat(wanted - line)
    line = wanted
    return newlines
  })
}

/** Does anything in here park, or is it a place that can be jumped to from elsewhere? */
export function hasSite(list: readonly Ir[]): boolean {
  return list.some((node) => {
    switch (node.op) {
      case 'site':
      case 'label':
        return true
      case 'if':
        return hasSite(node.yes) || hasSite(node.no)
      case 'loop':
      case 'for':
      case 'block':
        return hasSite(node.body)
      default:
        return false
    }
  })
}
