// Names in generated JavaScript. Pure; any thread.
//
// A Lua name stays itself unless JavaScript reserves it or the function already uses it; then it
// gets a suffix with `$`, which no Lua name can have. Names of the runtime begin with `$`.

/** JavaScript's keywords, and the globals that generated code uses. */
const reserved = new Set(
  `arguments await case catch class const continue debugger default delete do else enum eval
   export extends finally for function if implements import in instanceof interface let new null
   package private protected public return static super switch this throw try typeof undefined
   var void while with yield NaN Infinity Math true false`.split(/\s+/),
)

/** The part of a table that an inline access is on its way through (inline-access.ts); never kept. */
export const partVariable = '$r'

/** The names one function uses; each is given once. */
export class NameTable {
  private readonly used = new Set<string>()

  /** Takes `name` as it is (an upvalue's, which its owner has chosen). */
  reserve(name: string): void {
    this.used.add(name)
  }

  fresh(wanted: string): string {
    let name = reserved.has(wanted) ? `${wanted}$` : wanted
    for (let n = 2; this.used.has(name); n++) name = `${wanted}$${n}`
    this.used.add(name)
    return name
  }
}

/**
 * The JavaScript name of a Lua function: `bag.handler.buy` reads `bag·handler·buy`, because an
 * identifier cannot have a dot but may have a middle dot. `luaName` turns it back.
 */
export function functionName(name: string): string {
  const cleaned = name.replace(/[.:]/g, '·').replace(/[^A-Za-z0-9_·]/g, '_')
  if (cleaned === '') return 'anonymous'
  return /^[A-Za-z_]/.test(cleaned) && !reserved.has(cleaned) ? cleaned : `${cleaned}$`
}

/** A property access: `.gold` or `["two words"]`. */
export function property(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
}

/** A byte string as a JavaScript literal in pure ASCII. */
export function stringLiteral(bytes: string): string {
  return JSON.stringify(bytes).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
