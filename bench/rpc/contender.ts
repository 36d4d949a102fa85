// What the RPC benchmark asks of each library: an echo server, and a caller of it. Own processes.

/** The body of each call and of each answer, in bytes. */
export const bodyBytes = 64

export interface Caller {
  /** Calls echo with `body`; `done` hears of the answer, or of what went wrong. */
  call(body: Buffer, done: (problem: Error | undefined) => void): void
  close(): void
}

export interface Contender {
  readonly name: string
  /** Starts the server in this process. @returns its port */
  serve(): Promise<number>
  connect(port: number): Promise<Caller>
}
