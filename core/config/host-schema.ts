// The sections of config/host.lua: every field, what it accepts, and its default.
//
// Any thread; data. To add a section: its interface in types.ts, its fields here, its comments in
// config/host.lua. Rules between fields are functions in `rules`.

import { availableParallelism } from 'node:os'
import { limits } from '../base/limits.ts'
import { databaseUrlProblem } from './database-url.ts'
import { bytes, choice, integer, orOff, port, type Section, text, textList } from './fields.ts'
import type {
  AdminConfig,
  CacheConfig,
  DbConfig,
  DrainConfig,
  GateConfig,
  HostSections,
  LanesConfig,
  ListenConfig,
  LogConfig,
  LuaConfig,
  NodeConfig,
  RedisConfig,
  RpcConfig,
  SpoolConfig,
} from './types.ts'

const node: Section<NodeConfig> = {
  name: text(
    'node1',
    /^[A-Za-z][A-Za-z0-9_-]{0,31}$/,
    'a name of 1 to 32 letters, digits, _ and -, that begins with a letter',
  ),
  id: integer(1, 0, 1023),
}

const lanes: Section<LanesConfig> = {
  count: integer(
    Math.min(limits.lanesMax, Math.max(1, availableParallelism() - 1)),
    1,
    limits.lanesMax,
  ),
  memoryMb: integer(limits.laneMemoryMb, 32, 65536),
  requestTimeoutMs: integer(limits.requestTimeoutMs, 10, 600_000),
  runBudgetMs: integer(limits.runBudgetMs, 50, 60_000),
  inboxMessagesMax: integer(limits.inboxMessagesMax, 1, 4096),
}

const lua: Section<LuaConfig> = {
  engine: choice('v8', ['v8', 'fengari']),
  stringBytesMax: bytes(limits.luaStringBytesMax, 65536, 256 * 1024 * 1024),
}

const listen: Section<ListenConfig> = {
  host: text('127.0.0.1', /^[\w.:-]{1,255}$/, 'an address such as "127.0.0.1" or "0.0.0.0"'),
  tcp: port(7300),
  ws: port(7301),
  http: port(7302),
}

const gate: Section<GateConfig> = {
  heartbeatS: integer(limits.heartbeatS, 1, 3600),
  connectionsMax: integer(limits.connectionsMax, 1, 1_000_000),
  handshakeTimeoutMs: integer(limits.handshakeTimeoutMs, 100, 600_000),
  frameBytesMaxBeforeBind: bytes(limits.frameBytesMaxBeforeBind, 256, 16 * 1024 * 1024 - 1),
  frameBytesMax: bytes(limits.frameBytesMax, 256, 16 * 1024 * 1024 - 1),
  outQueueBytesMax: bytes(limits.outQueueBytesMax, 4096, 256 * 1024 * 1024),
  outStallMs: integer(limits.outStallMs, 10, 600_000),
  publicRoutes: textList(
    ['login.*', 'echo.*'],
    /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?$/,
    'routes such as "login.handler.guest" or "login.*"',
  ),
}

const rpc: Section<RpcConfig> = {
  host: text('127.0.0.1', /^[\w.:-]{1,255}$/, 'an address such as "127.0.0.1" or "0.0.0.0"'),
  port: port(false),
  httpPort: port(false),
  token: text('', /^[\x20-\x7e]{0,256}$/, 'a text of at most 256 printable characters'),
  timeoutMs: integer(limits.rpcTimeoutMs, 10, limits.rpcTimeoutMsMax),
  leaseMs: integer(limits.registryLeaseMs, 300, 60_000),
}

const spool: Section<SpoolConfig> = {
  folder: text('sql-spool', /^[^\0]{1,1024}$/, 'a folder'),
  policy: choice('fdatasync', ['fdatasync', 'write']),
  segmentBytesMax: bytes(limits.spoolSegmentBytesMax, 65536, 1024 * 1024 * 1024),
}

const drain: Section<DrainConfig> = {
  auto: choice<boolean>(true, [true, false]),
  batchTransactionsMax: integer(limits.batchTransactionsMax, 1, 100_000),
  archiveDays: integer(limits.archiveDays, 0, 36_500),
}

const db: Section<DbConfig> = {
  url: text('sqlite:data/game.db', /^[^\0]{1,1024}$/, 'the address of a database'),
  queryTimeoutMs: integer(limits.queryTimeoutMs, 10, 600_000),
  poolConnectionsMax: integer(limits.poolConnectionsMax, 1, 256),
  resultRowsMax: integer(limits.resultRowsMax, 1, 1_000_000),
  resultBytesMax: bytes(limits.resultBytesMax, 1024, limits.resultBytesMost),
  entityBytesMax: bytes(limits.entityBytesMax, 65536, 16 * 1024 * 1024 * 1024),
}

const redis: Section<RedisConfig> = {
  url: text('', /^$|^rediss?:\/\/\S{1,1000}$/, '"redis://host:port", or "" for off'),
  prefix: text('moonwheel:', /^[\w:.-]{0,64}$/, 'up to 64 letters, digits and _ : . -'),
  timeoutMs: integer(limits.redisTimeoutMs, 10, 600_000),
}

const cache: Section<CacheConfig> = {
  bytesMax: bytes(limits.cacheBytes, 1024, 64 * 1024 * 1024 * 1024),
}

const log: Section<LogConfig> = {
  level: choice('info', ['trace', 'debug', 'info', 'warn', 'error']),
  pretty: choice<boolean | 'auto'>('auto', [true, false, 'auto']),
}

const admin: Section<AdminConfig> = {
  socket: orOff(
    text('data/admin-{node}.sock', /^[^\0]{1,255}$/, 'a path such as "data/admin-{node}.sock"'),
  ),
  http: choice<boolean>(true, [true, false]),
  eval: choice<boolean>(false, [true, false]),
}

/** Every section of config/host.lua, by its name in Lua. */
export const hostSchema: { readonly [S in keyof HostSections]: Section<HostSections[S]> } = {
  node,
  lanes,
  lua,
  listen,
  gate,
  rpc,
  spool,
  drain,
  db,
  redis,
  cache,
  log,
  admin,
}

/** A rule between fields: the field at fault and what is wrong with it, or undefined. */
type Rule = (
  config: HostSections,
) => { path: readonly [string, string]; message: string } | undefined

export const rules: readonly Rule[] = [
  ({ gate: g }) =>
    g.frameBytesMaxBeforeBind <= g.frameBytesMax
      ? undefined
      : {
          path: ['gate', 'frame_bytes_max_before_bind'],
          message: `expected at most gate.frame_bytes_max (${g.frameBytesMax}), got ${g.frameBytesMaxBeforeBind}`,
        },
  ({ gate: g }) =>
    g.frameBytesMax <= g.outQueueBytesMax
      ? undefined
      : {
          path: ['gate', 'out_queue_bytes_max'],
          message: `expected at least gate.frame_bytes_max (${g.frameBytesMax}), got ${g.outQueueBytesMax}`,
        },
  ({ db: d }) => {
    const message = databaseUrlProblem(d.url)
    return message === undefined ? undefined : { path: ['db', 'url'], message }
  },
  ({ listen: l }) => samePort('ws', l.ws, 'tcp', l.tcp),
  ({ listen: l }) => samePort('http', l.http, 'tcp', l.tcp) ?? samePort('http', l.http, 'ws', l.ws),
]

function samePort(name: string, a: number | false, other: string, b: number | false) {
  if (a === false || a === 0 || a !== b) return undefined
  return { path: ['listen', name] as const, message: `port ${a} is listen.${other} already` }
}
