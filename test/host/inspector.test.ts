// The Node inspector in Lua: a breakpoint by path and line of a .lua file, locals by their names, the
// Lua source behind the script, and a CPU profile with Lua names.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CdpSession, type Inspection, inspect } from '../support/cdp.ts'
import {
  type HostProcess,
  projectFolder,
  startHostProcess,
  stopAllHosts,
} from '../support/host-process.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'

const path = 'lua/services/hello.lua'
const source = readFileSync(join(projectFolder, path), 'utf8')
/** From 0, as the protocol counts. */
const returnLine = source.split('\n').findIndex((line) => line.includes('return { code = 200'))

let host: HostProcess
let inspection: Inspection
let client: PomeloClient
let lanes: CdpSession[]
const scripts: { id: string; url: string; sourceMapURL: string }[] = []

beforeAll(async () => {
  host = await startHostProcess({
    root: projectFolder,
    args: ['--node', 'inspected'],
    nodeArgs: ['--inspect=127.0.0.1:0'],
  })
  const [, url = ''] = await host.waitText('stderr', /Debugger listening on (ws:\S+)/)
  inspection = await inspect(url)
  await inspection.worker(/lane 0/)
  lanes = [...inspection.workers].filter(([name]) => /lane \d/.test(name)).map(([, each]) => each)
  for (const lane of lanes) {
    lane.on((method, params) => {
      if (method === 'Debugger.scriptParsed') {
        const { scriptId: id, url, sourceMapURL } = params as Record<string, string>
        scripts.push({ id: id ?? '', url: url ?? '', sourceMapURL: sourceMapURL ?? '' })
      }
    })
    await lane.send('Debugger.enable')
  }
  client = await connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 20_000 })
  await client.request('login.handler.guest', { name: 'Mei' })
})
afterAll(async () => {
  await client.close()
  inspection.close()
  const exit = await host.stop()
  await stopAllHosts()
  expect(exit, exit.stderr).toMatchObject({ code: 0 })
})

interface Paused {
  callFrames: {
    callFrameId: string
    functionName: string
    location: { scriptId: string; lineNumber: number }
    scopeChain: { type: string; object: { objectId: string } }[]
  }[]
}

it('stops at a line of a .lua file and shows locals by name', async () => {
  const stops = lanes.map(async (lane) => {
    const set = await lane.send('Debugger.setBreakpointByUrl', {
      url: path,
      lineNumber: returnLine,
    })
    const params = (await lane.next('Debugger.paused')) as unknown as Paused
    return { lane, params, breakpointId: set.breakpointId }
  })
  // Commands of one lane are answered in order: with these answers the breakpoints are set.
  await Promise.all(lanes.map((lane) => lane.send('Runtime.enable')))
  const reply = client.request('hello.handler.hi', { name: 'Mei' })
  const { lane, params } = await Promise.race(stops)
  const [frame] = params.callFrames
  const script = scripts.find((each) => each.id === frame?.location.scriptId)
  expect(script?.url).toBe(path)
  expect(frame?.location.lineNumber).toBe(returnLine)
  expect(frame?.functionName).toMatch(/hello·handler·hi/)
  const scope = frame?.scopeChain.find((each) => each.type === 'local')
  const { result } = (await lane.send('Runtime.getProperties', {
    objectId: scope?.object.objectId,
  })) as { result: { name: string; value?: { value?: unknown } }[] }
  expect(result.find((each) => each.name === 'name')?.value?.value).toBe('Mei')
  const evaluated = await lane.send('Debugger.evaluateOnCallFrame', {
    callFrameId: frame?.callFrameId,
    expression: 'msg.rec.name + "!"',
  })
  expect(evaluated).toMatchObject({ result: { value: 'Mei!' } })
  // As long as a person thinks: longer than the time after which a lane that stands still is ended.
  await new Promise((resolve) => setTimeout(resolve, 1200))
  await lane.send('Debugger.resume')
  expect(await reply).toEqual({ code: 200, text: 'Hello, Mei!' })
  expect(host.log.filter(({ msg }) => /lost|ended/.test(msg) && !/inspector/.test(msg))).toEqual([])
  for (const each of lanes) await each.send('Debugger.disable')
})

it('gives the Lua source with each script', () => {
  const script = scripts.find((each) => each.url === path)
  const [, base64 = ''] = /base64,(.*)$/.exec(script?.sourceMapURL ?? '') ?? []
  const map = JSON.parse(Buffer.from(base64, 'base64').toString()) as Record<string, unknown>
  expect(map).toMatchObject({ version: 3, sources: ['hello.lua'], sourcesContent: [source] })
  expect(map.mappings).toBe(`AAAA${';AACA'.repeat(source.split('\n').length - 1)}`)
})

it('shows Lua functions by name in a CPU profile', async () => {
  for (const lane of lanes) {
    await lane.send('Profiler.enable')
    await lane.send('Profiler.setSamplingInterval', { interval: 50 })
    await lane.send('Profiler.start')
  }
  let names: string[] = []
  for (let i = 0; i < 2000; i++) await client.request('hello.handler.hi', { name: `n${i}` })
  for (const lane of lanes) {
    const { profile } = (await lane.send('Profiler.stop')) as unknown as {
      profile: { nodes: { callFrame: { functionName: string; url: string } }[] }
    }
    names = names.concat(
      profile.nodes
        .filter(({ callFrame }) => callFrame.url.endsWith('.lua'))
        .map(({ callFrame }) => `${callFrame.functionName} ${callFrame.url}`),
    )
  }
  expect(names).toContain(`hello·handler·hi ${path}`)
})
