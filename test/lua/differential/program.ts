// Generated programs as trees of statements: how they become text, and how a failing one shrinks.
//
// A statement is one line, or blocks between lines (`if … then` body `else` body `end`). Every cut of
// such a tree is again a program whose outcome can be compared (an undefined name is a nil, a syntax
// error is an answer too), so shrinking simply takes statements away and blocks apart while the
// difference stays.

export interface Statement {
  /** The lines around the bodies; one more line than bodies. */
  readonly lines: readonly string[]
  readonly bodies: readonly (readonly Statement[])[]
}

export type Program = readonly Statement[]

export function line(text: string): Statement {
  return { lines: [text], bodies: [] }
}

export function block(
  lines: readonly string[],
  ...bodies: readonly (readonly Statement[])[]
): Statement {
  return { lines, bodies }
}

/** The program's text; each line of a statement is a line of the chunk. */
export function textOf(program: Program, indent = ''): string {
  let text = ''
  for (const { lines, bodies } of program) {
    lines.forEach((content, i) => {
      text += `${indent}${content}\n`
      const body = bodies[i]
      if (body !== undefined) text += textOf(body, `${indent}  `)
    })
  }
  return text
}

/** Smaller programs, the most radical first. */
function* smaller(program: Program): Generator<Program> {
  const n = program.length
  for (let size = n >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from + size <= n; from += size) {
      yield [...program.slice(0, from), ...program.slice(from + size)]
    }
  }
  for (let i = 0; i < n; i++) {
    const statement = program[i] as Statement
    const around = (put: readonly Statement[]) => [
      ...program.slice(0, i),
      ...put,
      ...program.slice(i + 1),
    ]
    for (const body of statement.bodies) yield around(body)
    for (let b = 0; b < statement.bodies.length; b++) {
      for (const body of smaller(statement.bodies[b] as Program)) {
        const bodies = statement.bodies.map((old, at) => (at === b ? body : old))
        yield around([{ lines: statement.lines, bodies }])
      }
    }
  }
}

/** The smallest program found for which `stillFails` holds. @param triesMax how often to ask */
export function shrink(
  program: Program,
  stillFails: (candidate: Program) => boolean,
  triesMax = 400,
): Program {
  let best = program
  let tries = 0
  for (let found = true; found && tries < triesMax; ) {
    found = false
    for (const candidate of smaller(best)) {
      if (tries++ >= triesMax) break
      if (!stillFails(candidate)) continue
      best = candidate
      found = true
      break
    }
  }
  return best
}
