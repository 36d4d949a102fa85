// What a thread may ask of timers, whoever keeps them. Core and lane threads.

export interface Timers {
  /** Calls `fire` once, `ms` from now. @returns a handle, never 0 */
  after(ms: number, fire: () => void): number
  /** Calls `fire` at start + n × `ms`; `missed` counts firings that came too late to be told apart. */
  every(ms: number, fire: (missed: number) => void): number
  /** @returns false when it has fired for the last time, or was cancelled before */
  cancel(handle: number): boolean
}
