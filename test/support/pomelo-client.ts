// A small game client for integration tests: promises over TCP or WebSocket, both dialects.
//
// Test process only. Every wait ends: with its value, with its timeout, or with the close of the
// connection, whose error says what was awaited and why the connection ended (kick reason included).
// close() leaves no timer and no socket behind. What arrives unasked is kept: a push that nobody
// listens to waits for waitPush. Faults of the server are counted in `violations`, not thrown.

import {
  decodeServerMessage,
  encodeNotify,
  encodeRequest,
  MessageView,
  messageType,
} from '../../core/gate/message-codec.ts'
import {
  encodePackage,
  handshakeAckPackage,
  heartbeatPackage,
  PackageDecoder,
  type PackageType,
  packageBodyBytesMax,
  packageType,
} from '../../core/gate/package-codec.ts'

import { type CloseInfo, openTcp, openWebSocket, type Socket } from './client-socket.ts'
import { Inbox, type Waiter } from './inbox.ts'

export interface ClientOptions {
  readonly transport: 'tcp' | 'ws'
  readonly port: number
  /** 127.0.0.1 when left out. */
  readonly host?: string
  readonly dialect?: 'pomelo' | 'pitaya'
  /** Becomes `user` of the handshake. */
  readonly user?: unknown
  /** Added to `sys` of the handshake: dictVersion, protoVersion, another type… */
  readonly sys?: Readonly<Record<string, unknown>>
  /** Routes as codes where the server sent a dictionary; true when left out. */
  readonly routeCodes?: boolean
  /** The dictionary that this client has from before (send its dictVersion in `sys`). */
  readonly dictionary?: Readonly<Record<string, number>>
  /** Keeps the connection alive as real clients do; true when left out. */
  readonly heartbeats?: boolean
  /** Of every single wait; 5,000 when left out. */
  readonly timeoutMs?: number
}

export interface HandshakeReply {
  readonly code: number
  readonly reason?: string
  readonly sys: {
    readonly heartbeat?: number
    readonly dict?: Readonly<Record<string, number>>
    readonly dictVersion?: string
    readonly [key: string]: unknown
  }
  readonly user?: unknown
}

/** The server answered the handshake with a code other than 200. */
export class HandshakeRefused extends Error {
  readonly reply: HandshakeReply
  constructor(reply: HandshakeReply) {
    super(`handshake refused: code ${reply.code}, ${reply.reason ?? 'no reason given'}`)
    this.name = 'HandshakeRefused'
    this.reply = reply
  }
}

export interface Reply {
  readonly body: Buffer
  /** pitaya's error flag. */
  readonly error: boolean
}

type PushListener = (message: unknown) => void

/** Opens a connection and shakes hands. @throws HandshakeRefused, or why the connection failed */
export async function connectClient(options: ClientOptions): Promise<PomeloClient> {
  const client = new PomeloClient(options)
  try {
    await client.shakeHands()
    return client
  } catch (error) {
    await client.abort()
    throw error
  }
}

export class PomeloClient {
  /** Faults of the server that a real client might not survive; tests expect none. */
  readonly violations: string[] = []
  heartbeatsReceived = 0
  readonly #options: ClientOptions
  readonly #timeoutMs: number
  readonly #socket: Socket
  readonly #decoder: PackageDecoder
  readonly #view = new MessageView()
  readonly #pending = new Map<number, Waiter<Reply>>()
  readonly #waiters = new Set<Waiter<never>>()
  readonly #handshakes = new Inbox<HandshakeReply>()
  readonly #kicks = new Inbox<string>()
  readonly #heartbeats = new Inbox<number>()
  readonly #pushes = new Map<string, Inbox<unknown>>()
  readonly #listeners = new Map<string, Set<PushListener>>()
  readonly #closes = new Inbox<CloseInfo>()
  #codeOf: ReadonlyMap<string, number> = new Map()
  #routeOf: ReadonlyMap<number, string> = new Map()
  #reply: HandshakeReply | undefined
  #heartbeatTimer: NodeJS.Timeout | undefined
  #lastId = 0
  #kicked: string | undefined
  #closed: CloseInfo | undefined
  #packagesInFrame = 0

  /** Opens the socket only; `connectClient` is the usual door, this one is for wrong handshakes. */
  constructor(options: ClientOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 5000
    this.#decoder = new PackageDecoder(packageBodyBytesMax, (type, buffer, start, end) => {
      this.#packagesInFrame++
      this.#onPackage(type, Buffer.from(buffer.subarray(start, end)))
      return true
    })
    const open = options.transport === 'tcp' ? openTcp : openWebSocket
    this.#socket = open(options.host ?? '127.0.0.1', options.port, {
      bytes: (bytes) => this.#onBytes(bytes),
      closed: (info) => this.#onClosed(info),
      violation: (what) => this.violations.push(what),
    })
  }

  /** The server's handshake; throws before there is one. */
  get handshakeReply(): HandshakeReply {
    if (this.#reply === undefined) throw new Error('no handshake reply yet')
    return this.#reply
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  /** Resolves when bytes can be sent. */
  opened(): Promise<void> {
    return this.#wait('the connection', (waiter) => this.#socket.whenOpen(waiter.resolve))
  }

  /** Sends the handshake, waits for the reply, sends the ack. */
  async shakeHands(): Promise<HandshakeReply> {
    await this.opened()
    this.sendPackage(packageType.handshake, JSON.stringify(handshakeOf(this.#options)))
    const reply = await this.waitHandshake()
    if (reply.code !== 200) throw new HandshakeRefused(reply)
    const dict = reply.sys.dict ?? this.#options.dictionary ?? {}
    this.#routeOf = new Map(Object.entries(dict).map(([route, code]) => [code, route]))
    if (this.#options.routeCodes !== false) this.#codeOf = new Map(Object.entries(dict))
    this.sendRaw(handshakeAckPackage)
    const { heartbeat = 0 } = reply.sys
    if (this.#options.heartbeats !== false && heartbeat > 0 && !this.isClosed) {
      // Real clients answer one interval after the server's; a steady beat comes to the same.
      const beat = () => this.sendRaw(heartbeatPackage)
      this.#heartbeatTimer = setInterval(beat, heartbeat * 1000).unref()
    }
    return reply
  }

  /** A request with a JSON body; resolves with the parsed reply, whatever code it carries. */
  async request(route: string, message: unknown = {}): Promise<unknown> {
    return parseBody((await this.requestBytes(route, JSON.stringify(message))).body)
  }

  /** A request with any body. */
  requestBytes(route: string, body: Uint8Array | string): Promise<Reply> {
    const id = ++this.#lastId
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    return this.#wait(`the reply to ${route} (id ${id})`, (waiter) => {
      this.#pending.set(id, waiter)
      this.sendRaw(encodeRequest(id, this.#codeOf.get(route) ?? route, bytes))
      return () => this.#pending.delete(id)
    })
  }

  notify(route: string, message: unknown = {}): void {
    const body = Buffer.from(JSON.stringify(message))
    this.sendRaw(encodeNotify(this.#codeOf.get(route) ?? route, body))
  }

  /** Calls back for every push of a route from now on; returns what ends that. */
  onPush(route: string, listener: PushListener): () => void {
    const listeners = this.#listeners.get(route) ?? new Set()
    this.#listeners.set(route, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** The next push of a route that no listener took, also one that is here already. */
  waitPush(route: string): Promise<unknown> {
    return this.#take(this.#inboxOf(route), `push ${route}`)
  }

  /** The reason of the server's kick, also of one that is here already. */
  waitKick(): Promise<string> {
    return this.#take(this.#kicks, 'a kick')
  }

  waitHeartbeat(): Promise<number> {
    return this.#take(this.#heartbeats, 'a heartbeat')
  }

  waitHandshake(): Promise<HandshakeReply> {
    return this.#take(this.#handshakes, 'the handshake reply')
  }

  /** Resolves when the connection is closed, whoever closed it; also when it was already. */
  async waitClose(): Promise<CloseInfo> {
    return this.#closed ?? this.#take(this.#closes, 'the close of the connection')
  }

  /** Sends bytes as they are: part of a package, several, nonsense; one frame over WebSocket. */
  sendRaw(bytes: Uint8Array): void {
    if (this.#closed === undefined) this.#socket.send(bytes)
  }

  sendPackage(type: PackageType, body: Uint8Array | string): void {
    this.sendRaw(encodePackage(type, typeof body === 'string' ? Buffer.from(body) : body))
  }

  /** Ends the connection and waits until it has ended; drops it if the server never agrees. */
  async close(): Promise<CloseInfo> {
    clearInterval(this.#heartbeatTimer)
    this.#socket.end()
    return this.waitClose().catch(() => this.abort())
  }

  /** Drops the connection without a goodbye, as a lost network would. */
  async abort(): Promise<CloseInfo> {
    this.#socket.destroy()
    return this.waitClose()
  }

  #onBytes(bytes: Uint8Array): void {
    this.#packagesInFrame = 0
    const status = this.#decoder.feed(bytes)
    if (status !== 'ok') this.#fail(`the server sent a package that is ${status}`)
    if (this.#options.transport === 'ws' && this.#packagesInFrame !== 1) {
      this.violations.push(`a WebSocket frame with ${this.#packagesInFrame} packages`)
    }
  }

  #onPackage(type: PackageType, body: Buffer): void {
    try {
      if (type === packageType.data) this.#onMessage(body)
      else if (type === packageType.heartbeat) this.#heartbeats.put(++this.heartbeatsReceived)
      else if (type === packageType.handshake) {
        this.#reply = JSON.parse(body.toString('utf8')) as HandshakeReply
        this.#handshakes.put(this.#reply)
      } else if (type === packageType.kick) {
        this.#kicked = (JSON.parse(body.toString('utf8')) as { reason: string }).reason
        this.#kicks.put(this.#kicked)
      } else this.violations.push(`a package of type ${type} from the server`)
    } catch (error) {
      this.#fail(`the server sent what this client cannot read: ${String(error)}`)
    }
  }

  #onMessage(body: Buffer): void {
    const view = this.#view
    const refused = decodeServerMessage(body, 0, body.length, view)
    if (refused !== undefined) {
      this.#fail(`the server sent a message: ${refused}`)
      return
    }
    const payload = body.subarray(view.bodyStart, view.bodyEnd)
    const waiter = this.#pending.get(view.id)
    if (view.type === messageType.push) this.#onPush(payload)
    else if (waiter !== undefined) waiter.resolve({ body: payload, error: view.error })
    else this.violations.push(`a reply to id ${view.id}, which nobody awaits`)
  }

  #onPush(payload: Buffer): void {
    const { routeCode } = this.#view
    const route = routeCode === 0 ? this.#view.route : this.#routeOf.get(routeCode)
    if (route === undefined) {
      this.violations.push(`a push of unknown route code ${routeCode}`)
      return
    }
    const message = parseBody(payload)
    const listeners = this.#listeners.get(route)
    if (listeners === undefined || listeners.size === 0) this.#inboxOf(route).put(message)
    else for (const listener of listeners) listener(message)
  }

  #fail(why: string): void {
    this.violations.push(why)
    this.#socket.destroy()
  }

  #onClosed(info: CloseInfo): void {
    if (this.#closed !== undefined) return
    clearInterval(this.#heartbeatTimer)
    this.#closed = this.#kicked === undefined ? info : { ...info, kicked: this.#kicked }
    this.#closes.put(this.#closed)
    for (const waiter of [...this.#waiters]) waiter.reject(new Error(this.#whyClosed()))
  }

  #whyClosed(): string {
    const { code, error, kicked } = this.#closed ?? {}
    const why = [
      kicked === undefined ? undefined : `kicked: ${kicked}`,
      code === undefined ? undefined : `close code ${code}`,
      error?.message,
      ...this.violations,
    ].filter((part) => part !== undefined)
    return `the connection closed (${why.join('; ') || 'by the server'})`
  }

  #inboxOf(route: string): Inbox<unknown> {
    const inbox = this.#pushes.get(route) ?? new Inbox<unknown>()
    this.#pushes.set(route, inbox)
    return inbox
  }

  #take<T>(inbox: Inbox<T>, what: string): Promise<T> {
    const held = inbox.shift()
    if (held !== undefined) return Promise.resolve(held.value)
    return this.#wait(what, (waiter) => inbox.await(waiter))
  }

  /** A promise that always ends, and then undoes what `start` set up. */
  #wait<T>(what: string, start: (waiter: Waiter<T>) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let undo: unknown
      const settle = () => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        if (typeof undo === 'function') undo()
      }
      const waiter: Waiter<T> = {
        resolve: (value) => {
          settle()
          resolve(value)
        },
        reject: (error) => {
          settle()
          reject(new Error(`waiting for ${what}: ${error.message}`))
        },
      }
      const timer = setTimeout(
        () => waiter.reject(new Error(`nothing in ${this.#timeoutMs} ms`)),
        this.#timeoutMs,
      )
      this.#waiters.add(waiter)
      if (this.#closed !== undefined) waiter.reject(new Error(this.#whyClosed()))
      else undo = start(waiter)
    })
  }
}

function handshakeOf(options: ClientOptions): unknown {
  const pomelo = { type: 'moonwheel-test', version: '1.0.0', rsa: {}, protoVersion: 0 }
  const pitaya = {
    platform: 'linux',
    libVersion: '0.3.5',
    clientBuildNumber: '1',
    clientVersion: '1.0.0',
  }
  const sys = options.dialect === 'pitaya' ? pitaya : pomelo
  return { sys: { ...sys, ...options.sys }, user: options.user ?? {} }
}

function parseBody(body: Buffer): unknown {
  return body.length === 0 ? undefined : JSON.parse(body.toString('utf8'))
}
