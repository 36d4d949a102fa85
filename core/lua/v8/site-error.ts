// Raising a Lua error from an operation of generated code, with its own position. Lanes.

import { makeThrow, throwError } from './errors.ts'
import { sitePosition } from './sites.ts'

/** Raises `message` behind the site's `chunk:line: `; site 0 asks the stack instead. */
export function throwAtSite(message: string, site: number): never {
  if (site === 0) throwError(message)
  throw makeThrow(sitePosition(site) + message)
}
