// One running host: the threads, the gate and the listeners, wired together.
//
// Core thread. `startHost` starts everything or nothing; `stop` ends it in order: no new connections,
// clients are told, lanes run every service's `stop`, threads end, the log is flushed. This file
// knows all rooms and holds no rule of its own.

import { type AdminFaces, openAdminFaces } from '../admin/admin-faces.ts'
import { type Playground, startPlayground } from '../admin/playground/playground-server.ts'
import { rpcStatus } from '../admin/rpc-status.ts'
import { StatusGatherer } from '../admin/status-gatherer.ts'
import { must } from '../base/assert.ts'
import { systemClock } from '../base/clock.ts'
import { type Log, openLog } from '../base/log.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { clusterMessage } from '../cluster/cluster-messages.ts'
import { routeMatcher } from '../config/public-routes.ts'
import type { HostConfig } from '../config/types.ts'
import { Gate } from '../gate/gate.ts'
import type { GateRules } from '../gate/gate-options.ts'
import { gateMessage } from '../gate/lane-messages.ts'
import { RouteDictionary } from '../gate/route-dictionary.ts'
import { type Listener, listenTcp } from '../gate/tcp-listener.ts'
import { listenWs } from '../gate/ws-listener.ts'
import { agreedRoutes, LaneGroup } from '../lane/lane-group.ts'
import { allocateLaneMemory } from '../lane/lane-memory.ts'
import { LaneQuestions } from '../lane/lane-questions.ts'
import { unlistedServices } from '../lane/lua-source.ts'
import { Reloader } from '../lane/reload.ts'
import type { ReloadControl } from '../lane/reload-control.ts'
import { storeMessage } from '../store/store-messages.ts'
import { CorePump } from '../thread/core-pump.ts'
import { allocateDoorbell, Doorbell } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingReader } from '../thread/ring.ts'
import { WriteLease } from '../thread/write-lease.ts'
import { TimerClient } from '../timer/timer-client.ts'
import { startTimerService, type TimerService } from '../timer/timer-service.ts'
import { HostAdmin } from './admin.ts'
import { HostCluster } from './cluster.ts'
import { HostData } from './data.ts'
import { laneStart } from './lane-start.ts'
import { openCodeBook, reloadSources } from './reload.ts'
import { HostRpc } from './rpc.ts'
import { closeStores, openStores } from './stores.ts'

/** How long services have to stop, all together. */
const stopServicesMs = 4000
/** From one sample of the status to the next. */
const statusTickMs = 1000

export interface HostOptions {
  /** Reads the whole config anew, for a reload; without it only services and tables are reloaded. */
  readonly readConfig?: () => HostConfig
  /** Where the config was read from, for the drainer; `config` when left out. */
  readonly configFolder?: string
}

export interface Host {
  /** `tcp://…`, `ws://…`, `http://…`: what is listened on, in this order. */
  readonly addresses: readonly string[]
  readonly log: Log
  readonly reload: ReloadControl
  /** Settles with the reason when the host cannot go on (a lane cannot be started); never in good times. */
  readonly broken: Promise<Error>
  /** Settles with the reason for clients when an operator has asked for the end. */
  readonly stopAsked: Promise<string>
  /** Ends everything in order; every client is told `reason`. */
  stop(reason: string): Promise<void>
}

/**
 * Starts a host.
 * @throws HostError CONFIG, SCRIPT or PORT_IN_USE in words for the user; nothing is left running
 */
export async function startHost(
  config: HostConfig,
  version: string,
  options: HostOptions = {},
): Promise<Host> {
  const undo: (() => unknown)[] = []
  try {
    return await start(config, version, options, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

async function start(
  config: HostConfig,
  version: string,
  options: HostOptions,
  undo: Undo,
): Promise<Host> {
  const openedLog = openLog({ ...config.log, node: config.node.name })
  const { log, close: closeLog } = openedLog
  undo.push(closeLog)
  let breakHost: (error: Error) => void = () => {}
  const broken = new Promise<Error>((resolve) => {
    breakHost = resolve
  })
  let askStop: (reason: string) => void = () => {}
  const stopAsked = new Promise<string>((resolve) => {
    askStop = resolve
  })

  const coreBell = allocateDoorbell()
  const pump = new CorePump(new Doorbell(coreBell))
  undo.push(() => pump.stop())
  const memories = Array.from({ length: config.lanes.count }, allocateLaneMemory)
  const timerService = await startTimerService([coreBell, ...memories.map((each) => each.laneBell)])
  undo.push(() => timerService.stop())
  const timers = openTimers(timerService, pump)

  let current = config
  const book = openCodeBook(config)
  for (const file of unlistedServices(book.modules)) {
    log.warn(`${file} is not served: config/services.lua does not list it`)
  }
  const schedule = (): void => pump.schedule()
  let gate: Gate | undefined
  let running: LaneGroup | undefined
  let reloader: Reloader | undefined
  const rpc = new HostRpc({
    config,
    timers,
    pump,
    log: (level, text, data) => log[level](data, text),
  })
  undo.push(() => rpc.close())
  const writeLease = new WriteLease()
  const stores = openStores(config, timers, schedule, writeLease, (level, text, data) =>
    log[level](data, text),
  )
  undo.push(() => closeStores(stores))
  // A service's `init` may ask Redis; when it is down, the host starts all the same.
  await Promise.all([stores.redis?.opened(), stores.topics.opened()])
  const others = new HostCluster({
    config,
    timers,
    pump,
    rpc,
    gate: () => gate,
    lanes: { areUp: () => running?.areUp === true, areEnding: () => running?.areEnding === true },
    writeLease,
    replaceLanes: (why) => running?.replaceAll(why),
    log: (level, text, data) => log[level](data, text),
  })
  undo.push(() => others.close())
  const { cluster } = others
  const data =
    config.schema.length === 0
      ? undefined
      : await HostData.open({
          config,
          ...(options.configFolder === undefined ? {} : { configFolder: options.configFolder }),
          pump,
          coreBell,
          writeLease,
          timers,
          log,
          onDiskLost: (code) => {
            log.fatal(`the spool cannot be written any more; ending with code ${code}`)
            void closeLog().then(() => process.exit(code))
          },
        })
  if (data !== undefined) undo.push(() => data.flush().then(() => data.close(0)))
  const questions = new LaneQuestions((lane, ...rest) => lanes.send(lane, ...rest), timers)
  const lanes: LaneGroup = await LaneGroup.start({
    nodeName: config.node.name,
    memories,
    timerPorts: timerService.ports.slice(1),
    coreBell,
    memoryMb: config.lanes.memoryMb,
    pump,
    timers,
    clock: systemClock,
    start: () => laneStart(config, book, data?.forLanes),
    ...(data === undefined ? {} : { tickets: (lane: number) => data.ticketsOf(lane) }),
    runBudgetMs: () => current.lanes.runBudgetMs,
    onMessage: (lane, kind, a, b, bytes, from, to) => {
      if (gate !== undefined && gateMessage(gate, lane, kind, a, b, bytes, from, to)) return
      if (rpc.laneMessage(lane, kind, a, b, bytes, from, to)) return
      if (storeMessage(stores, lane, kind, a, b, bytes, from, to)) return
      if (clusterMessage(cluster, schedule, lane, kind, a, b, bytes, from, to)) return
      if (kind === message.query) data?.query(lane, a, b, bytes, from, to)
      else if (kind === message.log) laneLog(log, a, bytes, from, to)
      else if (kind === message.reloadAnswer) reloader?.answered(lane.index, a, bytes, from, to)
      else if (kind === message.adminResult) questions.answered(a, b, bytes, from, to)
    },
    routeName: (code) => book.codes[code - 1] ?? '',
    onLost: (lane, requestId) => {
      rpc.laneLost(lane)
      stores.topics.laneLost(lane)
      reloader?.laneLost(lane)
      questions.laneDied(lane)
      gate?.moves.laneLost(lane, requestId)
    },
    onBroken: (error) => {
      log.fatal(error.message)
      breakHost(error)
    },
    log: (level, text, data) => log[level](data, text),
  })
  undo.push(() => lanes.terminate())
  running = lanes

  let dictionary = new RouteDictionary(agreedRoutes(lanes.ready.map((ready) => ready.handlers)))
  book.codes = dictionary.codes
  gate = openGate(config, lanes, timers, dictionary, pump, log, cluster)
  const useConfig = (next: HostConfig): void => {
    const before = current
    current = next
    gate?.setRules(gateRules(next), routeMatcher(next.gate.publicRoutes))
    log.level = next.log.level
    stores.cache.bytesMax = next.cache.bytesMax
    if (next.routes !== before.routes) rpc.setRoutes(next.routes)
  }
  reloader = new Reloader({
    book,
    sources: reloadSources(() => current, options.readConfig, useConfig),
    lanes,
    routes: (routes) => {
      const next = dictionary.withRoutes(routes)
      const apply = (): void => {
        dictionary = next
        gate?.setDictionary(next)
      }
      return { codes: next.codes, apply }
    },
    timers,
    clock: systemClock,
    log: (level, text, data) => log[level](data, text),
  })
  const routes = () =>
    book.codes
      .filter((route) => route !== '')
      .sort()
      .map((route) => ({ route, public: routeMatcher(current.gate.publicRoutes)(route) }))
  const status = new StatusGatherer({
    about: { node: config.node.name, version, engine: config.lua.engine },
    clock: systemClock,
    log,
    gate,
    lanes: () => lanes.reports(),
    routeName: (code) => dictionary.routeOf(code),
    timerState: timerService.state,
    coreTimers: () => timers.size,
    rpc: () => rpcStatus(rpc.client, rpc.dispatcher, rpc.server),
    data: () => data?.report() ?? null,
    cache: () => stores.cache.report(),
  })
  timers.every(statusTickMs, () => status.tick())
  const admin = await openAdminFaces({
    config,
    host: new HostAdmin({
      config: () => current,
      gate,
      questions,
      reload: reloader,
      book,
      status,
      log: openedLog,
      clock: systemClock,
      stop: askStop,
      drainNode: () => others.drain(),
      cluster: () => others.report(),
    }),
    clock: systemClock,
    log: (level, text, data) => log[level](data, text),
  })
  undo.push(() => admin.close())
  await rpc.serve(lanes)
  others.start()
  const listeners = await openListeners(config, gate, undo)
  const playground = await openPlayground(config, version, listeners.wsUrl, routes, admin)
  if (playground !== undefined) undo.push(() => playground.close())

  const stop = async (reason: string): Promise<void> => {
    const beganMs = systemClock.monotonicMs()
    gate.stopAccepting()
    void rpc.drain()
    for (const listener of listeners.all) listener.close()
    await admin.close()
    await playground?.close()
    gate.kickAll(cluster?.slave === undefined ? reason : `${reason}; log in again`)
    await lanes.stop(stopServicesMs)
    await data?.flush()
    lanes.deliverRest()
    // Not before: until now a handler may have been at work for one of its players.
    await others.close()
    await data?.close(systemClock.monotonicMs() - beganMs)
    rpc.close()
    closeStores(stores)
    pump.stop()
    await timerService.stop()
    log.info({ reason }, 'stopped')
    await closeLog()
  }
  const addresses = [
    ...listeners.addresses,
    ...(playground ? [playground.url] : []),
    ...rpc.addresses,
  ]
  return { addresses, log, broken, stopAsked, reload: reloader, stop }
}

type Undo = (() => unknown)[]

/** Timers of the core thread: the sockets' timeouts and heartbeats. */
function openTimers(service: TimerService, pump: CorePump): TimerClient {
  const port = must(service.ports[0], 'timer port of the core')
  const timers = new TimerClient(port, systemClock)
  pump.addReader(new RingReader(port.firedRing), timers.dispatch)
  pump.afterTurn(() => {
    if (timers.unsent > 0) timers.flush()
  })
  return timers
}

function gateRules(config: HostConfig): GateRules {
  return {
    ...config.gate,
    inboxMessagesMax: config.lanes.inboxMessagesMax,
    unreadBytesMax: 2 * config.gate.frameBytesMax,
  }
}

function openGate(
  config: HostConfig,
  lanes: LaneGroup,
  timers: TimerClient,
  dictionary: RouteDictionary,
  pump: CorePump,
  log: Log,
  cluster: Cluster | undefined,
): Gate {
  const gate = new Gate({
    rules: gateRules(config),
    lanes,
    timers,
    clock: systemClock,
    dictionary,
    isPublic: routeMatcher(config.gate.publicRoutes),
    schedule: () => pump.schedule(),
    ...(cluster === undefined ? {} : { bindRefusal: (uid) => cluster.bindRefusal(uid) }),
    log: (level, text, data) => log[level](data, text),
  })
  pump.beforeTurn(gate.beforeTurn)
  pump.afterTurn(gate.afterTurn)
  return gate
}

async function openListeners(config: HostConfig, gate: Gate, undo: Undo) {
  const { host, tcp, ws } = config.listen
  const all: Listener[] = []
  const addresses: string[] = []
  let wsUrl = ''
  if (tcp !== false) {
    const listener = await listenTcp(host, tcp, gate.accept)
    undo.push(() => listener.close())
    all.push(listener)
    addresses.push(`tcp://${hostInUrl(host)}:${listener.port}`)
  }
  if (ws !== false) {
    const bounds = {
      frameBytesMax: config.gate.frameBytesMax + 1024,
      queueBytesMax: config.gate.outQueueBytesMax,
    }
    const listener = await listenWs(host, ws, bounds, gate.accept)
    undo.push(() => listener.close())
    all.push(listener)
    wsUrl = `ws://${hostInUrl(host)}:${listener.port}`
    addresses.push(wsUrl)
  }
  return { all, addresses, wsUrl }
}

async function openPlayground(
  config: HostConfig,
  version: string,
  wsUrl: string,
  routes: () => { route: string; public: boolean }[],
  admin: AdminFaces,
): Promise<Playground | undefined> {
  const { http, host } = config.listen
  if (http === false || wsUrl === '') return undefined
  return startPlayground({
    host,
    port: http,
    wsUrl,
    routes,
    title: 'Moonwheel',
    version,
    node: config.node.name,
    ...(admin.http === undefined ? {} : { admin: admin.http.handle }),
  })
}

function laneLog(log: Log, level: number, bytes: Buffer, start: number, end: number): void {
  const { msg, ...fields } = JSON.parse(bytes.toString('utf8', start, end))
  const method = level >= 50 ? 'error' : level >= 40 ? 'warn' : level >= 30 ? 'info' : 'debug'
  log[method](fields, msg)
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
