// The real browser client, pomelo-jsclient-websocket 0.1.1, in a browser-like vm context: what it
// wants as globals, and promises over its callbacks. Test process only.
//
// Each client gets a context of its own, because the library keeps its one connection in module
// state. It stays as it is; only its console is kept quiet (its lines are in `log`) and its timers are
// known, so that dispose() leaves none. Its protocol half runs in the same context, in its browser form.

import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import vm from 'node:vm'
import WebSocket from 'ws'

/** The library's own face, as far as tests use it. */
interface Pomelo extends EventEmitter {
  init(params: Record<string, unknown>, done: () => void): void
  request(route: string, message: unknown, done: (reply: unknown) => void): void
  notify(route: string, message: unknown): void
  disconnect(): void
}

export interface RealClient {
  /** Connects and shakes hands; rejects on the library's `error`, `io-error` or an early `close`. */
  init(params: { host: string; port: number; user?: unknown }): Promise<void>
  request(route: string, message: unknown): Promise<unknown>
  notify(route: string, message: unknown): void
  /** Pushes by route; `onKick`, `close`, `disconnect`, `heartbeat timeout`. */
  on(event: string, listener: (value: unknown) => void): void
  /** The first value of an event from now on. */
  next(event: string): Promise<unknown>
  /** Closes as the library does, and waits for its `close` event. */
  disconnect(): Promise<void>
  /** Drops what is left: its timers, its socket. */
  dispose(): void
  /** What the library wrote to the console. */
  readonly log: readonly string[]
}

const require = createRequire(import.meta.url)
const scriptOf = (path: string) => new vm.Script(readFileSync(path, 'utf8'), { filename: path })
const protocolScript = scriptOf(require.resolve('pomelo-protocol/lib/protocol.js'))
const clientScript = scriptOf(require.resolve('pomelo-jsclient-websocket'))

export function loadRealClient(): RealClient {
  const log: string[] = []
  const timers = new Set<NodeJS.Timeout>()
  const sockets = new Set<WebSocket>()
  const pomelo = evaluate(browserGlobals(log, timers, sockets))
  const failed: { reject?: (error: Error) => void } = {}
  // The library reports by events; node's emitter would throw an `error` that nobody listens to.
  for (const event of ['error', 'io-error', 'close']) {
    pomelo.on(event, (what: unknown) => failed.reject?.(new Error(`${event}: ${describe(what)}`)))
  }
  return {
    log,
    init: (params) =>
      new Promise((resolve, reject) => {
        failed.reject = reject
        pomelo.init({ user: {}, ...params }, resolve)
      }),
    request: (route, message) => new Promise((done) => pomelo.request(route, message, done)),
    notify: (route, message) => pomelo.notify(route, message),
    on: (event, listener) => void pomelo.on(event, listener),
    next: async (event) => (await once(pomelo, event))[0],
    disconnect: async () => {
      const closed = once(pomelo, 'close')
      pomelo.disconnect()
      await closed
    },
    dispose: () => {
      for (const timer of timers) clearTimeout(timer)
      for (const socket of sockets) socket.terminate()
    },
  }
}

function evaluate(window: Record<string, unknown>): Pomelo {
  window.window = window
  const module: { exports: unknown } = { exports: {} }
  window.module = module
  vm.createContext(window)
  protocolScript.runInContext(window)
  clientScript.runInContext(window)
  return module.exports as Pomelo
}

function browserGlobals(
  log: string[],
  timers: Set<NodeJS.Timeout>,
  sockets: Set<WebSocket>,
): Record<string, unknown> {
  const write = (...parts: unknown[]) => void log.push(parts.map(describe).join(' '))
  const stored = new Map<string, string>()
  return {
    console: { log: write, error: write },
    // One realm's byte arrays throughout: the socket must know what it is handed.
    Uint8Array,
    EventEmitter,
    WebSocket: class extends WebSocket {
      constructor(url: string) {
        super(url)
        sockets.add(this)
      }
    },
    localStorage: {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
    },
    setTimeout: (run: () => void, ms: number) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        run()
      }, ms)
      timers.add(timer)
      return timer
    },
    clearTimeout: (timer: NodeJS.Timeout | null) => {
      if (timer === null) return
      timers.delete(timer)
      clearTimeout(timer)
    },
  }
}

/** An event of the socket, an error, or text, for a message. */
function describe(what: unknown): string {
  if (typeof what !== 'object' || what === null) return String(what)
  const { message, reason, code } = what as Record<string, unknown>
  return String(message ?? (code === undefined ? what : `code ${code} ${reason ?? ''}`))
}
