// How one of several nodes is chosen for a call. Core thread; each route has a balancer of its own.

/** A node as a balancer sees it. */
export interface Candidate {
  readonly name: string
  /** From config or registry; counts for `weighted` and `hash`. */
  readonly weight: number
  /** Calls that it has not answered yet. */
  readonly inFlight: number
  /** False while it drains or its circuit is open: it must not be chosen. */
  readonly usable: boolean
}

export interface Balancer {
  /**
   * @param candidates by name; the same array until nodes come, go or change their weight
   * @param key what `rpc.key` was given, or ''
   * @returns the index of a usable one; -1 when there is none
   */
  pick(candidates: readonly Candidate[], key: string): number
}
