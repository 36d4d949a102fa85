// The main of a lane's worker thread: builds the lane, then loops until it is told to stop.
//
// There is no event loop in here: between two pieces of work the thread sleeps in Atomics.wait on its
// bell. It owns no socket and no file. An AssertionError ends the thread, which the core reports.
//
//   ┌▶ ticket ─▶ drain core ring ─▶ drain timer ring ─▶ run what Lua asked for ─▶ flush ─┐
//   └───────────────────────── sleep when there was nothing ◀───────────────────────────┘

import { randomBytes } from 'node:crypto'
import { assert } from '../base/assert.ts'
import { systemClock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { LuaError } from '../lua/engine.ts'
import { openEngine } from '../lua/open-engine.ts'
import { Doorbell } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import { RingReader } from '../thread/ring.ts'
import { startData } from '../thread/standby.ts'
import { reportReady, reportRefused } from '../thread/worker.ts'
import { TimerClient } from '../timer/timer-client.ts'
import { Calls } from './calls.ts'
import { CorePort } from './core-port.ts'
import { LaneDb } from './db-library.ts'
import { openHostLibrary } from './host-library.ts'
import { Lane, logLevel } from './lane.ts'
import { LaneActivity } from './lane-activity.ts'
import { LaneInspection } from './lane-inspection.ts'
import { LaneMeter } from './lane-stats.ts'
import { LuaTimers } from './lua-timers.ts'
import { LuaTopics } from './lua-topics.ts'
import { NodeCalls } from './node-calls.ts'
import type { LaneReady, LaneStart } from './protocol.ts'
import { LaneReload } from './reload-lane.ts'
import { Services } from './services.ts'
import { Sessions } from './sessions.ts'
import type { Failure, Task } from './task.ts'

/** Records taken before timers and forks get their turn. */
const recordsPerTurnMax = 1024
/** Asleep, the thread looks up this often, so that the inspector can reach it. */
const sleepMsMax = 50

/** A spare lane sleeps in here until a lane is lost. */
const start = startData<LaneStart>()
const { memory } = start
const port = new CorePort(memory.toCore, memory.coreBell)
const timers = new TimerClient(start.timerPort, systemClock)
const seed = randomBytes(16)
const engine = openEngine(start.engine, {
  print: (line) => lane.log(logLevel.info, Buffer.from(line, 'latin1').toString('utf8')),
  wallMs: () => systemClock.wallMs(),
  seed: [seed.readBigUInt64LE(0), seed.readBigUInt64LE(8)],
  stringBytesMax: start.stringBytesMax,
  interrupt: new Int32Array(memory.interrupt),
})
const activity = new LaneActivity(memory.activity, memory.interrupt)
const lane = new Lane(start, engine, port, timers, systemClock, activity)
const services = new Services(lane)
const sessions = new Sessions(lane, services)
const calls = new Calls(lane)
const nodeCalls = new NodeCalls(lane)
const inspection = new LaneInspection(lane)
const meter = new LaneMeter(memory.stats, {
  get sessions() {
    return sessions.size
  },
  get parked() {
    return lane.parkedTasks
  },
  get timers() {
    return timers.size
  },
  get fullWaits() {
    return port.fullWaits
  },
  get highWaterBytes() {
    return port.highWaterBytes
  },
  get entities() {
    return db?.entities.size ?? 0
  },
  get entityBytes() {
    return db?.entities.bytes ?? 0
  },
  luaBytes: () => engine.memoryBytes(),
})
const luaTimers = new LuaTimers(lane)
const db = start.database === undefined ? undefined : new LaneDb(lane, start.database)
const topics = new LuaTopics(lane)
const bell = new Doorbell(memory.laneBell)
const reload = new LaneReload(lane, services, luaTimers, topics, bell)
let phase: 'starting' | 'running' | 'stopping' | 'ended' = 'starting'

lane.listen('fork', { returned: (task) => lane.release(task), failed: forkFailed })

function forkFailed(task: Task, failure: Failure): void {
  // An error with a code was not logged where it was raised, and nobody else hears of this one.
  if (failure.table !== undefined) lane.log(logLevel.warn, `a fork failed: ${failure.detail}`)
  lane.release(task)
}

function visit(kind: number, a: number, b: number, bytes: Buffer, from: number, to: number): void {
  reload.look()
  switch (kind) {
    case message.request:
    case message.notify:
      return sessions.message(kind, a, b, bytes, from, to)
    case message.sessionOpen:
      return sessions.open(a, bytes, from, to)
    case message.sessionClose:
      return sessions.close(a, bytes.toString('utf8', from, to))
    case message.bindResult:
      return sessions.bound(a, b, bytes, from, to)
    case message.rpcRequest:
      return calls.request(a, b, bytes, from)
    case message.rpcResult:
      return calls.result(a, b, bytes, from, to)
    case message.nodeRequest:
      return nodeCalls.request(a, b, bytes, from, to)
    case message.nodeAnswer:
      return nodeCalls.answer(a, b, bytes, from, to)
    case message.waitResult:
      return void lane.answer(a, b === 0, [bytes.readUInt32LE(from)])
    case message.laneLost:
      return lane.failCallsTo(a)
    case message.stop:
      return stop()
    case message.topicMessage:
      return topics.message(bytes, from, to)
    case message.queryResult:
      return db?.queries.answered(a, b, bytes, from, to)
    case message.entityChanged:
      return db?.entityChanged(bytes, from)
    case message.adminCall:
      return inspection.ask(a, bytes, from, to)
  }
  assert(false, `a lane cannot read message kind ${kind}`)
}

function stop(): void {
  phase = 'stopping'
  services.stop(() => {
    phase = 'ended'
  })
}

function open(): void {
  try {
    openHostLibrary({ lane, services, sessions, calls, nodeCalls, timers: luaTimers, topics, db })
    services.load()
  } catch (error) {
    if (error instanceof LuaError)
      throw new HostError('SCRIPT', `${error.message}\n${error.traceback}`)
    throw error
  }
  if (start.isCheck === true) {
    phase = 'ended'
    return reportReady({ handlers: services.routes } satisfies LaneReady)
  }
  services.init((problem) => {
    if (problem !== undefined) {
      phase = 'ended'
      return reportRefused(problem)
    }
    phase = 'running'
    lane.atBoundary = () => reload.look()
    reportReady({ handlers: services.routes } satisfies LaneReady)
  })
}

function loop(): void {
  const fromCore = new RingReader(memory.toLane)
  const fromTimer = new RingReader(start.timerPort.firedRing)
  while (phase !== 'ended') {
    activity.turn()
    const ticket = bell.ticket()
    reload.look()
    const drained = fromCore.drain(visit, recordsPerTurnMax)
    const fired = fromTimer.drain(timers.dispatch, recordsPerTurnMax)
    const ran = lane.runReady()
    const timersSent = timers.unsent === 0 || timers.flush()
    port.flush()
    const isIdle = drained === 0 && fired === 0 && !ran
    const nowMs = systemClock.monotonicMs()
    meter.turn(nowMs, drained)
    if (!isIdle) continue
    bell.wait(ticket, timersSent ? sleepMsMax : 1)
    meter.slept(systemClock.monotonicMs() - nowMs)
  }
  port.bytes(message.stopped, 0, 0, new Uint8Array(0))
  port.flush()
}

try {
  open()
  loop()
} catch (error) {
  if (!(error instanceof HostError)) throw error
  reportRefused(error)
}
