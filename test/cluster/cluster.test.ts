// One master and two slaves as processes: redirects, tokens, who may bind, what each failure costs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signToken } from '../../core/cluster/token.ts'
import { runAdmin } from '../support/admin-cli.ts'
import { type ClusterGame, makeClusterGame } from '../support/cluster-game.ts'
import { type HostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { hasRedis } from '../support/redis.ts'
import { removeTempGames } from '../support/temp-game.ts'

interface Redirect {
  readonly host: string
  readonly port: number
  readonly token: string
  readonly route: string
}
interface Reply {
  readonly code: number
  readonly message?: string
  readonly redirect?: Redirect
  readonly node?: string
  readonly name?: string
}

const withRedis = await hasRedis()

describe.skipIf(!withRedis)('a cluster', () => {
  let game: ClusterGame
  let master: HostProcess
  const slaves = new Map<string, HostProcess>()
  const clients: PomeloClient[] = []

  const connect = async (port: number) => {
    const client = await connectClient({ transport: 'tcp', port })
    clients.push(client)
    return client
  }
  const askPlace = async (uid: string): Promise<Reply> => {
    const client = await connect(master.tcpPort)
    const reply = (await client.request('login.handler.guest', { uid })) as Reply
    await client.close()
    return reply
  }
  const place = async (uid: string): Promise<Redirect> => {
    const reply = await askPlace(uid)
    expect(reply).toMatchObject({ code: 200, redirect: expect.anything() })
    return reply.redirect as Redirect
  }
  const enter = async ({ port, route, token }: Redirect) => {
    const client = await connect(port)
    return { client, reply: (await client.request(route, { token })) as Reply }
  }
  /** Logs in until it works; a player's client does the same. */
  const play = async (uid: string) => {
    let entered: { client: PomeloClient; reply: Reply } | undefined
    await expect
      .poll(
        async () => {
          const { redirect } = await askPlace(uid)
          if (redirect === undefined) return 0
          entered = await enter(redirect).catch(() => undefined)
          return entered?.reply.code
        },
        { timeout: 15_000, interval: 100 },
      )
      .toBe(200)
    return entered as { client: PomeloClient; reply: Reply }
  }
  const nodeAt = (port: number) =>
    Object.keys(game.ports).find((name) => game.ports[name]?.tcp === port) ?? ''

  beforeAll(async () => {
    game = await makeClusterGame(['north', 'south'])
    const [first, north, south] = await Promise.all(
      ['master', 'north', 'south'].map((name) => game.start(name)),
    )
    master = first as HostProcess
    slaves.set('north', north as HostProcess).set('south', south as HostProcess)
  }, 30_000)
  afterAll(async () => {
    for (const client of clients) if (!client.isClosed) await client.abort()
    await stopAllHosts()
    await game.end()
    removeTempGames()
  })

  it('spreads players over the slaves, which know them and what the master told of them', async () => {
    const nodes = new Set<string>()
    for (const uid of ['a1', 'a2', 'a3', 'a4']) {
      const { client, reply } = await play(uid)
      expect(reply).toMatchObject({ code: 200, name: `n${uid}` })
      nodes.add(reply.node ?? '')
      expect(await client.request('play.handler.start')).toMatchObject({ code: 200 })
      expect(await client.request('play.handler.move')).toMatchObject({ count: 1 })
    }
    expect([...nodes].sort()).toEqual(['north', 'south'])
  })

  it('shows an operator who is ready, and how many play', async () => {
    const ask = async (host: HostProcess | undefined) => {
      const { stdout } = await runAdmin(['cluster', '--json', '--socket', host?.adminSocket ?? ''])
      return JSON.parse(stdout)
    }
    const nodes = ['master', 'north', 'south']
    const all = { players: 4, isReady: true, registry: 'up', nodes }
    expect(await ask(master)).toMatchObject({ ...all, role: 'master' })
    expect(await ask(slaves.get('north'))).toMatchObject({ ...all, role: 'slave', players: 2 })
  })

  it('chats across nodes', async () => {
    const one = await play('a1')
    const all = [one]
    while (all.every(({ reply }) => reply.node === one.reply.node))
      all.push(await play(`c${all.length}`))
    for (const { client } of all) await client.request('play.handler.start')
    await one.client.request('play.handler.say', { text: 'hello' })
    for (const { client } of all) {
      expect(await client.waitPush('onSay')).toEqual({ from: 'a1', text: 'hello' })
    }
  })

  it('sends a player who is there to where he is, and he is there once', async () => {
    const first = await play('b1')
    const second = await play('b1')
    expect(second.reply.node).toBe(first.reply.node)
    expect(await first.client.waitKick()).toBe('logged in from another place')
  })

  it('takes each token once, on the slave that it is for', async () => {
    const redirect = await place('t1')
    const elsewhere = Object.values(game.ports).find(
      ({ tcp }) => tcp !== redirect.port && tcp !== master.tcpPort,
    )
    const wrong = await enter({ ...redirect, port: elsewhere?.tcp ?? 0 })
    expect(wrong.reply).toMatchObject({
      code: 403,
      message: expect.stringContaining('another server'),
    })
    expect((await enter(redirect)).reply).toMatchObject({ code: 200 })
    const again = await enter(redirect)
    expect(again.reply).toMatchObject({ code: 403, message: expect.stringContaining('was used') })
    const onMaster = await enter({ ...redirect, port: master.tcpPort })
    expect(onMaster.reply).toMatchObject({ code: 403 })
  })

  it('replaces the token of a player who asks again', async () => {
    const old = await place('t2')
    const fresh = await place('t2')
    expect((await enter(old)).reply).toMatchObject({ code: 403 })
    expect((await enter(fresh)).reply).toMatchObject({ code: 200 })
  })

  it('takes no token of another secret, and none that was changed', async () => {
    const redirect = await place('t3')
    const node = nodeAt(redirect.port)
    const endsMs = Date.now() + 10_000
    const forged = signToken({ uid: 't3', node, epoch: 1, endsMs, nonce: 'x' }, 'not the secret')
    for (const token of [forged, '', 'x.y', `${redirect.token}x`, `x${redirect.token}`]) {
      expect((await enter({ ...redirect, token })).reply, token).toMatchObject({ code: 403 })
    }
  })

  it('lets no service bind a player whom the master has not sent', async () => {
    for (const port of [master.tcpPort, slaves.get('north')?.tcpPort ?? 0]) {
      const client = await connect(port)
      expect(await client.request('login.handler.smuggle', { uid: 'x' })).toMatchObject({
        code: 409,
      })
    }
  })

  it('a slave that is killed costs its own players a login, and nobody else anything', async () => {
    const players = await Promise.all(['k1', 'k2', 'k3', 'k4'].map((uid) => play(uid)))
    for (const { client } of players) await client.request('play.handler.start')
    const [victim = ''] = players.map(({ reply }) => reply.node ?? '')
    const others = players.filter(({ reply }) => reply.node !== victim)
    slaves.get(victim)?.signal('SIGKILL')
    await slaves.get(victim)?.exited
    for (const { client } of others) {
      expect(await client.request('play.handler.move')).toMatchObject({ code: 200 })
    }
    const startedMs = performance.now()
    const again = await play('k1')
    expect(again.reply.node).not.toBe(victim)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    slaves.set(victim, await game.start(victim))
  }, 40_000)

  it('a master that is killed costs logins only, and learns who is where when it is back', async () => {
    const players = await Promise.all(['m1', 'm2', 'm3', 'm4'].map((uid) => play(uid)))
    master.signal('SIGKILL')
    await master.exited
    for (const { client } of players) {
      await client.request('play.handler.start')
      expect(await client.request('play.handler.move')).toMatchObject({ code: 200 })
    }
    master = await game.start('master')
    for (const [i, { reply }] of players.entries()) {
      expect((await play(`m${i + 1}`)).reply.node).toBe(reply.node)
    }
  }, 40_000)

  it('a slave that drains keeps its players, and those who log in go elsewhere', async () => {
    const first = await play('d1')
    const node = first.reply.node as string
    await first.client.request('play.handler.start')
    const socket = slaves.get(node)?.adminSocket ?? ''
    const said = await runAdmin(['drain-node', '--json', '--socket', socket])
    expect(JSON.parse(said.stdout)).toMatchObject({ node, calls: 0 })
    expect(await first.client.request('play.handler.move')).toMatchObject({ code: 200, node })
    for (const uid of ['d2', 'd3', 'd4']) expect((await play(uid)).reply.node).not.toBe(node)
    // He himself is let go of there before he is let in elsewhere.
    const again = await play('d1')
    expect(again.reply.node).not.toBe(node)
    expect(await first.client.waitKick()).toContain('moved to another server')
    const stopped = await slaves.get(node)?.stop()
    expect(stopped).toMatchObject({ code: 0 })
    slaves.set(node, await game.start(node))
    // Somebody else each time: who has a place keeps it.
    let serial = 0
    const placed = async () => (await play(`e${++serial}`)).reply.node
    await expect.poll(placed, { timeout: 10_000 }).toBe(node)
  }, 40_000)

  it('nobody was ever live twice', async () => {
    expect(await game.redis.get(`${game.prefix}twice`)).toBeNull()
  })
})
