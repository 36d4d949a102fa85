// What the core and a lane say to each other at a reload. Both threads.
//
// Commands go to a lane's mailbox, a message port that it reads without an event loop
// (receiveMessageOnPort): sources and tables may be larger than a ring takes, and a lane finds a
// command between two messages even when its ring is full of work. Answers come back by ring as JSON.
//
//   core                          lane
//   survey       ───────────────▶ which modules are loaded, and who uses which
//   prepare      ───────────────▶ compiles; keeps what it compiled            nothing stands still
//   stage        ───────────────▶ at a message boundary: runs the new files aside of the old ones,
//                                 `__reload` included, answers, and then does nothing but wait
//   commit       ───────────────▶ swaps, goes on with the new code            cannot fail
//   abort        ───────────────▶ forgets, puts `state` back, goes on with the old code

import type { TableConfig } from '../config/types.ts'
import type { LuaModule } from './lua-source.ts'

/** Settings of config/host.lua that a lane uses and that can change while it runs. */
export interface LaneSettings {
  readonly requestTimeoutMs: number
  /** How long a call to another node waits when nothing else is said. */
  readonly rpcTimeoutMs: number
  /** Other nodes may serve what this one does not; else an unknown service is an error at once. */
  readonly callsNodes: boolean
}

/** A service that is loaded anew. */
export interface PlannedService {
  readonly name: string
  readonly module: LuaModule
  readonly version: number
}

/** A module with a new source; none: its file is gone. */
export interface PlannedModule {
  readonly name: string
  readonly module: LuaModule | undefined
}

export interface ReloadPlan {
  readonly services: readonly PlannedService[]
  readonly modules: readonly PlannedModule[]
  /** Modules that run anew where they are loaded: those with a new source, and those that use them. */
  readonly rerun: readonly string[]
  readonly tables: readonly TableConfig[] | undefined
  readonly settings: LaneSettings | undefined
}

export type ReloadCommand =
  | { readonly kind: 'survey'; readonly id: number }
  | { readonly kind: 'prepare'; readonly id: number; readonly plan: ReloadPlan }
  | { readonly kind: 'stage'; readonly id: number }
  /** `codes`: the route of each code from 1 on; '' where there is none any more. */
  | { readonly kind: 'commit'; readonly id: number; readonly codes: readonly string[] }
  | { readonly kind: 'abort'; readonly id: number }

export interface ReloadAnswer {
  /** One line each, beginning with file:line; none: all went well. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  /** survey: [who, module]; who is `service NAME` or a module's name. */
  readonly uses?: readonly (readonly [string, string])[]
  /** survey: names of the modules that are loaded. */
  readonly loaded?: readonly string[]
  /** stage: the client routes that there will be, sorted. */
  readonly routes?: readonly string[]
}
