// The demo game's handlers, as functions for the fake game server: enough for the playground.
//
// Test process. Their answers have the shape of the Lua services', so that the same steps pass
// against both; rooms live as long as one call of `demoHandlers`.

import type { FakeHandler, FakePlayer } from './fake-game-server.ts'

const needLogin = { code: 401, message: 'log in first', requestId: 'fake-1' }

/** A fresh set of handlers with rooms of its own. */
export function demoHandlers(): Record<string, FakeHandler> {
  const rooms = new Map<string, Set<FakePlayer>>()
  let lastUid = 0
  const bound =
    (handler: (player: FakePlayer, body: Record<string, string>) => unknown): FakeHandler =>
    (player, body) =>
      player.data.has('uid') ? handler(player, body) : needLogin
  return {
    'login.handler.guest': (player, body: { name?: string }) => {
      const uid = `guest-${++lastUid}`
      player.data.set('uid', uid)
      player.data.set('name', body.name ?? uid)
      return { code: 200, uid, name: body.name }
    },
    'echo.handler.echo': (_, body) => body,
    'chat.handler.join': bound((player, { room = 'hall' }) => {
      const members = rooms.get(room) ?? new Set()
      rooms.set(room, members.add(player))
      return { code: 200, room, members: members.size }
    }),
    'chat.handler.send': bound((player, { room = 'hall', text }) => {
      const said = { room, from: player.data.get('name'), uid: player.data.get('uid'), text }
      for (const member of rooms.get(room) ?? []) member.push('onChat', said)
      return { code: 200 }
    }),
    'chat.handler.leave': bound((player, { room = 'hall' }) => {
      rooms.get(room)?.delete(player)
      return { code: 200 }
    }),
    'battle.handler.move': bound((_, body) => ({ code: 200, ...body })),
    'battle.handler.attack': bound(() => ({
      code: 404,
      message: 'no such target',
      requestId: 'fake-2',
    })),
  }
}

/** The routes as the host would list them. */
export const demoRoutes = Object.keys(demoHandlers()).map((route) => ({
  route,
  public: route.startsWith('login.') || route.startsWith('echo.'),
}))
