// Every admin command through the real socket of a real host, and its bad arguments through the
// command line: one clear line and exit code 2.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type {
  EvalReport,
  GcReport,
  ProfileReport,
  ServiceReport,
  SessionDetail,
  SessionReport,
  TraceEvent,
} from '../../core/admin/admin-host.ts'
import type { Outcome } from '../../core/admin/command-runner.ts'
import { commandTable } from '../../core/admin/command-table.ts'
import { askAdmin, connectAdmin } from '../../core/admin/socket-client.ts'
import type { HostStatus, LaneStatus } from '../../core/admin/status.ts'
import type { ReloadReport } from '../../core/lane/reload-control.ts'
import { runAdmin, startAdmin } from '../support/admin-cli.ts'
import { type GameFolder, gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const bag = (version: number) => `
local bag = service "bag"
local S = state "bag"
S.calls = S.calls or 0
function bag.handler.look() S.calls = S.calls + 1 return { version = ${version}, calls = S.calls } end
function bag.handler.join(session) channel.join("hall", session) return {} end
local function burn_moonlight(n)
  local sum = 0
  for i = 1, n do sum = sum + math.sin(i) end
  return sum
end
function bag.handler.burn(session, msg) return { sum = burn_moonlight(msg.n) } end
function bag.handler.later() timer.after(60000, function() end) return {} end
function bag.handler.fail() return fail(404, "no such thing") end
return bag`

const hostLua = (runBudgetMs: number, evalOn: boolean) => `return {
  node = { name = "test", id = 7 },
  lua = { engine = env("MOONWHEEL_TEST_ENGINE", "v8") },
  lanes = { count = 2, memory_mb = 128, request_timeout_ms = 3000, run_budget_ms = ${runBudgetMs} },
  gate = { public_routes = { "login.*" } },
  admin = { eval = ${evalOn} },
  log = { level = "info", pretty = false },
}`

let game: GameFolder
let host: HostProcess
const open: PomeloClient[] = []

beforeAll(async () => {
  game = gameFolder({
    'config/services.lua':
      'return { { name = "login" }, { name = "bag" }, { name = "counter", lanes = "one" } }',
    'config/host.lua': hostLua(300, true),
    'config/tables/things.lua': 'return { sword = 5 }',
    'lua/services/bag.lua': bag(1),
  })
  host = await startHostProcess({ root: game.root })
})
afterEach(async () => {
  for (const client of open.splice(0)) await client.close()
})
afterAll(async () => {
  const exit = await host.stop()
  await stopAllHosts()
  removeGameFolders()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
}, 60_000)

async function ask(
  command: string,
  args: object = {},
  event?: (value: unknown) => void,
  signal?: AbortSignal,
): Promise<Outcome> {
  const socket = await connectAdmin(host.adminSocket)
  if (socket === undefined) throw new Error('no host answers')
  return askAdmin(socket, { command, args }, event, signal)
}

/** The answer of a command that must not fail. */
async function answerOf<T>(command: string, args: object = {}): Promise<T> {
  const outcome = await ask(command, args)
  if (!outcome.ok) throw new Error(outcome.error.message)
  // Its text must be made of what has come through JSON.
  const text = commandTable.find(({ name }) => name === command)?.text(outcome.result)
  expect(text).toEqual(expect.any(String))
  expect(text).not.toMatch(/undefined|NaN|\[object/)
  return outcome.result as T
}

async function errorOf(command: string, args: object = {}) {
  const outcome = await ask(command, args)
  if (outcome.ok) throw new Error(`it answered ${JSON.stringify(outcome.result)}`)
  return outcome.error
}

async function logIn(uid: string): Promise<PomeloClient> {
  const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
  open.push(client)
  await client.request('login.handler.as', { uid })
  return client
}

const cli = (...args: string[]) => runAdmin([...args, '--socket', host.adminSocket])

describe('commands through the socket', () => {
  it('help lists the table, and explains one', async () => {
    const all = await answerOf<{ name: string; summary: string }[]>('help')
    expect(all.map(({ name }) => name)).toEqual(commandTable.map(({ name }) => name))
    const [one] = await answerOf<{ usage: string }[]>('help', { command: 'kick' })
    expect(one?.usage).toBe('kick <session> [--reason TEXT]')
    expect(await errorOf('help', { command: 'fly' })).toMatchObject({ code: 'BAD_REQUEST' })
  })

  it('status counts what has happened', async () => {
    const before = await answerOf<HostStatus>('status')
    const client = await logIn('mei')
    for (let i = 0; i < 5; i++) await client.request('bag.handler.look', {})
    await client.request('bag.handler.fail', {})
    await client.request('no.such.route', {})
    const after = await answerOf<HostStatus>('status')
    expect(after).toMatchObject({ node: 'test', pid: host.pid })
    expect(after.sessions).toMatchObject({ open: 1, bound: 1 })
    expect(after.messages.requests - before.messages.requests).toBe(7)
    expect(after.messages.errors).toMatchObject({ 404: (before.messages.errors[404] ?? 0) + 2 })
    const look = after.routes.find(({ route }) => route === 'bag.handler.look')
    expect(look?.requests).toBeGreaterThanOrEqual(5)
    expect(look?.latency.count).toBe(look?.requests)
    expect(look?.latency.p99Us).toBeGreaterThan(0)
    expect(look?.latency.p99Us).toBeGreaterThanOrEqual(look?.latency.p50Us ?? 0)
    const fail = after.routes.find(({ route }) => route === 'bag.handler.fail')
    expect(fail?.errors).toEqual({ 404: 1 })
  })

  it('lanes shows each lane with memory and what its rings held at most', async () => {
    const client = await logIn('mei')
    await client.request('bag.handler.look', {})
    const lanes = await answerOf<LaneStatus[]>('lanes')
    expect(lanes.map(({ lane, state }) => [lane, state])).toEqual([
      [0, 'running'],
      [1, 'running'],
    ])
    for (const lane of lanes) {
      expect(lane.heapBytes).toBeGreaterThan(1_000_000)
      expect(lane.heapLimitBytes).toBeGreaterThan(lane.heapBytes)
    }
    const used = lanes.filter(({ toLane }) => toLane.highWaterBytes > 0)
    expect(used.length).toBeGreaterThan(0)
    // A lane writes its counts between two turns.
    const sessions = async () =>
      (await answerOf<LaneStatus[]>('lanes')).reduce((sum, lane) => sum + lane.sessions, 0)
    await expect.poll(sessions).toBe(1)
  })

  it('services lists versions and routes', async () => {
    const services = await answerOf<ServiceReport[]>('services')
    expect(services.map(({ name }) => name)).toEqual(['login', 'bag', 'counter'])
    expect(services[2]).toMatchObject({ lanes: 'one', file: 'lua/services/counter.lua' })
    expect(services[1]?.routes).toContain('bag.handler.look')
  })

  it('sessions lists all, those that match, and no more than the limit', async () => {
    await logIn('mei')
    await logIn('meilin')
    await logIn('bo')
    const all = await answerOf<{ sessions: SessionReport[]; total: number }>('sessions')
    expect(all.sessions.map(({ uid }) => uid).sort()).toEqual(['bo', 'mei', 'meilin'])
    const matching = await answerOf<typeof all>('sessions', { match: 'mei', limit: 1 })
    expect(matching).toMatchObject({ total: 2, sessions: [{ transport: 'tcp', ip: '127.0.0.1' }] })
    const inLane = await answerOf<typeof all>('sessions', { lane: 0 })
    const others = await answerOf<typeof all>('sessions', { lane: 1 })
    expect(inLane.total + others.total).toBe(3)
  })

  it('session shows one, by uid and by id', async () => {
    const client = await logIn('mei')
    await client.request('bag.handler.join', {})
    const byUid = await answerOf<SessionDetail>('session', { session: 'mei' })
    expect(byUid).toMatchObject({
      uid: 'mei',
      state: 'bound',
      channels: ['hall'],
      client: { dialect: 'pomelo', type: 'moonwheel-test 1.0.0' },
    })
    const byId = await answerOf<SessionDetail>('session', { session: String(byUid.sid) })
    expect(byId.uid).toBe('mei')
    expect(await errorOf('session', { session: 'nobody' })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('kick tells the client why', async () => {
    const client = await logIn('mei')
    const report = await answerOf<SessionReport>('kick', { session: 'mei', reason: 'bed time' })
    expect(report).toMatchObject({ uid: 'mei' })
    expect((await client.waitClose()).kicked).toBe('bed time')
    expect(await errorOf('kick', { session: 'mei' })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('reload and rollback change the code under a connected client, and keep state', async () => {
    const client = await logIn('mei')
    const { calls } = (await client.request('bag.handler.look')) as { calls: number }
    game.write('lua/services/bag.lua', bag(2))
    const report = await answerOf<ReloadReport>('reload', { names: ['bag'] })
    expect(report.services).toEqual([{ name: 'bag', version: 2 }])
    expect(await client.request('bag.handler.look')).toEqual({ version: 2, calls: calls + 1 })
    const back = await answerOf<ReloadReport>('rollback', { service: 'bag' })
    expect(back.services).toEqual([{ name: 'bag', version: 1 }])
    expect(await client.request('bag.handler.look')).toEqual({ version: 1, calls: calls + 2 })
    expect(await errorOf('rollback', { service: 'login' })).toMatchObject({ code: 'CONFLICT' })
    game.write('lua/services/bag.lua', bag(1))
  })

  it('a reload that cannot be says where, and changes nothing', async () => {
    game.write('lua/services/bag.lua', `${bag(9)}\nend`)
    const error = await errorOf('reload', { all: true })
    expect(error).toMatchObject({ code: 'CONFLICT', data: { ok: false } })
    expect(error.message).toMatch(/^nothing has changed:\nlua\/services\/bag\.lua:\d+: /)
    game.write('lua/services/bag.lua', bag(1))
    const client = await logIn('mei')
    expect(await client.request('bag.handler.look')).toMatchObject({ version: 1 })
  })

  it('reload takes tables and settings by name, and what has changed', async () => {
    game.write('config/host.lua', hostLua(400, true))
    game.write('config/tables/things.lua', 'return { sword = 6 }')
    const settings = await answerOf<ReloadReport>('reload', { names: ['settings'] })
    expect(settings).toMatchObject({ settings: ['lanes.run_budget_ms'], tables: [], services: [] })
    const tables = await answerOf<ReloadReport>('reload', { names: ['tables'] })
    expect(tables).toMatchObject({ tables: ['things'], settings: [], services: [] })
    game.write('config/host.lua', hostLua(300, true))
    const changed = await answerOf<ReloadReport>('reload', { changed: true })
    expect(changed).toMatchObject({ settings: ['lanes.run_budget_ms'], tables: [] })
  })

  it('config shows what is in force, by section', async () => {
    const one = await answerOf<Record<string, Record<string, unknown>>>('config', {
      section: 'lanes',
    })
    expect(one).toEqual({ lanes: expect.objectContaining({ count: 2, memory_mb: 128 }) })
    expect(await answerOf('config')).toHaveProperty('gate.public_routes', ['login.*'])
    expect(await errorOf('config', { section: 'nothing' })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('timers counts them by thread', async () => {
    interface Timers {
      readonly waiting: number
      readonly threads: { thread: string; timers: number }[]
    }
    const client = await logIn('mei')
    const { lane } = await answerOf<SessionReport>('session', { session: 'mei' })
    const countOf = ({ threads }: Timers) =>
      threads.find(({ thread }) => thread === `lane ${lane}`)?.timers ?? Number.NaN
    const before = await answerOf<Timers>('timers')
    for (let i = 0; i < 3; i++) await client.request('bag.handler.later')
    // The lane's count is of its last turn, which may be after the reply's.
    await expect
      .poll(async () => countOf(await answerOf<Timers>('timers')) - countOf(before))
      .toBe(3)
    expect(before.threads.map(({ thread }) => thread)).toEqual(['core', 'lane 0', 'lane 1'])
  })

  it('log follows the log, filters it, and sets its level', async () => {
    const lines: Record<string, unknown>[] = []
    const followed = ask('log', { last: 0, match: 'bound', count: 2 }, (line) => {
      lines.push(line as Record<string, unknown>)
    })
    // Only lines that come after the stream has begun are shown.
    let n = 0
    while (lines.length < 2) await logIn(`logged${n++}`)
    expect(await followed).toMatchObject({ ok: true, result: { lines: 2, level: 'info' } })
    expect(lines[0]).toMatchObject({ msg: 'bound', level: 30, node: 'test' })
    const seen: unknown[] = []
    const last = await ask('log', { last: 5, count: 1, match: 'bound' }, (line) => seen.push(line))
    expect(last).toMatchObject({ ok: true, result: { lines: 1 } })
    expect(seen).toHaveLength(1)
    expect(await answerOf('log', { set: 'warn' })).toMatchObject({ level: 'warn' })
    const quiet = await ask('log', { level: 'error', last: 0, seconds: 1 })
    expect(quiet).toMatchObject({ ok: true, result: { lines: 0, level: 'warn' } })
    expect(await answerOf('log', { set: 'info' })).toMatchObject({ level: 'info' })
  })

  it('trace shows one route, or one uid, live, until the operator has seen enough', async () => {
    const client = await logIn('mei')
    const other = await logIn('bo')
    const events: TraceEvent[] = []
    const byRoute = ask('trace', { route: 'bag.handler.look', count: 4 }, (event) => {
      events.push(event as TraceEvent)
    })
    while (events.length < 4) {
      await client.request('bag.handler.look', { a: 1 })
      await other.request('bag.handler.fail', {})
    }
    expect(await byRoute).toMatchObject({ ok: true, result: { messages: 4, dropped: 0 } })
    const first = events.findIndex(({ what }) => what === 'request')
    expect(events.slice(first, first + 2)).toMatchObject([
      { what: 'request', uid: 'mei', route: 'bag.handler.look', body: '{"a":1}' },
      { what: 'reply', uid: 'mei', route: 'bag.handler.look', latencyUs: expect.any(Number) },
    ])
    expect(events[first + 1]?.id).toBe(events[first]?.id)
    const stop = new AbortController()
    const ofBo: TraceEvent[] = []
    const byUid = ask(
      'trace',
      { uid: 'bo' },
      (event) => {
        ofBo.push(event as TraceEvent)
        stop.abort()
      },
      stop.signal,
    )
    while (ofBo.length === 0) {
      await client.request('bag.handler.look', {})
      await other.request('bag.handler.fail', {})
    }
    expect(await byUid).toMatchObject({ ok: true })
    expect(new Set(ofBo.map(({ uid }) => uid))).toEqual(new Set(['bo']))
  })

  it('eval runs Lua in the lane that was named, and hands back what it raises', async () => {
    const one = await answerOf<EvalReport>('eval', { code: '1 + 1, { a = 1 }, nil', lane: 1 })
    expect(one).toMatchObject({ lane: 1, values: ['2', '{"a":1}', 'nil'] })
    const statements = await answerOf<EvalReport>('eval', { code: 'local x = 5 sleep(1) return x' })
    expect(statements.values).toEqual(['5'])
    const service = await answerOf<EvalReport>('eval', { code: 'type(services.bag)' })
    expect(service.values).toEqual(['table'])
    expect((await errorOf('eval', { code: 'error("oh no")' })).message).toMatch(/^eval:1: oh no/)
    expect((await errorOf('eval', { code: 'x =' })).message).toMatch(/^eval:\d: /)
    expect(await errorOf('eval', { code: '1', lane: 2 })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('eval has a time limit, for waits and for loops', async () => {
    const slept = await errorOf('eval', { code: 'sleep(60000)', 'limit-ms': 50 })
    expect(slept.message).toMatch(/timed out after 50 ms/)
    const began = performance.now()
    const looped = await errorOf('eval', { code: 'while true do end' })
    expect(looped).toMatchObject({ code: 'SCRIPT' })
    expect(performance.now() - began).toBeLessThan(2500)
    expect(await answerOf<EvalReport>('eval', { code: '7' })).toMatchObject({ values: ['7'] })
  })

  it('eval is refused while the config has it off', async () => {
    game.write('config/host.lua', hostLua(300, false))
    await answerOf('reload', { names: ['settings'] })
    expect(await errorOf('eval', { code: '1' })).toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringMatching(/admin\.eval/),
    })
    game.write('config/host.lua', hostLua(300, true))
    await answerOf('reload', { names: ['settings'] })
    expect(await answerOf<EvalReport>('eval', { code: '1' })).toMatchObject({ values: ['1'] })
  })

  it('gc collects in every thread', async () => {
    const threads = await answerOf<GcReport[]>('gc')
    expect(threads.map(({ thread }) => thread)).toEqual(['lane 0', 'lane 1', 'core'])
    for (const { afterBytes } of threads) expect(afterBytes).toBeGreaterThan(1_000_000)
  })

  it('profile writes a file that names the Lua functions and their places', async () => {
    const client = await logIn('mei')
    const { lane } = await answerOf<SessionReport>('session', { session: 'mei' })
    const profiled = answerOf<ProfileReport>('profile', { thread: String(lane), ms: 400 })
    let isOver = false
    void profiled.finally(() => (isOver = true))
    while (!isOver) await client.request('bag.handler.burn', { n: 200_000 })
    const report = await profiled
    expect(report.samples).toBeGreaterThan(50)
    const file = join(game.root, report.file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const whole = JSON.parse(readFileSync(file, 'utf8')) as {
      nodes: { callFrame: { functionName: string; url: string } }[]
      samples: number[]
    }
    expect(whole.samples.length).toBe(report.samples)
    const frames = whole.nodes.map(({ callFrame }) => `${callFrame.functionName} ${callFrame.url}`)
    if ((process.env.MOONWHEEL_TEST_ENGINE ?? 'v8') === 'v8') {
      expect(frames.join('\n')).toMatch(/burn_moonlight lua\/services\/bag\.lua/)
      const top = report.top.map(({ name, place }) => `${name} ${place}`)
      expect(top.join('\n')).toMatch(
        /(burn_moonlight|bag\.handler\.burn) lua\/services\/bag\.lua:\d+/,
      )
    }
    const core = await answerOf<ProfileReport>('profile', { thread: 'core', ms: 50 })
    expect(core.file).toMatch(/core/)
    expect(await errorOf('profile', { thread: '7', ms: 50 })).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('cluster shows a host that stands alone', async () => {
    expect(await answerOf('cluster')).toMatchObject({ role: 'single', registry: 'off', nodes: [] })
  })

  it('drain-node lets nobody new in, and those who are there play on', async () => {
    const second = await startHostProcess({ root: game.root, args: ['--node', 'second'] })
    const client = await connectClient({ transport: 'tcp', port: second.tcpPort })
    const drain = () => runAdmin(['drain-node', '--socket', second.adminSocket])
    const stdout = 'second is draining: 1 sessions and 0 calls are still there\n'
    expect(await drain()).toMatchObject({ code: 0, stdout })
    expect(await client.request('login.handler.as', { uid: 'mei' })).toMatchObject({ code: 200 })
    await expect(connectClient({ transport: 'tcp', port: second.tcpPort })).rejects.toThrow()
    await client.close()
    expect(await second.stop()).toMatchObject({ code: 0 })
  })

  it('stop ends the host in order: clients hear the reason, and the command has its answer', async () => {
    const second = await startHostProcess({ root: game.root, args: ['--node', 'second'] })
    const client = await connectClient({ transport: 'tcp', port: second.tcpPort })
    const said = await runAdmin([
      'stop',
      '--reason',
      'back at noon',
      '--socket',
      second.adminSocket,
    ])
    expect(said).toMatchObject({ code: 0, stdout: 'the host is stopping\n', stderr: '' })
    expect((await client.waitClose()).kicked).toBe('back at noon')
    expect(await second.exited).toMatchObject({ code: 0 })
    const late = await runAdmin(['status', '--socket', second.adminSocket])
    expect(late).toMatchObject({ code: 1, stdout: '' })
    expect(late.stderr).toMatch(/^moonwheel: no host answers at .*; start one: npm start\n$/)
  })
})

describe('bad arguments', () => {
  it.each([
    ['help', 'fly'],
    ['help', 'status', 'lanes'],
    ['status', 'now'],
    ['lanes', '--all'],
    ['services', 'bag'],
    ['sessions', '--limit', '0'],
    ['sessions', '--lane', 'x'],
    ['session'],
    ['kick'],
    ['kick', 'mei', '--why', 'x'],
    ['kick', 'mei', '--reason'],
    ['reload'],
    ['reload', 'bag', '--all'],
    ['reload', 'nosuch'],
    ['rollback'],
    ['rollback', 'nosuch'],
    ['config', 'a', 'b'],
    ['rpc', 'nosuch'],
    ['timers', '1'],
    ['log', '--set', 'loud'],
    ['log', '--count', '0'],
    ['trace'],
    ['trace', '--session', 'mei'],
    ['eval'],
    ['eval', '1', '--limit-ms', '99999999'],
    ['gc', 'now'],
    ['profile', 'everything'],
    ['profile', '0', '--ms', '5'],
    ['cluster', 'now'],
    ['drain-node', 'now'],
    ['stop', 'now'],
    ['fly'],
    ['status', '--json=yes'],
    ['status', '--node'],
  ])('%s %s %s %s', async (...args) => {
    const words = args.filter((word) => word !== undefined)
    const exit = await runAdmin([words[0] ?? '', '--socket', host.adminSocket, ...words.slice(1)])
    expect(exit, exit.stderr).toMatchObject({ code: 2, stdout: '' })
    expect(exit.stderr).toMatch(/^moonwheel: [^\n]+\n$/)
  })

  it('covers every command', () => {
    const source = readFileSync(new URL(import.meta.url), 'utf8')
    for (const { name } of commandTable) expect(source).toContain(`['${name}'`)
  })
})

describe('the command line', () => {
  it('prints text for people, and JSON with --json', async () => {
    const text = await cli('services')
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/^service +version +lanes +file +routes\nlogin /)
    const json = await cli('services', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: 'login' }, { name: 'bag' }, {}])
    const error = await cli('session', 'nobody', '--json')
    expect(error).toMatchObject({ code: 1 })
    expect(JSON.parse(error.stdout)).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })

  it('help needs no host', async () => {
    const help = await runAdmin(['help', '--root', join(game.root, 'nowhere')])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    for (const { name, summary } of commandTable) {
      expect(help.stdout).toContain(`${name} `)
      expect(help.stdout).toContain(summary)
    }
    for (const { name } of commandTable) {
      const one = commandTable.find((each) => each.name === 'help')
      expect(one?.text([await explained(name)])).toContain(`npm run admin -- ${name}`)
    }
  })

  it('Ctrl-C ends a stream in order', async () => {
    const following = startAdmin(['log', '--last', '1', '--socket', host.adminSocket])
    await following.printed(/\n/)
    following.child.kill('SIGINT')
    expect(await following.exited).toMatchObject({ code: 0, stderr: '' })
  })

  it('completion: bash completes commands, options and choices', async () => {
    const script = await runAdmin(['completion'])
    expect(script.code).toBe(0)
    const complete = async (line: string): Promise<string[]> => {
      const words = line.split(' ')
      const bash = `${script.stdout}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_moonwheel_admin; printf '%s\\n' "\${COMPREPLY[@]}"`
      const { execFileSync } = await import('node:child_process')
      return execFileSync('bash', ['-c', bash], { encoding: 'utf8' }).trim().split('\n')
    }
    expect(await complete('moonwheel-admin se')).toEqual(['services', 'sessions', 'session'])
    expect(await complete('moonwheel-admin kick --r')).toEqual(['--reason', '--root'])
    expect(await complete('moonwheel-admin log --set w')).toEqual(['warn'])
    expect(await complete('moonwheel-admin help ga')).toEqual([''])
    expect(await complete('moonwheel-admin help g')).toEqual(['gc'])
  })

  it('no command has an option that is the tool’s own', () => {
    const names = commandTable.flatMap((each) => each.arguments.map(({ name }) => name))
    for (const own of ['node', 'socket', 'root', 'json']) expect(names).not.toContain(own)
  })
})

describe('the audit log', () => {
  interface AuditLine {
    readonly command: string
    readonly [field: string]: unknown
  }
  const auditLines = (): AuditLine[] =>
    readFileSync(join(game.root, 'data/audit.log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditLine)

  it('has one line for each command: who, when, what, outcome', async () => {
    writeFileSync(join(game.root, 'data/audit.log'), '')
    await answerOf('status')
    await errorOf('kick', { session: 'nobody' })
    await errorOf('sessions', { limit: 'many' })
    await errorOf('fly', { far: true })
    await ask('log', { last: 0, count: 1, seconds: 1 })
    await answerOf('log', { set: 'info' })
    const pid = process.pid
    expect(auditLines()).toMatchObject([
      { command: 'status', outcome: 'ok', face: 'socket', pid, args: {}, node: 'test' },
      { command: 'kick', outcome: 'refused', code: 'NOT_FOUND', args: { session: 'nobody' } },
      { command: 'sessions', outcome: 'refused', code: 'BAD_REQUEST', args: { limit: 'many' } },
      { command: 'fly', outcome: 'refused', code: 'BAD_REQUEST' },
      { command: 'log', outcome: 'streaming', args: { count: 1 } },
      { command: 'log', outcome: 'ok', args: { set: 'info' } },
    ])
    const [first] = auditLines()
    expect(first?.uid).toBe(process.getuid?.())
    expect(first?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(statSync(join(game.root, 'data/audit.log')).mode & 0o777).toBe(0o600)
  })

  it('nothing but the log, profiles and sockets lies in data/', () => {
    expect(readdirSync(join(game.root, 'data')).sort()).toEqual(['audit.log', 'profiles'])
  })
})

async function explained(name: string): Promise<unknown> {
  const [entry] = await answerOf<unknown[]>('help', { command: name })
  return entry
}
