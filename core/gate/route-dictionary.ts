// The route dictionary: two bytes on the wire for a route's name. Core thread; immutable.
//
// Codes count from 1 in the sorted order of the routes, so that every host of a cluster with the same
// services makes the same codes and the same version; a client that has the version is not sent the
// dictionary again.
//
// A reload that changes the routes makes a new dictionary (`withRoutes`) for new connections. A route
// keeps its code for as long as the process lives, also while it is away, and no other route is ever
// given that code: so the codes of clients that know an older dictionary, and of messages under way,
// mean what they meant, or nothing (404). A push goes as a code only to a client whose own dictionary
// has it, so each session keeps the one that it shook hands with.
// A route that cannot be written on the wire is a fault of config or services: HostError CONFIG.

import { createHash } from 'node:crypto'
import { HostError } from '../base/errors.ts'

export const routeBytesMax = 255
export const routeCodeMax = 0xffff

export class RouteDictionary {
  /** base64(md5(dictJson)), as pomelo makes it. */
  readonly version: string
  readonly size: number
  /** `{"route":code,…}`, sorted. */
  readonly dictJson: string
  /** `{"code":"route",…}`, sorted. */
  readonly codeToRouteJson: string
  readonly #codes = new Map<string, number>()
  /** Every route that has a code, at its place from code 1 on; some may be away. */
  readonly #routes: readonly string[]

  /**
   * @param routes names of client routes and pushes, in any order; repeats count once
   * @param before the dictionary whose codes stay as they are
   * @throws HostError CONFIG for more than 65,535 routes, or one that is empty or over 255 bytes
   */
  constructor(routes: readonly string[], before?: RouteDictionary) {
    const sorted = [...new Set(routes)].sort()
    if (sorted.length > routeCodeMax) {
      throw new HostError('CONFIG', `${sorted.length} routes; at most ${routeCodeMax} have a code`)
    }
    const all = [...(before === undefined ? [] : before.#routes)]
    const known = new Map(all.map((route, i) => [route, i + 1]))
    for (const route of sorted) {
      if (!isRoute(route)) {
        throw new HostError('CONFIG', `route ${JSON.stringify(route)} must be 1 to 255 bytes`)
      }
      const code = known.get(route) ?? all.push(route)
      this.#codes.set(route, code)
    }
    if (all.length > routeCodeMax) {
      throw new HostError('CONFIG', `all ${routeCodeMax} route codes are used up; restart the host`)
    }
    this.#routes = all
    this.size = sorted.length
    const names = sorted.map((route) => [JSON.stringify(route), this.#codes.get(route)] as const)
    this.dictJson = `{${names.map(([name, code]) => `${name}:${code}`).join(',')}}`
    this.codeToRouteJson = `{${names.map(([name, code]) => `"${code}":${name}`).join(',')}}`
    this.version = createHash('md5').update(this.dictJson).digest('base64')
  }

  /** The same codes for these routes, more for those that are new. @throws as the constructor */
  withRoutes(routes: readonly string[]): RouteDictionary {
    const isSame = routes.length === this.size && routes.every((route) => this.#codes.has(route))
    return isSame ? this : new RouteDictionary(routes, this)
  }

  /** The route of each code, from 1 on; '' for one that is away. */
  get codes(): readonly string[] {
    return this.#routes.map((route) => (this.#codes.has(route) ? route : ''))
  }

  /** The code of a route, or undefined when it has none. */
  codeOf(route: string): number | undefined {
    return this.#codes.get(route)
  }

  /** The route of a code, or undefined for a code that nobody was given (0 included). */
  routeOf(code: number): string | undefined {
    const route = this.#routes[code - 1]
    return route !== undefined && this.#codes.has(route) ? route : undefined
  }
}

/** Whether `route` can be written on the wire. */
export function isRoute(route: string): boolean {
  return route.length > 0 && Buffer.byteLength(route, 'utf8') <= routeBytesMax
}
