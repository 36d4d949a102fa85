// Raising a Lua error from an operation of generated code, with its own position. Lanes.

import { makeThrow, throwValue } from './errors.ts'
import { noSite, type Site, sitePosition } from './sites.ts'

/**
 * Raises `message` behind the site's `chunk:line: `. `noSite` is a library function that had the
 * operation done (`table.unpack(nil)`): PUC tells no position then, since the innermost function is not
 * Lua's.
 */
export function throwAtSite(message: string, site: Site): never {
  if (site === noSite) throwValue(message)
  throw makeThrow(sitePosition(site) + message)
}
