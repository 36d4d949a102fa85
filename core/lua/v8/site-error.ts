// Raising a Lua error from an operation of generated code, with its own position. Lanes.

import { makeThrow, throwValue } from './errors.ts'
import { sitePosition } from './sites.ts'

/**
 * Raises `message` behind the site's `chunk:line: `. Site 0 is a library function that had the operation
 * done (`table.unpack(nil)`): PUC tells no position then, since the innermost function is not Lua's.
 */
export function throwAtSite(message: string, site: number): never {
  if (site === 0) throwValue(message)
  throw makeThrow(sitePosition(site) + message)
}
