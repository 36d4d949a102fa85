// The demo game that the project ships, as players meet it: one over TCP, one over WebSocket.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

let host: HostProcess
const open: PomeloClient[] = []

beforeAll(async () => {
  host = await startHostProcess({ root: demoGame(), args: ['--node', 'demo'] })
})
afterEach(async () => {
  for (const client of open) expect(client.violations).toEqual([])
  await Promise.all(open.splice(0).map((client) => client.close()))
})
afterAll(async () => {
  const exit = await host.stop()
  await stopAllHosts()
  removeDemoGames()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
  // Whatever the players did wrong, no service failed over it.
  expect(host.log.filter(({ level }) => level >= 50)).toEqual([])
})

async function connect(transport: 'tcp' | 'ws'): Promise<PomeloClient> {
  const port = transport === 'tcp' ? host.tcpPort : host.wsPort
  const client = await connectClient({ transport, port })
  open.push(client)
  return client
}

interface Player {
  readonly client: PomeloClient
  readonly uid: string
  readonly name: string
}

async function player(name: string, transport: 'tcp' | 'ws' = 'tcp'): Promise<Player> {
  const client = await connect(transport)
  const reply = (await client.request('login.handler.guest', { name })) as { uid: string }
  return { client, uid: reply.uid, name }
}

const refusal = (code: number, message: unknown) => ({
  code,
  message,
  requestId: expect.stringMatching(/^demo-\d+-\w+$/),
})

describe('before login', () => {
  it('login and echo may be called, and nothing else', async () => {
    const client = await connect('tcp')
    const words = { text: 'hello, 月轮 \u{1f319}', list: [1, [2.5]] }
    expect(await client.request('echo.handler.echo', words)).toEqual(words)
    for (const route of ['hello.handler.hi', 'chat.handler.join', 'battle.handler.move']) {
      expect(await client.request(route)).toMatchObject({ code: 401 })
    }
    expect(await client.request('arena.remote.move', { x: 1 })).toMatchObject({ code: 404 })
  })
})

describe('login.handler.guest', () => {
  it('gives every guest a uid of its own', async () => {
    const [mei, ada] = [await player('Mei'), await player('Ada', 'ws')]
    expect(mei.uid).toMatch(/^\d{10,20}$/)
    expect(ada.uid).toMatch(/^\d{10,20}$/)
    expect(mei.uid).not.toBe(ada.uid)
    expect(await mei.client.request('hello.handler.hi', { name: 'Mei' })).toEqual({
      code: 200,
      text: 'Hello, Mei!',
    })
  })

  it.each([{}, { name: '' }, { name: 7 }, { name: 'x'.repeat(49) }])(
    'refuses %j as a name',
    async (body) => {
      const client = await connect('ws')
      const reply = await client.request('login.handler.guest', body)
      expect(reply).toEqual(refusal(400, 'name must be a text of 1 to 48 bytes'))
    },
  )

  it('takes a name of 48 bytes', async () => {
    const name = '月'.repeat(16)
    const client = await connect('tcp')
    expect(await client.request('login.handler.guest', { name })).toMatchObject({ code: 200, name })
  })

  it('refuses a second login on the same connection, which stays logged in', async () => {
    const { client } = await player('Mei')
    expect(await client.request('login.handler.guest', { name: 'Eve' })).toEqual(
      refusal(409, 'you are logged in already, as Mei'),
    )
    expect(await client.request('chat.handler.join')).toMatchObject({ code: 200 })
  })
})

describe('chat', () => {
  it('carries what one says to everybody in the room, the speaker too', async () => {
    const [mei, ada, out] = [await player('Mei'), await player('Ada', 'ws'), await player('Out')]
    const join = (who: Player) => who.client.request('chat.handler.join', { room: 'hall' })
    expect(await join(mei)).toEqual({ code: 200, room: 'hall', members: 1 })
    expect(await join(ada)).toEqual({ code: 200, room: 'hall', members: 2 })
    await out.client.request('chat.handler.join', { room: 'elsewhere' })
    const said = { room: 'hall', text: 'hello \u{1f319}' }
    expect(await ada.client.request('chat.handler.send', said)).toEqual({ code: 200 })
    const heard = { ...said, from: ada.uid, name: 'Ada' }
    expect(await mei.client.waitPush('onChat')).toEqual(heard)
    expect(await ada.client.waitPush('onChat')).toEqual(heard)
    // What comes first in the other room is what was said there: nothing else came before it.
    await out.client.request('chat.handler.send', { room: 'elsewhere', text: 'alone' })
    expect(await out.client.waitPush('onChat')).toMatchObject({ text: 'alone' })
  })

  it('ends with leave, and with the connection', async () => {
    const [mei, ada] = [await player('Mei'), await player('Ada', 'ws')]
    const room = 'short'
    await mei.client.request('chat.handler.join', { room })
    await ada.client.request('chat.handler.join', { room })
    expect(await mei.client.request('chat.handler.leave', { room })).toEqual({ code: 200 })
    expect(await mei.client.request('chat.handler.send', { room, text: 'hm' })).toEqual(
      refusal(403, "join the room 'short' first"),
    )
    await ada.client.request('chat.handler.send', { room, text: 'only for Ada' })
    expect(await ada.client.waitPush('onChat')).toMatchObject({ text: 'only for Ada' })
    await mei.client.request('chat.handler.join', { room })
    await ada.client.request('chat.handler.send', { room, text: 'again for both' })
    expect(await mei.client.waitPush('onChat')).toMatchObject({ text: 'again for both' })
    await ada.client.close()
    const members = async () =>
      ((await mei.client.request('chat.handler.join', { room })) as { members: number }).members
    await expect.poll(members).toBe(1)
  })

  it('uses the lobby where no room is named', async () => {
    const mei = await player('Mei')
    expect(await mei.client.request('chat.handler.join')).toMatchObject({ room: 'lobby' })
    await mei.client.request('chat.handler.send', { text: 'hi' })
    expect(await mei.client.waitPush('onChat')).toMatchObject({ room: 'lobby', text: 'hi' })
  })

  it.each([
    ['join', { room: '' }, 'room must be a text of 1 to 32 bytes'],
    ['join', { room: 'x'.repeat(33) }, 'room must be a text of 1 to 32 bytes'],
    ['leave', { room: 5 }, 'room must be a text of 1 to 32 bytes'],
    ['send', { room: 'bad', text: '' }, 'text must be 1 to 500 bytes'],
    ['send', { room: 'bad', text: 'x'.repeat(501) }, 'text must be 1 to 500 bytes'],
    ['send', { room: 'bad' }, 'text must be 1 to 500 bytes'],
  ])('refuses chat.handler.%s of %j', async (method, body, message) => {
    const { client } = await player('Mei', 'ws')
    await client.request('chat.handler.join', { room: 'bad' })
    expect(await client.request(`chat.handler.${method}`, body)).toEqual(refusal(400, message))
  })
})

describe('battle', () => {
  let mei: Player
  let ada: Player
  beforeEach(async () => {
    mei = await player('Mei')
    ada = await player('Ada', 'ws')
  })
  const move = (who: Player, x: unknown, y: unknown) =>
    who.client.request('battle.handler.move', { x, y })
  const attack = (who: Player, target: unknown, skill: unknown) =>
    who.client.request('battle.handler.attack', { target, skill })

  it('moves to the edges of the field and not beyond', async () => {
    expect(await move(mei, -1000, 1000)).toEqual({ code: 200, x: -1000, y: 1000 })
    expect(await move(mei, 2.5, 0)).toEqual({ code: 200, x: 2.5, y: 0 })
    for (const [x, y, name] of [
      [1000.5, 0, 'x'],
      [0, -1001, 'y'],
      ['1', 0, 'x'],
      [0, undefined, 'y'],
      [0, [], 'y'],
    ] as const) {
      const message = `${name} must be a number from -1000 to 1000`
      expect(await move(mei, x, y)).toEqual(refusal(400, message))
    }
  })

  it('hits within the range of a skill and misses beyond it', async () => {
    await move(mei, 500, 500)
    await move(ada, 502, 500)
    const hit = { code: 200, hit: true, damage: 12, hp: 88, knocked_out: false }
    expect(await attack(mei, ada.uid, 1)).toEqual(hit)
    await move(ada, 518.5, 500)
    expect(await attack(mei, ada.uid, 2)).toMatchObject({ hit: true, damage: 9, hp: 79 })
    await move(ada, 513, 500)
    expect(await attack(mei, ada.uid, 3)).toEqual({ code: 200, hit: false, reason: 'out of range' })
  })

  it('makes a skill wait for its cooldown, each skill by itself', async () => {
    await move(mei, 0, 0)
    expect(await attack(mei, 'dummy', 3)).toMatchObject({ hit: true, damage: 35 })
    const second = (await attack(mei, 'dummy', 3)) as { wait_ms: number }
    expect(second).toEqual({
      code: 200,
      hit: false,
      reason: 'cooling down',
      wait_ms: expect.any(Number),
    })
    expect(second.wait_ms).toBeGreaterThan(0)
    expect(second.wait_ms).toBeLessThanOrEqual(4000)
    expect(await attack(mei, 'dummy', 4)).toMatchObject({ hit: true, damage: 20 })
    expect(await attack(ada, 'dummy', 3)).toMatchObject({ hit: true, damage: 35 })
  })

  it('tells the one who is knocked out by whom', async () => {
    const eve = await player('Eve')
    for (const who of [mei, ada, eve]) await move(who, -500, -500)
    for (const skill of [1, 2, 3, 4]) await attack(mei, eve.uid, skill)
    expect(await attack(ada, eve.uid, 4)).toMatchObject({ hp: 4, knocked_out: false })
    expect(await attack(ada, eve.uid, 2)).toMatchObject({ hp: 100, knocked_out: true })
    expect(await eve.client.waitPush('onKnockout')).toEqual({ by: ada.uid, skill: 2 })
  })

  it('refuses skills and targets that do not exist', async () => {
    const wrongSkill = 'skill must be the number of a skill'
    expect(await attack(mei, 'dummy', 99)).toEqual(refusal(404, 'there is no skill 99'))
    for (const skill of ['slash', 1.5, undefined, { id: 1 }]) {
      expect(await attack(mei, 'dummy', skill)).toEqual(refusal(400, wrongSkill))
    }
    expect(await attack(mei, 'nobody', 1)).toEqual(refusal(404, 'there is no fighter nobody'))
    const wrongTarget = 'target must be a uid, or "dummy"'
    expect(await attack(mei, undefined, 1)).toEqual(refusal(400, wrongTarget))
    expect(await attack(mei, mei.uid, 1)).toEqual(refusal(400, 'you cannot attack yourself'))
  })

  it('forgets who has left', async () => {
    await move(mei, 1, 1)
    await move(ada, 1, 1)
    await ada.client.close()
    const target = async () => ((await attack(mei, ada.uid, 1)) as { code: number }).code
    await expect.poll(target).toBe(404)
  })
})
