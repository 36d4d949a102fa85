// What master and slaves say to each other: methods of the host's own service `cluster`, JSON bodies.
//
// Core thread. Callers know the RPC token, so bodies are trusted to be of these shapes; a node of
// another version is told apart by `version`. A life is one stretch of time in which a slave may have
// players: it ends with the process, or when the slave gives them up because its lease has ended.

export const clusterService = 'cluster'
export const protocolVersion = 1

/** slave → master, three times within a lease. */
export interface RenewRequest {
  readonly version: number
  readonly node: string
  readonly life: string
  readonly players: number
  readonly draining: boolean
  /** Players that have gone since the last one. */
  readonly left: readonly string[]
}
export interface RenewAnswer {
  /** false: the master has given this life up; its players may be elsewhere by now. */
  readonly granted: boolean
  /** The master does not know who is there: tell all. */
  readonly wantsReport: boolean
}

/** slave → master: everybody who is there, or may come any moment. */
export interface ReportRequest {
  readonly node: string
  readonly life: string
  readonly players: readonly (readonly [uid: string, epoch: number])[]
}

/** slave → master: nobody is there any more, and nobody can come; it stops. */
export interface LeaveRequest {
  readonly node: string
  readonly life: string
}

/** master → slave: this player will come with this token. */
export interface PrepareRequest {
  readonly life: string
  readonly uid: string
  readonly epoch: number
  readonly nonce: string
  /** Until the token ends. */
  readonly tokenMs: number
  /** LuaValue bytes of one value, base64: what the game wants to know when the player arrives. */
  readonly context: string
}

/** master → slave: this player goes elsewhere. */
export interface ReleaseRequest {
  readonly life: string
  readonly uid: string
}

/** Calls a method of another node; rejects with a HostError. */
export type ClusterCall = <T>(
  node: string,
  method: string,
  body: object,
  timeoutMs: number,
) => Promise<T>
