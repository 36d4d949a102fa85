// A client of the Chrome DevTools protocol for tests: a host's main thread, and its worker threads
// through the NodeWorker domain, which wraps their messages in the main thread's.

import { WebSocket } from 'ws'

type Params = Record<string, unknown>
type Listener = (method: string, params: Params) => void

/** One target: the process, or one of its workers. */
export class CdpSession {
  private readonly write: (text: string) => void
  private readonly pending = new Map<
    number,
    { resolve: (result: Params) => void; reject: (error: Error) => void }
  >()
  private readonly listeners = new Set<Listener>()
  private lastId = 0

  constructor(write: (text: string) => void) {
    this.write = write
  }

  /** Sends a command. @returns its result @throws Error with the protocol's words */
  send(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.lastId
    this.write(JSON.stringify({ id, method, params }))
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }))
  }

  /** The next event of this name that `test` accepts. */
  next(method: string, test: (params: Params) => boolean = () => true): Promise<Params> {
    return new Promise((resolve) => {
      const listener: Listener = (name, params) => {
        if (name !== method || !test(params)) return
        this.listeners.delete(listener)
        resolve(params)
      }
      this.listeners.add(listener)
    })
  }

  on(listener: Listener): void {
    this.listeners.add(listener)
  }

  receive(text: string): void {
    const message = JSON.parse(text) as {
      id?: number
      method?: string
      params?: Params
      result?: Params
      error?: { message: string }
    }
    if (message.id === undefined) {
      for (const listener of [...this.listeners]) {
        listener(message.method ?? '', message.params ?? {})
      }
      return
    }
    const waiting = this.pending.get(message.id)
    this.pending.delete(message.id)
    if (message.error === undefined) waiting?.resolve(message.result ?? {})
    else waiting?.reject(new Error(message.error.message))
  }
}

export interface Inspection {
  readonly main: CdpSession
  /** The workers by their titles, as they are found. */
  readonly workers: ReadonlyMap<string, CdpSession>
  /** The worker of a lane, once it is there. */
  worker(title: RegExp): Promise<CdpSession>
  close(): void
}

/** Connects to the address that node prints with --inspect. */
export async function inspect(url: string): Promise<Inspection> {
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const main = new CdpSession((text) => socket.send(text))
  socket.on('message', (data) => main.receive(String(data)))
  const workers = new Map<string, CdpSession>()
  const bySession = new Map<string, CdpSession>()
  const waiting: { title: RegExp; resolve: (session: CdpSession) => void }[] = []
  main.on((method, params) => {
    const sessionId = params.sessionId as string
    if (method === 'NodeWorker.receivedMessageFromWorker') {
      bySession.get(sessionId)?.receive(params.message as string)
    }
    if (method !== 'NodeWorker.attachedToWorker') return
    const { title } = params.workerInfo as { title: string }
    const session = new CdpSession((message) => {
      void main.send('NodeWorker.sendMessageToWorker', { sessionId, message })
    })
    bySession.set(sessionId, session)
    workers.set(title, session)
    for (const each of waiting) if (each.title.test(title)) each.resolve(session)
  })
  await main.send('NodeWorker.enable', { waitForDebuggerOnStart: false })
  return {
    main,
    workers,
    worker: (title) => {
      for (const [name, session] of workers) if (title.test(name)) return Promise.resolve(session)
      return new Promise((resolve) => waiting.push({ title, resolve }))
    },
    close: () => socket.close(),
  }
}
