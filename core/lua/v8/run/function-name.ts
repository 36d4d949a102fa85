// What the name of a generated function tells the runtime. Pure; emit/names.ts makes these names.

/** The Lua name of a generated function, for tracebacks. */
export function luaName(js: string): string {
  return js.replace(/\$.*$/, '').replaceAll('·', '.')
}

const standInSuffix = '$lazy'

/** The name of what stands for a function that is compiled when first called (lazy-function.ts). */
export function standInName(js: string): string {
  return js + standInSuffix
}

export function isStandIn(js: string): boolean {
  return js.endsWith(standInSuffix)
}
