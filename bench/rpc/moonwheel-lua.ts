// A Lua method of a whole host, called by our client: what a game's own call costs. Own processes.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadConfig } from '../../core/config/load.ts'
import { startHost } from '../../core/host/host.ts'
import type { Caller, Contender } from './contender.ts'
import { connectTo } from './moonwheel.ts'

const files = {
  'config/host.lua': `return {
  node = { name = "server" },
  lanes = { count = 1 },
  listen = { tcp = false, ws = false, http = false },
  admin = { socket = false },
  rpc = { port = 0 },
  log = { level = "warn", pretty = false },
}\n`,
  'config/services.lua': 'return { { name = "echo" } }\n',
  'lua/services/echo.lua': `local echo = service "echo"
function echo.remote.echo(text)
  return text
end
return echo\n`,
}

async function serve(): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'moonwheel-bench-'))
  process.once('exit', () => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const host = await startHost(loadConfig({ root }), 'bench')
  const address = host.addresses.find((each) => each.startsWith('rpc:')) ?? ''
  return Number(new URL(address).port)
}

/** The body as LuaValues: one string. */
function wrapped(caller: Caller): Caller {
  return {
    ...caller,
    call: (body, done) => {
      const value = Buffer.concat([Buffer.from([0x0a, body.length + 2, 0x2a, body.length]), body])
      caller.call(value, done)
    },
  }
}

export const moonwheelLua: Contender = {
  name: 'moonwheel, Lua',
  serve,
  connect: (port) => Promise.resolve(wrapped(connectTo(port, 'echo'))),
}
