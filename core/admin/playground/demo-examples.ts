// Bodies to start from for the handlers of the demo game, shown by the playground's editor.
//
// Data only. A route's own `example`, where the host knows one, goes before this table; a route
// in neither starts from `{}`.

const examples: Readonly<Record<string, unknown>> = {
  'login.handler.guest': { name: 'Luna' },
  'echo.handler.echo': { text: 'hello, moon' },
  'chat.handler.join': { room: 'hall' },
  'chat.handler.send': { room: 'hall', text: 'hello, everyone' },
  'chat.handler.leave': { room: 'hall' },
  'bag.handler.buy': { item: 'healing_potion' },
  'bag.handler.list': { limit: 10 },
  'trade.handler.give': { to: 'uid of another player', gold: 10 },
  'battle.handler.move': { x: 3, y: 4 },
  'battle.handler.attack': { target: 'dummy', skill: 1 },
  'hello.handler.hi': { name: 'Luna' },
}

/** The demo's example for a route, if it has one. */
export function exampleOf(route: string): unknown {
  return Object.hasOwn(examples, route) ? examples[route] : undefined
}
