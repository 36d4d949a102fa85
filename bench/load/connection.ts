// One connection of the load client: connect, (upgrade,) handshake, login, then requests on the run's
// clock.
//
//   connecting ──▶ upgrading (ws) ──▶ shaking ──▶ logging-in ──▶ ready ──▶ closed
//        any state may fail: before ready it rejects opening, after it is counted by the run
//
// Load client only, hot path. All sockets read into one static buffer, because a read is handled
// before the next one starts; requests are prebuilt frames patched in place; a reply is decoded into
// one shared view. After opening there is no allocation and no promise for each message but for what
// node:net does itself.

import net from 'node:net'
import {
  decodeServerMessage,
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
import type { RequestFrame } from './frame.ts'
import { replyCode } from './reply-code.ts'
import { encodeFrame, FrameReader, makeUpgrade, type Upgrade, upgradeFault } from './websocket.ts'

export interface Target {
  readonly webSocket: boolean
  readonly host: string
  readonly port: number
  /** WebSocket's path. */
  readonly path: string
}

/** What a connection tells its run; one object for all connections. */
export interface RunEvents {
  reply(connection: Connection, id: number, code: number): void
  push(): void
  kicked(reason: string): void
  closed(connection: Connection, why: string): void
}

/** What the login came to. */
export interface Opened {
  readonly uid: string
  /** Seconds; 0 for none. */
  readonly heartbeatS: number
  readonly codeOf: Readonly<Record<string, number>>
}

/** Bytes that may wait in one socket before requests that are due are dropped and counted. */
const queueBytesMax = 256 * 1024
const upgradeBytesMax = 8 * 1024
const handshake = Buffer.from(
  JSON.stringify({ sys: { type: 'moonwheel-bench', version: '1.0.0', rsa: {} }, user: {} }),
)
const readBuffer = Buffer.alloc(64 * 1024)
const view = new MessageView()

type State = 'connecting' | 'upgrading' | 'shaking' | 'logging-in' | 'ready' | 'closed'

export class Connection {
  readonly index: number
  /** The next reply's number at least: replies come in the order of their requests. */
  nextReply = 0
  frames: readonly RequestFrame[] = []
  /** Whether anything was sent since the heartbeat timer looked last. */
  active = false
  readonly #target: Target
  readonly #events: RunEvents
  readonly #login: { route: string; body: string } | undefined
  readonly #socket: net.Socket
  readonly #decoder: PackageDecoder
  readonly #reader: FrameReader | undefined
  readonly #opening: PromiseWithResolvers<Opened> = promiseWithResolvers()
  #state: State = 'connecting'
  #upgrade: Upgrade | undefined
  #upgradeBytes: Buffer = Buffer.alloc(0)
  #heartbeatS = 0
  #codeOf: Readonly<Record<string, number>> = {}
  #failure: string | undefined

  /** @param login its route and JSON body, or undefined to be ready after the handshake */
  constructor(
    index: number,
    target: Target,
    login: { route: string; body: string } | undefined,
    events: RunEvents,
  ) {
    this.index = index
    this.#target = target
    this.#events = events
    this.#login = login
    this.#decoder = new PackageDecoder(packageBodyBytesMax, (type, buffer, start, end) => {
      this.#onPackage(type, buffer, start, end)
      return this.#state !== 'closed'
    })
    this.#reader = target.webSocket ? this.#frameReader() : undefined
    this.#socket = net.connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (size) => this.#onRead(size) },
    })
    this.#socket.on('connect', () => this.#onConnect())
    this.#socket.on('error', (error) => this.fail(error.message))
    this.#socket.on('close', () => this.#onClose())
  }

  /** Resolves when requests may be sent; rejects when it comes to nothing. */
  get opening(): Promise<Opened> {
    return this.#opening.promise
  }

  /**
   * Sends the n-th request, in place where the socket has let go of the frame.
   * @returns false when the connection is gone or does not take more
   */
  sendRequest(n: number): boolean {
    const frame = this.frames[n % this.frames.length] as RequestFrame
    const waiting = this.#socket.writableLength
    if (this.#state !== 'ready' || this.#failure !== undefined) return false
    if (waiting > queueBytesMax) return false
    this.active = true
    if (waiting === 0) {
      frame.patch(n, frame.bytes)
      this.#socket.write(frame.bytes)
    } else {
      const copy = Buffer.from(frame.bytes)
      frame.patch(n, copy)
      this.#socket.write(copy)
    }
    return true
  }

  sendHeartbeat(): void {
    if (this.#state === 'ready') this.#send(heartbeatPackage)
  }

  /** Drops the connection; `why` is what the run or the opener is told. */
  fail(why: string): void {
    this.#failure ??= why
    this.#socket.destroy()
  }

  #send(bytes: Uint8Array): void {
    this.#socket.write(this.#target.webSocket ? encodeFrame(bytes) : bytes)
  }

  #onConnect(): void {
    if (this.#target.webSocket) {
      this.#state = 'upgrading'
      this.#upgrade = makeUpgrade(`${this.#target.host}:${this.#target.port}`, this.#target.path)
      this.#socket.write(this.#upgrade.request)
    } else this.#shakeHands()
  }

  #shakeHands(): void {
    this.#state = 'shaking'
    this.#send(encodePackage(packageType.handshake, handshake))
  }

  #onRead(size: number): boolean {
    const bytes = readBuffer.subarray(0, size)
    if (this.#state === 'upgrading') this.#onUpgrade(bytes)
    else this.#onStream(bytes)
    return true
  }

  #onStream(bytes: Buffer): void {
    if (this.#reader === undefined) {
      this.#onPackages(bytes)
      return
    }
    const fault = this.#reader.feed(bytes)
    if (fault !== undefined) this.fail(fault)
  }

  #onPackages(bytes: Uint8Array): void {
    const status = this.#decoder.feed(bytes)
    if (status !== 'ok' && status !== 'paused') this.fail(`the server sent a package: ${status}`)
  }

  #onUpgrade(bytes: Buffer): void {
    this.#upgradeBytes = Buffer.concat([this.#upgradeBytes, bytes])
    const end = this.#upgradeBytes.indexOf('\r\n\r\n')
    if (end < 0) {
      if (this.#upgradeBytes.length > upgradeBytesMax) this.fail('an endless answer to the upgrade')
      return
    }
    const head = this.#upgradeBytes.toString('latin1', 0, end)
    const fault = upgradeFault(head, this.#upgrade?.accept ?? '')
    const rest = this.#upgradeBytes.subarray(end + 4)
    this.#upgradeBytes = Buffer.alloc(0)
    if (fault !== undefined) {
      this.fail(fault)
      return
    }
    this.#shakeHands()
    if (rest.length > 0) this.#onStream(rest)
  }

  #frameReader(): FrameReader {
    return new FrameReader({
      payload: (bytes) => this.#onPackages(bytes),
      closed: (code, reason) => this.fail(`WebSocket close ${code} ${reason}`.trimEnd()),
      pong: (frame) => void this.#socket.write(frame),
    })
  }

  #onPackage(type: PackageType, buffer: Uint8Array, start: number, end: number): void {
    if (type === packageType.data) this.#onMessage(buffer, start, end)
    else if (type === packageType.handshake) this.#onHandshake(buffer.subarray(start, end))
    else if (type === packageType.kick) this.#onKick(buffer.subarray(start, end))
  }

  #onMessage(buffer: Uint8Array, start: number, end: number): void {
    const refused = decodeServerMessage(buffer, start, end, view)
    if (refused !== undefined) this.fail(`the server sent a message: ${refused}`)
    else if (view.type === messageType.push) this.#events.push()
    else {
      const code = replyCode(buffer, view.bodyStart, view.bodyEnd)
      if (this.#state === 'ready') this.#events.reply(this, view.id, code)
      else this.#onLogin(Buffer.from(buffer.subarray(view.bodyStart, view.bodyEnd)), code)
    }
  }

  #onHandshake(body: Uint8Array): void {
    const reply = parseObject(body)
    const sys = reply.sys as Record<string, unknown> | undefined
    if (reply.code !== 200 || sys === undefined) {
      this.fail(`handshake refused: ${Buffer.from(body).toString('utf8')}`)
      return
    }
    this.#heartbeatS = Number(sys.heartbeat ?? 0)
    this.#codeOf = (sys.dict ?? {}) as Record<string, number>
    this.#send(handshakeAckPackage)
    if (this.#login === undefined) {
      this.#becomeReady('')
      return
    }
    this.#state = 'logging-in'
    const { route, body: loginBody } = this.#login
    this.#send(encodeRequest(1, this.#codeOf[route] ?? route, Buffer.from(loginBody)))
  }

  #onLogin(body: Buffer, code: number): void {
    const { uid } = parseObject(body)
    if (code >= 400) this.fail(`login refused: ${body.toString('utf8')}`)
    else this.#becomeReady(typeof uid === 'string' || typeof uid === 'number' ? String(uid) : '')
  }

  #becomeReady(uid: string): void {
    this.#state = 'ready'
    this.#opening.resolve({ uid, heartbeatS: this.#heartbeatS, codeOf: this.#codeOf })
  }

  #onKick(body: Uint8Array): void {
    const reason = String(parseObject(body).reason ?? 'no reason given')
    this.#failure ??= `kicked: ${reason}`
    this.#events.kicked(reason)
  }

  #onClose(): void {
    const why = this.#failure ?? 'closed by the server'
    const opened = this.#state === 'ready'
    const before = this.#state
    this.#state = 'closed'
    if (opened) this.#events.closed(this, why)
    else this.#opening.reject(new Error(`connection ${this.index}, ${before}: ${why}`))
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

/** Promise.withResolvers, which Node 20 does not have. */
function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {} // not JSON: the caller finds none of the fields it wants, and says so
  }
}
