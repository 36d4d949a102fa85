// The HTTP face on a running host: only with the token, and then every command as on the socket.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { runAdmin } from '../support/admin-cli.ts'
import { gameFolder, removeGameFolders } from '../support/game-folder.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'

let host: HostProcess
let tokenFile: string
let token: string
const root = () => gameFolder().root

beforeAll(async () => {
  host = await startHostProcess({ root: root() })
  tokenFile = host.adminSocket.replace(/\.sock$/, '.token')
  token = readFileSync(tokenFile, 'utf8').trim()
})
afterEach(removeGameFolders)
afterAll(stopAllHosts)

const post = (path: string, body: string | undefined, authorization = `Bearer ${token}`) =>
  fetch(`${host.httpUrl}admin/${path}`, {
    method: 'POST',
    headers: authorization === '' ? {} : { authorization },
    ...(body === undefined ? {} : { body }),
  })

describe('the HTTP face', () => {
  it('keeps its token in a file that only its owner can read', () => {
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
    expect(token).toMatch(/^[0-9a-f]{64}$/)
  })

  it('answers a command with JSON', async () => {
    const response = await post('status', undefined)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toMatchObject({ node: 'test', lanes: [{}, {}, {}] })
    const section = await post('config', '{"section":"gate"}')
    expect(await section.json()).toHaveProperty('gate.heartbeat_s', 1)
  })

  it.each([
    ['no token', ''],
    ['a wrong one', `Bearer ${'0'.repeat(64)}`],
    ['a short one', 'Bearer x'],
    ['another scheme', 'Basic x'],
  ])('refuses %s', async (_what, authorization) => {
    const response = await post('status', '{}', authorization)
    expect(response.status).toBe(403)
    expect(await response.json()).toEqual({
      code: 'FORBIDDEN',
      message: 'the admin token is missing or wrong',
    })
  })

  it.each([
    ['fly', '{}', 400, /no command 'fly'/],
    ['status', '{', 400, /not JSON/],
    ['status', '[]', 400, /must be an object/],
    ['sessions', '{"limit":"x"}', 400, /--limit: expected a whole number/],
    ['session', '{"session":"nobody"}', 404, /no session/],
    ['eval', '{"code":"1"}', 403, /admin\.eval/],
    ['trace', '{}', 400, /say what to trace/],
    ['eval', `{"code":"${'x'.repeat(limits.adminRequestBytesMax)}"}`, 413, /too long/],
  ])('%s %# answers what is wrong', async (name, body, status, words) => {
    const response = await post(name, body)
    expect(response.status).toBe(status)
    expect(((await response.json()) as { message: string }).message).toMatch(words)
  })

  it('takes nothing but POST', async () => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${host.httpUrl}admin/status`, { headers })
    expect(response.status).toBe(400)
    expect((await fetch(`${host.httpUrl}playground.json`)).status).toBe(200)
  })

  it('streams as one JSON object a line', async () => {
    for (const service of ['probe', 'work']) await post('rollback', JSON.stringify({ service }))
    const response = await post('log', '{"count":2,"last":2,"match":"rollback"}')
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await response.text()).trim().split('\n')
    expect(lines.map((line) => Object.keys(JSON.parse(line) as object))).toEqual([
      ['event'],
      ['event'],
      ['result'],
    ])
  })

  it('a stream has its head before its first event, and ends with the reader', async () => {
    const reader = new AbortController()
    const response = await fetch(`${host.httpUrl}admin/trace`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{"uid":"nobody"}',
      signal: reader.signal,
    })
    expect(response.status).toBe(200)
    reader.abort()
    await expect(response.text()).rejects.toThrow(/abort/)
  })

  it('stop has its answer before the host ends, and takes the token along', async () => {
    const response = await post('stop', '{}')
    expect(await response.json()).toEqual({ stopping: true })
    expect(await host.exited).toMatchObject({ code: 0 })
    expect(existsSync(tokenFile)).toBe(false)
    expect(existsSync(host.adminSocket)).toBe(false)
  })
})

describe('finding the host', () => {
  it('takes the one that runs here, asks which of two, and says how to start one', async () => {
    const game = gameFolder()
    const none = await runAdmin(['status', '--root', game.root])
    expect(none).toMatchObject({ code: 1, stdout: '' })
    expect(none.stderr).toBe('moonwheel: no host is running here; start one: npm start\n')
    const at = (node: string) => ['--node', node, '--admin-socket', 'data/admin-{node}.sock']
    const first = await startHostProcess({ root: game.root, args: at('first') })
    const alone = await runAdmin(['status', '--root', game.root, '--json'])
    expect(JSON.parse(alone.stdout)).toMatchObject({ node: 'first', pid: first.pid })
    const here = await runAdmin(['status', '--json'], game.root)
    expect(JSON.parse(here.stdout)).toMatchObject({ node: 'first' })
    const second = await startHostProcess({ root: game.root, args: at('second') })
    const both = await runAdmin(['status', '--root', game.root])
    expect(both).toMatchObject({ code: 1, stdout: '' })
    expect(both.stderr).toBe(
      'moonwheel: several hosts run here (data/admin-first.sock, data/admin-second.sock): ' +
        'say which by --node NAME\n',
    )
    const named = await runAdmin(['status', '--root', game.root, '--node', 'second', '--json'])
    expect(JSON.parse(named.stdout)).toMatchObject({ node: 'second', pid: second.pid })
    const nobody = await runAdmin(['status', '--root', game.root, '--node', 'third'])
    expect(nobody.stderr).toMatch(/^moonwheel: no host 'third' is running here; .*--node third\n$/)
    // A killed host leaves its socket behind: the next one of its name takes it over.
    first.signal('SIGKILL')
    await first.exited
    expect(existsSync(`${game.root}/data/admin-first.sock`)).toBe(true)
    const left = await runAdmin(['status', '--root', game.root, '--json'])
    expect(JSON.parse(left.stdout)).toMatchObject({ node: 'second' })
    const again = await startHostProcess({ root: game.root, args: at('first') })
    const back = await runAdmin(['status', '--root', game.root, '--node', 'first', '--json'])
    expect(JSON.parse(back.stdout)).toMatchObject({ pid: again.pid })
    for (const each of [second, again]) await each.stop()
  }, 120_000)
})

describe('two hosts of one name', () => {
  it('do not start: the second one says why', async () => {
    const game = gameFolder()
    const first = await startHostProcess({ root: game.root })
    const socket = ['--admin-socket', first.adminSocket]
    const second = startHostProcess({ root: game.root, args: socket })
    await expect(second).rejects.toThrow(/ended with 2 .*[\s\S]*admin socket .* is running already/)
    const answer = await runAdmin(['status', '--socket', first.adminSocket])
    expect(answer).toMatchObject({ code: 0 })
    await first.stop()
  }, 60_000)
})
