// The host's half of the Lua library: the functions that lua/lib is built on.
//
// Lane thread. `host` and `lib` are handed to each file of lua/lib as its varargs; services reach
// neither. Every function here is short: it checks its arguments, then calls the part of the lane
// that does the work. Those that start a wait are followed by a yield in lua/lib/wait.lua.

import { limits } from '../base/limits.ts'
import { SnowflakeMaker } from '../base/snowflake.ts'
import { bytesToText } from '../lua/bytes.ts'
import {
  type HostFunction,
  LuaError,
  LuaFloat,
  type LuaFunction,
  LuaMulti,
  type LuaTable,
  type LuaValue,
} from '../lua/engine.ts'
import { message } from '../thread/messages.ts'
import type { Calls } from './calls.ts'
import { type LaneDb, noDatabase } from './db-library.ts'
import { type Lane, logLevel } from './lane.ts'
import type { LuaTimers } from './lua-timers.ts'
import type { LuaTopics } from './lua-topics.ts'
import type { CallOptions, NodeCalls } from './node-calls.ts'
import { compile, type Services } from './services.ts'
import type { Sessions } from './sessions.ts'
import { storeFunctions } from './store-library.ts'

const sleepMsMax = 2 ** 31 - 1

export interface LibraryParts {
  readonly lane: Lane
  readonly services: Services
  readonly sessions: Sessions
  readonly calls: Calls
  readonly nodeCalls: NodeCalls
  readonly timers: LuaTimers
  readonly topics: LuaTopics
  /** Undefined in a game without a database. */
  readonly db: LaneDb | undefined
}

/**
 * Fills the engine's globals with the host library and seals them.
 * @throws LuaError when a file of lua/lib is broken
 */
export function openHostLibrary(parts: LibraryParts): void {
  const { engine, start, library } = parts.lane
  const host = engine.newTable()
  const functions = {
    ...waitFunctions(parts),
    ...clientFunctions(parts),
    ...callFunctions(parts),
    ...dataFunctions(parts),
    ...timerFunctions(parts),
    ...storeFunctions(parts.lane, parts.topics),
    ...(parts.db?.functions() ?? noDatabase()),
  }
  for (const [name, fn] of Object.entries(functions)) {
    engine.rawSet(host, name, engine.hostFunction(name, fn))
  }
  engine.rawSet(host, 'json_null', engine.jsonNull)
  engine.rawSet(host, 'json_array', engine.jsonArray)
  engine.rawSet(host, 'rpc_timeout_ms_max', limits.rpcTimeoutMsMax)
  engine.rawSet(host, 'cluster_role', start.clusterRole)
  engine.rawSet(host, 'node_name', start.nodeName)
  engine.rawSet(host, 'undo_tables_max', limits.reloadUndoTablesMax)
  for (const module of start.library) engine.call(compile(parts.lane, module), host, library)
  parts.services.swapTables(parts.services.prepareTables(start.tables))
  engine.sealGlobals()
}

function waitFunctions({ lane }: LibraryParts): Record<string, HostFunction> {
  return {
    is_parked: () => lane.parked !== 0,
    sleep: (ms) => {
      const delay = numberArgument('sleep', 1, ms, 0, sleepMsMax)
      const wait = lane.beginWait('sleep')
      lane.timers.after(delay, () => lane.answer(wait, true, []))
      return undefined
    },
    fork: (fn, ...args) => {
      if (lane.engine.typeOf(fn) !== 'function') throw argumentError('fork', 1, 'a function')
      const session = lane.current?.session
      lane.later(() => {
        const task = lane.newTask({ kind: 'fork' })
        task.session = session
        lane.run(task, fn as LuaFunction, ...args)
      })
      return undefined
    },
  }
}

function clientFunctions({ lane, sessions }: LibraryParts): Record<string, HostFunction> {
  const { engine, port } = lane
  return {
    bind: (sid, uid) => {
      sessions.bind(sid as number, uid as string)
      return undefined
    },
    push: (sid, route, body) => {
      const name = routeArgument('session:push', route)
      port.named(message.push, sid as number, 0, [name], engine.stringifyJson(body))
      return undefined
    },
    push_uid: (uid, route, body) => {
      const names = [uid as string, routeArgument('session.push', route)]
      port.named(message.pushUid, 0, 0, names, engine.stringifyJson(body))
      return undefined
    },
    kick: (sid, reason) => {
      port.text(message.kick, sid as number, 0, reasonText(reason))
      return undefined
    },
    kick_uid: (uid, reason) => {
      port.named(message.kickUid, 0, 0, [uid as string], reasonText(reason))
      return undefined
    },
    channel_join: (name, sid) => {
      port.text(message.channelJoin, sidArgument('channel.join', sid), 0, channelArgument(name))
      return undefined
    },
    channel_leave: (name, sid) => {
      port.text(message.channelLeave, sidArgument('channel.leave', sid), 0, channelArgument(name))
      return undefined
    },
    broadcast: (channel, route, body, except) => {
      const names = [channelArgument(channel), routeArgument('channel.broadcast', route)]
      port.named(message.broadcast, except as number, 0, names, engine.stringifyJson(body))
      return undefined
    },
    channel_count: (name) => {
      const channel = channelArgument(name)
      port.text(message.channelCount, lane.beginWait('channel.count'), 0, channel)
      return undefined
    },
  }
}

function callFunctions({
  lane,
  services,
  calls,
  nodeCalls,
}: LibraryParts): Record<string, HostFunction> {
  return {
    /** 0: in this lane; 1: in another lane of this host; 2: in this lane, declared; 3: ask the core. */
    place: (name, method) => {
      if (typeof name !== 'string') throw argumentError('rpc', 1, 'the name of a service')
      const here = services.runsHere(name)
      const isDeclared = nodeCalls.bodies.declared.method(name, method as string) !== undefined
      if (here !== undefined) return here ? (isDeclared ? 2 : 0) : isDeclared ? 3 : 1
      if (lane.settings.callsNodes) return 3
      throw lane.engineError(404, `there is no service '${name}' (see config/services.lua)`)
    },
    node_call: (service, method, node, key, timeoutMs, idempotencyKey, ...args) => {
      const options = callOptions(node, key, timeoutMs, idempotencyKey)
      nodeCalls.call(serviceArgument(service), methodArgument(method), options, args)
      return undefined
    },
    node_send: (service, method, node, key, timeoutMs, idempotencyKey, ...args) => {
      const options = callOptions(node, key, timeoutMs, idempotencyKey)
      nodeCalls.send(serviceArgument(service), methodArgument(method), options, args)
      return undefined
    },
    declared_request: (service, method, ...args) =>
      new LuaMulti(nodeCalls.bodies.throughRequest(service as string, method as string, args)),
    declared_response: (service, method, ...results) =>
      new LuaMulti(nodeCalls.bodies.throughResponse(service as string, method as string, results)),
    rpc_call: (service, method, ...args) => {
      calls.call(service as string, methodArgument(method), args)
      return undefined
    },
    rpc_send: (service, method, ...args) => {
      calls.send(service as string, methodArgument(method), args)
      return undefined
    },
    module: (name) => {
      const module = typeof name === 'string' ? services.module(name) : undefined
      return module === undefined ? undefined : services.moduleChunk(module)
    },
    module_used: (user, module) => {
      services.used(user as string, module as string)
      return undefined
    },
    run_module: (chunk, name) => new LuaMulti(lane.callUnwaiting(chunk as LuaFunction, name)),
  }
}

function timerFunctions({ lane, timers }: LibraryParts): Record<string, HostFunction> {
  const fnArgument = (name: string, fn: LuaValue): LuaFunction => {
    if (lane.engine.typeOf(fn) !== 'function') throw argumentError(name, 2, 'a function')
    return fn as LuaFunction
  }
  return {
    timer_after: (ms, fn, caller) =>
      timers.after(
        numberArgument('timer.after', 1, ms, 0, Number.MAX_SAFE_INTEGER),
        fnArgument('timer.after', fn),
        caller as string,
      ),
    timer_every: (ms, fn, caller) =>
      timers.every(
        numberArgument('timer.every', 1, ms, 1, Number.MAX_SAFE_INTEGER),
        fnArgument('timer.every', fn),
        caller as string,
      ),
    timer_cron: (text, fn, caller) => {
      if (typeof text !== 'string') throw argumentError('timer.cron', 1, 'a cron expression')
      return timers.cron(bytesToText(text), fnArgument('timer.cron', fn), caller as string)
    },
    timer_cancel: (id) => timers.cancel(id as number),
  }
}

function dataFunctions({ lane }: LibraryParts): Record<string, HostFunction> {
  const { engine, clock, start } = lane
  const ids = new SnowflakeMaker(clock, start.nodeId, start.index)
  return {
    json_encode: (value) => engine.stringifyJson(value),
    json_decode: (text) => {
      if (typeof text !== 'string') throw argumentError('json.decode', 1, 'a string')
      return engine.parseJson(Buffer.from(text, 'latin1'))
    },
    log: (level, text, fields) => {
      const line = bytesToText(text as string)
      lane.log(level as number, line, logFields(lane, fields))
      return undefined
    },
    next_id: () => ids.next(),
    wall_ms: () => clock.wallMs(),
    monotonic_ms: () => {
      const now = clock.monotonicMs()
      return Number.isInteger(now) ? new LuaFloat(now) : now
    },
  }
}

/** The fields of a log line, under their own key so that they cannot pose as the host's. */
function logFields(lane: Lane, fields: LuaValue): Record<string, unknown> {
  if (fields === undefined) return {}
  if (lane.engine.typeOf(fields) !== 'table') throw argumentError('log', 2, 'a table or nothing')
  try {
    return { data: JSON.parse(bytesToText(lane.engine.stringifyJson(fields as LuaTable))) }
  } catch (error) {
    if (!(error instanceof LuaError)) throw error
    lane.log(logLevel.warn, `log: ${error.message}`)
    return {}
  }
}

function argumentError(name: string, index: number, expected: string): LuaError {
  const text = `${name}: argument ${index} must be ${expected}`
  return new LuaError(text, text, '')
}

function numberArgument(
  name: string,
  index: number,
  value: LuaValue,
  min: number,
  max: number,
): number {
  const number = value instanceof LuaFloat ? value.n : value
  if (typeof number === 'number' && number >= min && number <= max) return number
  throw argumentError(name, index, `a number from ${min} to ${max}`)
}

function routeArgument(name: string, route: LuaValue): string {
  if (typeof route === 'string' && route.length > 0 && route.length <= 255) return route
  const text = `${name}: the route must be a text of 1 to 255 bytes`
  throw new LuaError(text, text, '')
}

function channelArgument(name: LuaValue): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= 255) return name
  throw argumentError('channel', 1, 'a channel name of 1 to 255 bytes')
}

function methodArgument(method: LuaValue): string {
  if (typeof method === 'string' && method.length > 0 && method.length <= 255) return method
  throw argumentError('rpc', 2, 'the name of a remote function')
}

function serviceArgument(name: LuaValue): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= 255) return name
  throw argumentError('rpc', 1, 'the name of a service')
}

/** lua/lib/rpc.lua has checked what is in them. */
function callOptions(
  node: LuaValue,
  key: LuaValue,
  timeoutMs: LuaValue,
  idempotencyKey: LuaValue,
): CallOptions {
  return {
    node: (node ?? '') as string,
    key: (key ?? '') as string,
    timeoutMs: (timeoutMs ?? 0) as number,
    idempotencyKey: (idempotencyKey ?? '') as string,
  }
}

function sidArgument(name: string, sid: LuaValue): number {
  if (typeof sid === 'number') return sid
  throw argumentError(name, 2, 'a session')
}

function reasonText(reason: LuaValue): string {
  return typeof reason === 'string' ? reason : 'kicked'
}
