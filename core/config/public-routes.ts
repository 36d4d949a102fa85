// Which routes may be called before login: `gate.public_routes` of config/host.lua. Core thread.

/**
 * @param patterns whole routes (`login.handler.guest`), or everything below a prefix (`login.*`)
 * @returns whether a route is one of them
 */
export function routeMatcher(patterns: readonly string[]): (route: string) => boolean {
  const whole = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith('*'))
    .map((pattern) => pattern.slice(0, -1))
  return (route) => whole.has(route) || prefixes.some((prefix) => route.startsWith(prefix))
}
