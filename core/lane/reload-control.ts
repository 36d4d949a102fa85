// What can be asked of a reload, and what it answers. Core thread.
//
// Declared here, below everything that asks (admin, the file watcher, main) and beside what carries it
// out. A reload is all or nothing: with any problem, nothing has changed anywhere.

/**
 * Names of services, `tables` (config/tables) and `settings` (config/host.lua); everything that can
 * change live; or what differs on disk from what runs.
 */
export type ReloadTarget = readonly string[] | 'all' | 'changed'

export interface ReloadedService {
  readonly name: string
  /** Counts from 1; the version that every lane runs now. */
  readonly version: number
}

export interface ReloadReport {
  /** False: nothing changed, and `problems` says why. */
  readonly ok: boolean
  /** One line each, beginning with file:line where there is one. */
  readonly problems: readonly string[]
  /** What works, but should be known: timers that hold functions of old code, settings that wait. */
  readonly warnings: readonly string[]
  /** The services that were swapped. */
  readonly services: readonly ReloadedService[]
  /** Names of the config tables that were swapped. */
  readonly tables: readonly string[]
  /** Fields of config/host.lua that have new values now, as `section.field`. */
  readonly settings: readonly string[]
  readonly durationMs: number
}

export interface ReloadControl {
  /** Reads the files again and swaps what was named in every lane. Never rejects for a user's fault. */
  reload(target: ReloadTarget): Promise<ReloadReport>
  /** Swaps one service back to the version that it had before its last reload. */
  rollback(name: string): Promise<ReloadReport>
  /** The version of each service that all lanes run now, by name. */
  versions(): ReadonlyMap<string, number>
}
