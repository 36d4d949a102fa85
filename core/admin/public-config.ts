// The settings as an operator may see them: named as in config/host.lua, without secrets.
//
// Any thread; pure. A field whose name says that it is a secret is replaced whole; in an address
// (`mysql://user:password@host`) the password is.

import { snakeCase } from '../config/fields.ts'

const hidden = '(hidden)'

/** @param config an object of sections; `root`, services and tables are left out by the caller */
export function publicConfig(config: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [snakeCase(name), shown(name, value)]),
  )
}

function shown(name: string, value: unknown): unknown {
  if (/(password|secret|token)$/i.test(name) && value !== '' && value !== false) return hidden
  if (typeof value === 'string') return withoutPassword(value)
  if (Array.isArray(value)) return value.map((each) => shown('', each))
  return typeof value === 'object' && value !== null ? publicConfig(value) : value
}

function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^@/]*@/i, `$1:${hidden}@`)
}
