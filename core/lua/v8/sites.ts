// Where generated code stands and what its operands are called, for error messages only.
//
// Any Lua thread. Each operation that may fail hands its slow path a number: its place in this
// table, which knows chunk and line and how the source names the operands ("local 'p'", "field
// 'gold'", "global 'x'", "upvalue 'n'", "constant 'a'", "method 'buy'"). A site costs nothing until
// it fails. Equal sites are one, so that texts which are loaded again and again take no more room.

export interface Site {
  readonly chunk: string
  readonly line: number
  /** How the source names the first and second operand; empty when it has no name for it. */
  readonly a: string
  readonly b: string
}

const sites: Site[] = [{ chunk: '', line: 0, a: '', b: '' }]

/** Sites of a line that are looked through one by one; generated files may have thousands on one. */
const fewMax = 16

/** The numbers of the sites of one line. */
interface LineSites {
  readonly few: number[]
  /** The others, by what `keyOf` makes of them. */
  many: Map<string, number> | undefined
}

/** By chunk and line. */
const known = new Map<string, LineSites[]>()

function keyOf({ a, b }: Site): string {
  return `${a}\n${b}`
}

/** Registers a site; the answer is the number that generated code passes. */
export function addSite(site: Site): number {
  let lines = known.get(site.chunk)
  if (lines === undefined) {
    lines = []
    known.set(site.chunk, lines)
  }
  const line = (lines[site.line] ??= { few: [], many: undefined })
  for (const id of line.few) {
    const same = sites[id] as Site
    if (same.a === site.a && same.b === site.b) return id
  }
  if (line.few.length < fewMax) {
    sites.push(site)
    line.few.push(sites.length - 1)
    return sites.length - 1
  }
  line.many ??= new Map()
  const key = keyOf(site)
  let id = line.many.get(key)
  if (id === undefined) {
    id = sites.push(site) - 1
    line.many.set(key, id)
  }
  return id
}

const unknown = sites[0] as Site

export function siteOf(id: number): Site {
  return sites[id] ?? unknown
}

/** `chunk:line: `, as it stands before a message; empty for site 0. */
export function sitePosition(id: number): string {
  const site = siteOf(id)
  return site.line === 0 ? '' : `${site.chunk}:${site.line}: `
}

/** ` (local 'p')`, or nothing. */
export function operandA(id: number): string {
  const name = siteOf(id).a
  return name === '' ? '' : ` (${name})`
}

/** As operandA, for the second operand. */
export function operandB(id: number): string {
  const name = siteOf(id).b
  return name === '' ? '' : ` (${name})`
}
