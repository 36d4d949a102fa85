// What the core hands a lane at its start, and what the lane reports. Both threads.
//
// It crosses by postMessage: plain data and shared memory, nothing with methods. What it says of the
// config is fixed for the life of the lane; a reload sends what has changed (reload-plan.ts).

import type { MessagePort } from 'node:worker_threads'
import type { ProtoFile, TableConfig } from '../config/types.ts'
import type { TimerPort } from '../timer/timer-port.ts'
import type { LaneDatabase } from './lane-database.ts'
import type { LuaModule } from './lua-source.ts'
import type { LaneSettings } from './reload-plan.ts'

export interface LaneService {
  readonly name: string
  /** `one`: runs in lane 0 only; the others call it by rpc. */
  readonly lanes: 'all' | 'one'
  readonly module: LuaModule
  readonly version: number
}

export interface LaneStart {
  readonly index: number
  readonly lanes: number
  readonly nodeName: string
  /** What this host is in its cluster; `single` without one. */
  readonly clusterRole: 'single' | 'master' | 'slave'
  /** 0..1023, for ids. */
  readonly nodeId: number
  readonly engine: 'fengari' | 'v8'
  readonly stringBytesMax: number
  readonly settings: LaneSettings
  readonly services: readonly LaneService[]
  /** What `require` finds. */
  readonly modules: readonly LuaModule[]
  /** The Lua half of the host library, in loading order. */
  readonly library: readonly LuaModule[]
  /** What Lua sees as `config.tables`. */
  readonly tables: readonly TableConfig[]
  readonly memory: {
    readonly toLane: SharedArrayBuffer
    readonly toCore: SharedArrayBuffer
    readonly laneBell: SharedArrayBuffer
    readonly coreBell: SharedArrayBuffer
    readonly interrupt: SharedArrayBuffer
    readonly stats: SharedArrayBuffer
    readonly activity: SharedArrayBuffer
  }
  /** Commands of a reload (reload-plan.ts). */
  readonly mailbox: MessagePort
  /** The route of each code, for a lane that replaces another; empty: the sorted routes. */
  readonly codes: readonly string[]
  readonly timerPort: TimerPort
  /** Files of config/proto, for the methods that they declare. */
  readonly protos: readonly ProtoFile[]
  /** The game's database; undefined when it has none. */
  readonly database?: LaneDatabase
  /** Loads the services, reports, and ends: no `init`, nothing is served. */
  readonly isCheck?: boolean
}

/** What a lane has found in its services; every lane finds the same. */
export interface LaneReady {
  /** Routes of handlers, sorted. */
  readonly handlers: readonly string[]
}
