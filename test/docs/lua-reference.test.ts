// docs/LUA.md plays: its files make one game, and its conversations are held with it.
//
// Each conversation has a connection of its own and may call only the routes of its game, which are
// all public. Pushes and replies are each compared in their own order: what is sent from a fork or
// by another lane may come before or after a reply.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type HostProcess,
  projectFolder,
  startHostProcess,
  stopAllHosts,
} from '../support/host-process.ts'
import { connectClient } from '../support/pomelo-client.ts'
import { makeTempGame, removeTempGames } from '../support/temp-game.ts'

const text = readFileSync(join(projectFolder, 'docs/LUA.md'), 'utf8')
const blocks = [...text.matchAll(/^```(lua|text)\n([\s\S]*?)^```$/gm)]

const files = blocks.flatMap(([, kind, body = '']) => {
  const path = /^-- ([\w/]+\.lua)\n/.exec(body)?.[1]
  return kind === 'lua' && path !== undefined ? [{ path, body }] : []
})
const conversations = blocks
  .filter(([, kind]) => kind === 'text')
  .map(([, , body = '']) => body.trim().split('\n'))

/** What a line of the page promises; `"..."` stands for any value. */
function expected(json: string): unknown {
  return JSON.parse(json, (_, value) => (value === '...' ? expect.anything() : value))
}

describe('docs/LUA.md', () => {
  let host: HostProcess
  beforeAll(async () => {
    const isService = ({ path }: { path: string }) => path.startsWith('lua/services/')
    const nameOf = (path: string) => path.replace(/^.*\/|\.lua$/g, '')
    const services = files.filter(isService).map(({ path, body }) => [nameOf(path), body] as const)
    const others = files.filter((file) => !isService(file)).map(({ path, body }) => [path, body])
    const list = services.map(([name, body]) =>
      body.includes('lanes = "one"')
        ? `{ name = "${name}", lanes = "one" },`
        : `{ name = "${name}" },`,
    )
    host = await startHostProcess({
      root: makeTempGame(Object.fromEntries(services), {
        ...Object.fromEntries(others),
        'config/services.lua': `return {\n${list.join('\n')}\n}\n`,
      }),
    })
  })
  afterAll(async () => {
    const exit = await host.stop()
    await stopAllHosts()
    removeTempGames()
    expect(exit, exit.stderr).toMatchObject({ code: 0 })
  })

  it('has every block of Lua in a file, and a conversation for most', () => {
    expect(files.length).toBe(blocks.filter(([, kind]) => kind === 'lua').length)
    expect(conversations.length).toBeGreaterThanOrEqual(9)
  })

  it.each(conversations.map((lines) => [lines[0], lines] as const))('%s', async (_, lines) => {
    const client = await connectClient({ transport: 'tcp', port: host.tcpPort })
    let reply: unknown
    for (const line of lines) {
      const [, mark, first = '', rest = ''] = /^([><*]) (\S+) ?(.*)$/.exec(line) ?? []
      if (mark === '>') {
        reply = await client.request(first, JSON.parse(rest))
      } else if (mark === '*') {
        expect(await client.waitPush(first)).toEqual(JSON.parse(rest))
      } else {
        expect(mark, line).toBe('<')
        const { requestId, ...said } = reply as Record<string, unknown>
        expect(said).toEqual(expected(`${first} ${rest}`))
        expect(requestId === undefined).toBe((said.code as number) < 400)
      }
    }
    expect(client.violations).toEqual([])
    await client.close()
  })
})
