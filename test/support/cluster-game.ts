// A cluster of one master and some slaves on this machine, as processes, with a small game.
//
// The game writes to Redis what the tests judge: each acknowledged move is counted under its player, and
// a move that a host handles although another host has bound the player since is counted as `twice`.

import { Redis } from 'ioredis'
import { freePorts } from './free-ports.ts'
import { type HostProcess, startHostProcess } from './host-process.ts'
import { redisPrefix, redisUrl, removeRedisKeys } from './redis.ts'
import { makeTempGame } from './temp-game.ts'

export interface ClusterGame {
  readonly prefix: string
  readonly redis: Redis
  readonly ports: Readonly<Record<string, { readonly tcp: number; readonly rpc: number }>>
  start(name: string): Promise<HostProcess>
  /** Ends what is left, and removes what was written. */
  end(): Promise<void>
}

const login = `local login = service "login"

function login.handler.guest(session, msg)
  local redirect = cluster.place(session, msg.uid, { name = "n" .. msg.uid })
  if redirect then
    return { code = 200, redirect = redirect }
  end
  session:bind(msg.uid)
  return { code = 200 }
end

function login.handler.enter(session, msg)
  local uid, context = cluster.accept(msg.token)
  session:bind(uid)
  session.data.name = context.name
  return { code = 200, uid = uid, name = context.name, node = cluster.node }
end

-- What no game should do: the host has to refuse it.
function login.handler.smuggle(session, msg)
  session:bind(msg.uid)
  return { code = 200 }
end

return login
`

const play = (prefix: string) => `local play = service "play"
local owners, counts, twice = "${prefix}owners", "${prefix}counts", "${prefix}twice"

local move = [[
if redis.call("HGET", KEYS[1], ARGV[1]) ~= ARGV[2] then
  redis.call("INCR", KEYS[3])
end
return redis.call("HINCRBY", KEYS[2], ARGV[1], 1)]]

local function here(session)
  return cluster.node .. ":" .. session.id
end

function play.handler.start(session)
  redis.call("HSET", owners, session.uid, here(session))
  channel.join("all", session)
  return { code = 200 }
end

function play.handler.move(session, msg)
  local count = redis.call("EVAL", move, 3, owners, counts, twice, session.uid, here(session))
  return { code = 200, count = count, node = cluster.node }
end

function play.handler.say(session, msg)
  channel.publish("say", { from = session.uid, text = msg.text })
  return { code = 200 }
end

return play
`

const ear = `local ear = service "ear"
function ear.init()
  channel.subscribe("say", function(said)
    channel.broadcast("all", "onSay", said)
  end)
end
return ear
`

/** @param slaves their names; the master is `master` */
export async function makeClusterGame(
  slaves: readonly string[],
  more: { readonly leaseMs?: number; readonly tokenMs?: number } = {},
): Promise<ClusterGame> {
  const prefix = redisPrefix()
  const names = ['master', ...slaves]
  const free = await freePorts(2 * names.length)
  const ports = Object.fromEntries(
    names.map((name, i) => [name, { tcp: free[2 * i] as number, rpc: free[2 * i + 1] as number }]),
  )
  const rows = names.map((name, i) => {
    const role = name === 'master' ? 'master' : 'slave'
    const { tcp, rpc } = ports[name] as { tcp: number; rpc: number }
    return `    ${name} = { role = "${role}", id = ${i + 1}, rpc = ${rpc}, tcp = ${tcp}, ws = false },`
  })
  const root = makeTempGame(
    { login, play: play(prefix), ear },
    {
      'config/services.lua': `return {
  { name = "login" }, { name = "play" }, { name = "ear", lanes = "one" },
}\n`,
      'config/cluster.lua': `return {
  secret = "a secret of this test alone",
  lease_ms = ${more.leaseMs ?? 1500},
  token_ms = ${more.tokenMs ?? 30_000},
  nodes = {
${rows.join('\n')}
  },
}\n`,
      'config/host.lua': `return {
  lanes = { count = 1 },
  lua = { engine = env("MOONWHEEL_TEST_ENGINE", env("MOONWHEEL_LUA_ENGINE", "v8")) },
  redis = { url = "${redisUrl}", prefix = "${prefix}" },
  log = { level = "info", pretty = false },
}\n`,
    },
  )
  const redis = new Redis(redisUrl)
  return {
    prefix,
    redis,
    ports,
    start: (name) => startHostProcess({ root, args: ['--node', name], ownPorts: true }),
    end: async () => {
      redis.disconnect()
      await removeRedisKeys(prefix)
    },
  }
}
