// What a designer is told of a mistake: file, line and cure in the log, and nothing of it to clients.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type HostProcess,
  runHostToEnd,
  startHostProcess,
  stopAllHosts,
} from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

afterAll(async () => {
  await stopAllHosts()
  removeTempGames()
})

/** The body of a handler (at line 3 of its file), and what the log must say. */
const slips: Readonly<Record<string, readonly [body: string, log: string]>> = {
  read_global: [
    'local x = mgs.name',
    "lua/services/read_global.lua:3: global 'mgs' is not defined",
  ],
  write_global: ['count = 1', "lua/services/write_global.lua:3: global 'count' is not defined"],
  nil_field: [
    'return msg.bag.items',
    "lua/services/nil_field.lua:3: attempt to index a nil value (field 'bag')",
  ],
  no_table: [
    'return config.tables.skil[1]',
    "lua/services/no_table.lua:3: attempt to index a nil value (field 'skil')",
  ],
  write_config: [
    'config.tables.skills[1].damage = 5',
    "lua/services/write_config.lua:3: config.tables.skills.1 is read-only (writing 'damage')",
  ],
  sends_function: [
    'return { code = 200, deep = { print } }',
    'the reply cannot be sent: cannot be JSON: deep[1]: a function',
  ],
  no_route: ['session:push(nil, {})', 'lua/services/no_route.lua:3: session:push(route, msg)'],
  dot_push: ['session.push("onX", {})', 'lua/services/dot_push.lua:3: session:push(route, msg)'],
  long_route: [
    'session:push(("x"):rep(256), {})',
    'lua/services/long_route.lua:3: session:push: the route must be a text of 1 to 255 bytes',
  ],
  no_session: [
    'channel.join("hall")',
    'lua/services/no_session.lua:3: channel.join: argument 2 must be a session, it is a nil',
  ],
  not_a_session: [
    'channel.broadcast("hall", "onX", {}, session.uid or "x")',
    'lua/services/not_a_session.lua:3: channel.broadcast: argument 4 must be a session or nothing',
  ],
  sleep_text: [
    'sleep("soon")',
    'lua/services/sleep_text.lua:3: sleep: argument 1 must be a number from 0 to',
  ],
  fork_value: [
    'fork(sleep(1))',
    'lua/services/fork_value.lua:3: fork: argument 1 must be a function',
  ],
  no_code: ['return fail("no such item")', 'as in fail(404, "no such item")'],
  no_service: [
    'local x = rpc.call("no_servce", "f")',
    "lua/services/no_service.lua:3: there is no service 'no_servce' (see config/services.lua)",
  ],
  no_remote: [
    'local x = rpc.call("no_code", "f")',
    "lua/services/no_remote.lua:3: service 'no_code' has no remote function 'f'",
  ],
  recursion: [
    'local function f(n) return 1 + f(n + 1) end f(1)',
    'lua/services/recursion.lua:3: stack overflow',
  ],
}

const handlerWith = (name: string, body: string): string =>
  `local s = service "${name}"\nfunction s.handler.go(session, msg)\n  ${body}\nend\nreturn s\n`

const skills = 'return { { damage = 1 } }\n'

describe('a mistake in a handler', () => {
  let host: HostProcess
  let client: PomeloClient
  beforeAll(async () => {
    const services = Object.entries(slips).map(([name, [body]]) => [name, handlerWith(name, body)])
    const twoLanes = `local one = service "one"
function one.remote.bug(x)
  return x.y
end
function one.remote.fail()
  error(fail(418, "teapot"))
end
return one
`
    const asks = `local asks = service "asks"
function asks.handler.bug()
  local result = rpc.call("one", "bug")
  return result
end
function asks.handler.absent()
  local result = rpc.call("one", "absent")
  return result
end
function asks.handler.fail()
  return rpc.call("one", "fail")
end
return asks
`
    const names = [...Object.keys(slips), 'asks']
    const listed = names.map((name) => `{ name = "${name}" }, `).join('')
    const root = makeTempGame(
      { ...Object.fromEntries(services), asks, one: twoLanes },
      {
        'config/tables/skills.lua': skills,
        'config/services.lua': `return { ${listed} { name = "one", lanes = "one" } }\n`,
        'lua/services/forgotten.lua': 'local forgotten = service "forgotten"\nreturn forgotten\n',
      },
    )
    host = await startHostProcess({ root })
    // fengari takes seconds to fill its stack.
    client = await connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 25_000 })
  })
  afterAll(async () => {
    await client.close()
    expect(await host.stop()).toMatchObject({ code: 0 })
  })

  it.each(Object.keys(slips))('%s is told with its place, and only to the log', async (name) => {
    const reply = await client.request(`${name}.handler.go`)
    expect(reply).toEqual({ code: 500, message: 'internal error', requestId: expect.any(String) })
    const { requestId } = reply as { requestId: string }
    const line = await host.waitLog((each) => each.requestId === requestId, name)
    expect(line.msg).toContain(slips[name]?.[1])
    expect(line).toMatchObject({ level: 50, route: `${name}.handler.go` })
  })

  it('in another service is told to no client, whichever lane either runs in', async () => {
    const words = { bug: /one\.remote\.bug: lua\/services\/one\.lua:3: .*'x'/, absent: /'absent'/ }
    const others = await Promise.all(
      [1, 2, 3].map(() => connectClient({ transport: 'tcp', port: host.tcpPort })),
    )
    for (const each of others) {
      for (const [method, pattern] of Object.entries(words)) {
        const reply = (await each.request(`asks.handler.${method}`)) as { requestId: string }
        expect(reply).toMatchObject({ code: 500, message: 'internal error' })
        const line = await host.waitLog(({ requestId }) => requestId === reply.requestId, method)
        expect(line.msg).toMatch(pattern)
        expect(line.msg).toMatch(/^lua\/services\/asks\.lua:\d: /)
      }
      expect(await each.request('asks.handler.fail')).toMatchObject({
        code: 418,
        message: 'teapot',
      })
      await each.close()
    }
  })

  it('a service file that is not listed is warned of', async () => {
    const line = await host.waitLog(({ level }) => level === 40, 'the warning')
    expect(line.msg).toBe(
      'lua/services/forgotten.lua is not served: config/services.lua does not list it',
    )
  })
})

describe('a mistake in the top-level code stops the start', () => {
  it.each([
    ['sleep(10)', /lua\/services\/top\.lua:2: sleep waits, and nothing can wait while/],
    ['local r = rpc.call("top", "f")', /top\.lua:2: .*'top' is not loaded yet; call it from init/],
    [
      'function top.handlers.go() end',
      /top\.lua:2: a service has no 'handlers'; did you mean top\.handler\?/,
    ],
    [
      'function top.onBind() end',
      /lua\/services\/top\.lua: top\.onBind is never called; did you mean top\.on_bind\?/,
    ],
    [
      'function top.handler.go() if true then',
      /top\.lua:4: 'end' expected \(to close 'if' at line 2\)/,
    ],
  ])('%s', async (line, words) => {
    const root = makeTempGame({ top: `local top = service "top"\n${line}\nreturn top\n` })
    const exit = await runHostToEnd(['--root', root, '--port-base', '0'])
    expect(exit.stderr).toMatch(words)
    expect(exit).toMatchObject({ code: 2, stdout: '' })
  })
})
