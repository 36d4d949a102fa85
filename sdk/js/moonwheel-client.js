// The JavaScript client of Moonwheel: pomelo's protocol over one WebSocket, with JSON bodies.
//
// Browsers, Node >= 22, or anything that hands in a WebSocket class; no dependency, no build.
// `Connection` is one socket from handshake to end; `MoonwheelClient` outlives it and owns the
// pending requests, the listeners and the reconnection. Invariants: every request settles exactly
// once; nothing is sent before the handshake is done; no timer is left once the client is closed.
// On failure: a request rejects with a MoonwheelError, a lost connection ends in onClose or in a new
// connection, a message that cannot be read goes to onError. Nothing is dropped without a word.
//
//   package:  u8 type | u24 BE length | body        (several may share one frame)
//   message:  u8 flag | [varint id] | [route] | JSON   flag = type << 1 | route is a dictionary code

const packageType = { handshake: 1, ack: 2, heartbeat: 3, data: 4, kick: 5 }
const messageType = { request: 0, notify: 1, response: 2, push: 3 }
const flagBits = { compressedRoute: 0x01, zlib: 0x10, error: 0x20 }

const bodyBytesMax = 0xffffff
const routeBytesMax = 255
const idMax = 0x7fffffff
const pendingMax = 10_000
/** Hosts that one reply may lead through. */
const redirectsMax = 3

const defaults = {
  user: {},
  timeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  reconnect: {
    initialMs: 500,
    maxMs: 15_000,
    attemptsMax: 20,
    // The server says so when it wants the player back; else two tabs would kick each other.
    afterKick: (reason) => reason.endsWith('log in again'),
  },
}

const utf8 = new TextEncoder()
const text = new TextDecoder()
const ackPackage = encodePackage(packageType.ack, new Uint8Array(0))
const heartbeatPackage = encodePackage(packageType.heartbeat, new Uint8Array(0))

/** What a request rejects with; see moonwheel-client.d.ts for the fields. */
export class MoonwheelError extends Error {
  constructor(kind, message, { code = 0, requestId, route, body } = {}) {
    super(message)
    this.name = 'MoonwheelError'
    this.kind = kind
    this.code = code
    this.requestId = requestId
    this.route = route
    this.body = body
  }
}

/** Connects and shakes hands; resolves with a client that is ready for requests. */
export async function connect(url, options = {}) {
  const client = new MoonwheelClient(url, options)
  await client.open()
  return client
}

// ---- bytes ---------------------------------------------------------------------------------

function encodePackage(type, body) {
  const bytes = new Uint8Array(4 + body.length)
  bytes[0] = type
  bytes[1] = body.length >> 16
  bytes[2] = body.length >> 8
  bytes[3] = body.length
  bytes.set(body, 4)
  return bytes
}

/** Splits one frame into its packages; throws when the last one is cut. */
function splitPackages(frame) {
  const packages = []
  for (let at = 0; at < frame.length; ) {
    const length = (frame[at + 1] << 16) | (frame[at + 2] << 8) | frame[at + 3]
    const end = at + 4 + length
    if (at + 4 > frame.length || end > frame.length) {
      throw new MoonwheelError('protocol', 'the server sent a package that is cut short')
    }
    packages.push({ type: frame[at], body: frame.subarray(at + 4, end) })
    at = end
  }
  return packages
}

/** One data package: a request when `id` is positive, else a notify. */
function encodeMessage(id, route, message, dictionary) {
  const body = utf8.encode(JSON.stringify(message ?? {}))
  const code = dictionary.codes.get(route)
  const routeBytes = code === undefined ? utf8.encode(route) : undefined
  if (routeBytes !== undefined && (route === '' || routeBytes.length > routeBytesMax)) {
    throw new MoonwheelError('usage', `a route is 1 to ${routeBytesMax} bytes long`, { route })
  }
  const head = []
  head.push(((id > 0 ? messageType.request : messageType.notify) << 1) | (routeBytes ? 0 : 1))
  if (id > 0) {
    let rest = id
    for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128)
    head.push(rest)
  }
  if (routeBytes) head.push(routeBytes.length, ...routeBytes)
  else head.push(code >> 8, code & 0xff)
  if (head.length + body.length > bodyBytesMax) {
    throw new MoonwheelError('usage', 'the message is longer than 16 MiB', { route })
  }
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return encodePackage(packageType.data, whole)
}

/** A response or push: `{ type, id | route, failed, body() }`; throws when it cannot be read. */
function decodeMessage(bytes, dictionary) {
  const flag = bytes[0] ?? 0xff
  const type = (flag >> 1) & 0x7
  let at = 1
  let id = 0
  let route = ''
  if (type === messageType.response) {
    for (let scale = 1; ; scale *= 128, at++) {
      if (at >= bytes.length || scale > 2 ** 28) throw cut('an id')
      id += (bytes[at] & 0x7f) * scale
      if (bytes[at] < 128) break
    }
    at++
  } else if (type !== messageType.push) {
    throw new MoonwheelError('protocol', `the server sent a message of unknown type ${type}`)
  } else if (flag & flagBits.compressedRoute) {
    if (at + 2 > bytes.length) throw cut('a route code')
    const code = (bytes[at] << 8) | bytes[at + 1]
    route = dictionary.routes.get(code) ?? ''
    if (route === '') {
      throw new MoonwheelError('protocol', `the dictionary has no route for code ${code}`)
    }
    at += 2
  } else {
    const end = at + 1 + (bytes[at] ?? 0xffff)
    if (end > bytes.length) throw cut('a route')
    route = text.decode(bytes.subarray(at + 1, end))
    at = end
  }
  const payload = bytes.subarray(at)
  return {
    type,
    id,
    route,
    failed: (flag & flagBits.error) !== 0,
    body: () => parseBody(payload, flag, route),
  }
}

function cut(what) {
  return new MoonwheelError('protocol', `the server sent a message with ${what} cut short`)
}

function parseBody(payload, flag, route) {
  if (flag & flagBits.zlib) {
    throw new MoonwheelError('protocol', 'the server sent a zlib body to a pomelo client', {
      route,
    })
  }
  if (payload.length === 0) return undefined
  try {
    return JSON.parse(text.decode(payload))
  } catch (error) {
    const message = `the server sent a body that is not JSON: ${error.message}`
    throw new MoonwheelError('protocol', message, { route, body: text.decode(payload) })
  }
}

const emptyDictionary = { version: '', codes: new Map(), routes: new Map() }

/** The handshake reply's dictionary; `known` when the server left it out as unchanged. */
function readDictionary(sys, known) {
  const entries = Object.entries(sys.dict ?? sys.routeToCode ?? {})
  if (entries.length === 0) return sys.useDict && known.version !== '' ? known : emptyDictionary
  if (entries.some(([, code]) => !Number.isInteger(code) || code < 1 || code > 0xffff)) {
    throw new MoonwheelError('protocol', 'the dictionary of the handshake has a bad route code')
  }
  return {
    version: typeof sys.dictVersion === 'string' ? sys.dictVersion : '',
    codes: new Map(entries),
    routes: new Map(entries.map(([route, code]) => [code, route])),
  }
}

// ---- one socket ----------------------------------------------------------------------------

// opening --open--> shaking --handshake 200--> ready --close, kick, silence--> ended
// `hooks`: ready(reply, rttMs), data(bytes), kick(reason), rtt(ms), fault(error), ended(error).
class Connection {
  #socket
  #url
  #hooks
  #phase = 'opening'
  #connectTimer
  #heartbeatTimer
  #heartbeatMs = 0
  #beatMs = 0
  #sentMs = 0
  #heardMs = 0
  #pingedMs

  constructor({ WebSocket, url, hello, timeoutMs, hooks }) {
    this.#hooks = hooks
    this.#url = url
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      this.#phase = 'shaking'
      this.#pingedMs = performance.now()
      this.#socket.send(encodePackage(packageType.handshake, utf8.encode(JSON.stringify(hello))))
    }
    socket.onmessage = (event) => this.#receive(event.data)
    // An error event tells nothing about why. A close event follows it, except in Node 20's
    // own WebSocket when no connection can be made at all: so that case ends here.
    socket.onerror = () => this.#phase === 'opening' && this.#end(this.#unreachable())
    socket.onclose = (event) => this.#end(this.#closeError(event))
    this.#connectTimer = setTimeout(() => {
      this.end(new MoonwheelError('timeout', `no handshake from ${url} within ${timeoutMs} ms`))
    }, timeoutMs)
  }

  send(bytes) {
    this.#socket.send(bytes)
  }

  /** Sends a heartbeat now; pomelo's server answers each, which measures the round trip. */
  ping() {
    this.#pingedMs ??= performance.now()
    this.#beat()
  }

  /** Ends at once, without waiting for a peer that may be gone. */
  end(error) {
    if (this.#phase === 'ended') return
    this.#end(error)
    this.#socket.close(1000)
  }

  #end(error) {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    clearTimeout(this.#connectTimer)
    clearInterval(this.#heartbeatTimer)
    this.#hooks.ended(error)
  }

  #unreachable() {
    const message = `the server is not reachable at ${this.#url}: is it running?`
    return new MoonwheelError('closed', message)
  }

  #closeError(event) {
    if (this.#phase === 'opening') return this.#unreachable()
    const why = event.reason ? `: ${event.reason}` : ''
    return new MoonwheelError('closed', `the connection closed (${event.code})${why}`)
  }

  #receive(frame) {
    this.#heardMs = performance.now()
    try {
      if (typeof frame === 'string') {
        throw new MoonwheelError('protocol', 'the server sent a text frame: is this a game port?')
      }
      for (const { type, body } of splitPackages(new Uint8Array(frame))) {
        if (this.#phase !== 'ended') this.#take(type, body)
      }
    } catch (error) {
      this.end(error)
    }
  }

  #take(type, body) {
    if (type === packageType.handshake) this.#shake(body)
    else if (type === packageType.heartbeat) this.#heartbeat()
    else if (type === packageType.data) this.#hooks.data(body)
    else if (type === packageType.kick) this.#kick(body)
    else throw new MoonwheelError('protocol', `the server sent a package of unknown type ${type}`)
  }

  #shake(body) {
    if (this.#phase !== 'shaking') return
    const reply = parseBody(body, 0, '')
    if (reply?.code !== 200) {
      const reason = reply?.message ?? reply?.reason ?? reply?.sys?.message ?? 'no reason was given'
      const code = reply?.code ?? 0
      throw new MoonwheelError('refused', `the server refused the handshake: ${reason}`, {
        code,
        body: reply,
      })
    }
    clearTimeout(this.#connectTimer)
    this.#phase = 'ready'
    this.#socket.send(ackPackage)
    const seconds = Number(reply.sys?.heartbeat ?? 0)
    if (seconds > 0) this.#startHeartbeat(seconds * 1000)
    const rttMs = performance.now() - this.#pingedMs
    this.#pingedMs = undefined
    this.#hooks.ready(reply, rttMs)
  }

  #startHeartbeat(intervalMs) {
    this.#heartbeatMs = intervalMs
    this.#beatMs = this.#sentMs = performance.now()
    this.#heartbeatTimer = setInterval(() => this.#tick(), intervalMs)
  }

  /** Each interval: two of them in silence end the connection, else the server hears from us. */
  #tick() {
    const nowMs = performance.now()
    // After a sleep of the machine or in a throttled tab the timer itself is late, and what the
    // server sent may still wait behind it: give it one interval more.
    const late = nowMs - this.#beatMs > 2 * this.#heartbeatMs
    this.#beatMs = nowMs
    if (!late && nowMs - this.#heardMs > 2 * this.#heartbeatMs) {
      this.end(new MoonwheelError('timeout', 'the server has been silent for two heartbeats'))
      return
    }
    this.ping()
  }

  #beat() {
    this.#sentMs = performance.now()
    this.#socket.send(heartbeatPackage)
  }

  #heartbeat() {
    const nowMs = performance.now()
    if (this.#pingedMs !== undefined) {
      this.#hooks.rtt(nowMs - this.#pingedMs)
      this.#pingedMs = undefined
    }
    // A tab in the background has its timers slowed down, but not its messages: use those too.
    // (Never answer at once: the server answers each of ours, and the two would play ping-pong.)
    if (this.#heartbeatMs > 0 && nowMs - this.#sentMs > 0.75 * this.#heartbeatMs) this.#beat()
  }

  #kick(body) {
    let reason = text.decode(body)
    try {
      reason = String(JSON.parse(reason)?.reason ?? reason)
    } catch {
      // pinus may send bare text: it is the reason then.
    }
    this.#hooks.kick(reason)
    this.end(new MoonwheelError('kicked', `kicked by the server: ${reason || 'no reason given'}`))
  }
}

// ---- the client ----------------------------------------------------------------------------

/** See moonwheel-client.d.ts for what each method promises. */
export class MoonwheelClient {
  /** Where it connects first, and again after a loss. */
  #home
  /** Where it is: another host when a reply has sent it there. */
  #url
  /** The request whose reply was a redirect, until the new host has answered. */
  #moving
  #redirects = 0
  #options
  #state = 'closed'
  #connection
  #dictionary = emptyDictionary
  #pending = new Map()
  #lastId = 0
  #rttMs
  #kick
  #attempt = 0
  #retryTimer
  #settleOpen
  #pushes = new Map()
  #listeners = new Map()

  constructor(url, options = {}) {
    this.#home = this.#url = String(url)
    const reconnect = options.reconnect === true ? {} : options.reconnect
    this.#options = {
      ...defaults,
      ...options,
      WebSocket: options.WebSocket ?? globalThis.WebSocket,
      reconnect: reconnect ? { ...defaults.reconnect, ...reconnect } : undefined,
    }
    if (typeof this.#options.WebSocket !== 'function') {
      const hint = 'this platform has no WebSocket: pass one, as in { WebSocket } from "ws"'
      throw new MoonwheelError('usage', hint)
    }
  }

  get state() {
    return this.#state
  }

  get rttMs() {
    return this.#rttMs
  }

  get url() {
    return this.#url
  }

  open() {
    if (this.#state !== 'closed') {
      return Promise.reject(new MoonwheelError('usage', `the client is ${this.#state} already`))
    }
    return new Promise((resolve, reject) => {
      this.#settleOpen = { resolve, reject }
      this.#kick = undefined
      this.#attempt = 0
      this.#enter('connecting')
      this.#dial()
    })
  }

  request(route, message, { timeoutMs = this.#options.timeoutMs } = {}) {
    return new Promise((resolve, reject) => {
      const connection = this.#usable(route)
      if (this.#pending.size >= pendingMax) {
        throw new MoonwheelError('usage', `${pendingMax} requests wait for a reply`, { route })
      }
      const id = this.#nextId()
      connection.send(encodeMessage(id, route, message, this.#dictionary))
      const timer = timeoutMs > 0 ? setTimeout(() => this.#expire(id, timeoutMs), timeoutMs) : 0
      this.#pending.set(id, { route, resolve, reject, timer })
    })
  }

  notify(route, message) {
    this.#usable(route).send(encodeMessage(0, route, message, this.#dictionary))
  }

  /** Sends a heartbeat now; `rttMs` is fresh once the server has answered it. */
  ping() {
    this.#usable().ping()
  }

  on(route, listener) {
    return subscribe(this.#pushes, route, listener)
  }

  onKick(listener) {
    return subscribe(this.#listeners, 'kick', listener)
  }

  onClose(listener) {
    return subscribe(this.#listeners, 'close', listener)
  }

  onReconnect(listener) {
    return subscribe(this.#listeners, 'reconnect', listener)
  }

  onState(listener) {
    return subscribe(this.#listeners, 'state', listener)
  }

  onError(listener) {
    return subscribe(this.#listeners, 'error', listener)
  }

  close() {
    if (this.#state === 'closed') return
    clearTimeout(this.#retryTimer)
    const error = new MoonwheelError('stopped', 'closed by this client')
    if (this.#connection) this.#connection.end(error)
    else this.#finish(error)
  }

  #usable(route) {
    if (this.#state === 'open') return this.#connection
    throw new MoonwheelError('closed', `not connected to ${this.#url}`, { route })
  }

  #nextId() {
    do this.#lastId = this.#lastId >= idMax ? 1 : this.#lastId + 1
    while (this.#pending.has(this.#lastId))
    return this.#lastId
  }

  #dial() {
    const { WebSocket, user, connectTimeoutMs } = this.#options
    const sys = { type: 'moonwheel-js', version: '1.0.0' }
    if (this.#dictionary.version !== '') sys.dictVersion = this.#dictionary.version
    try {
      this.#connection = new Connection({
        WebSocket,
        url: this.#url,
        hello: { sys, user },
        timeoutMs: connectTimeoutMs,
        hooks: {
          ready: (reply, rttMs) => this.#ready(reply, rttMs),
          data: (bytes) => this.#data(bytes),
          rtt: (ms) => {
            this.#rttMs = ms
          },
          kick: (reason) => {
            this.#kick = reason
            this.#emit('kick', reason)
          },
          ended: (error) => this.#ended(error),
        },
      })
    } catch (error) {
      // The WebSocket constructor throws for an address that it cannot parse.
      this.#ended(new MoonwheelError('usage', `${this.#url}: ${error.message}`))
    }
  }

  #ready(reply, rttMs) {
    this.#dictionary = readDictionary(reply.sys ?? {}, this.#dictionary)
    this.#rttMs = rttMs
    this.#attempt = 0
    if (this.#moving) return this.#arrive()
    const again = this.#settleOpen === undefined
    this.#enter('open')
    this.#settleOpen?.resolve()
    this.#settleOpen = undefined
    if (again) this.#emit('reconnect')
  }

  #data(bytes) {
    let message
    try {
      message = decodeMessage(bytes, this.#dictionary)
      if (message.type === messageType.push) this.#push(message.route, message.body())
    } catch (error) {
      this.#fault(error)
      return
    }
    if (message.type === messageType.response) this.#settle(message)
  }

  #push(route, body) {
    for (const listener of [...(this.#pushes.get(route) ?? []), ...(this.#pushes.get('*') ?? [])]) {
      call(listener, body, route)
    }
  }

  #settle(message) {
    const pending = this.#pending.get(message.id)
    // A reply that comes after its request timed out: the caller has been told already.
    if (pending === undefined) return
    this.#pending.delete(message.id)
    clearTimeout(pending.timer)
    const { route } = pending
    try {
      const body = message.body()
      if (message.failed || body?.code >= 400) throw replyError(route, body)
      if (isRedirect(body?.redirect)) return this.#follow(pending, body.redirect)
      this.#redirects = 0
      pending.resolve(body)
    } catch (error) {
      error.route ||= route
      pending.reject(error)
    }
  }

  /** The server sends this client to another host, which answers the request in its place. */
  #follow({ route, resolve, reject }, redirect) {
    if (++this.#redirects > redirectsMax) {
      this.#redirects = 0
      throw new MoonwheelError('protocol', 'the server sends this client from host to host')
    }
    const url = new URL(this.#home)
    url.hostname = redirect.host
    url.port = String(redirect.port)
    this.#url = String(url)
    this.#moving = { route, resolve, reject, redirect }
    const left = this.#connection
    this.#connection = undefined
    this.#failPending(new MoonwheelError('closed', 'this client went on to another host'))
    this.#enter('connecting')
    left.end(new MoonwheelError('stopped', 'this client went on to another host'))
    this.#dial()
  }

  #arrive() {
    const { resolve, reject, redirect } = this.#moving
    this.#moving = undefined
    this.#enter('open')
    this.request(redirect.route, { token: redirect.token }).then(resolve, reject)
  }

  #expire(id, timeoutMs) {
    const { route, reject } = this.#pending.get(id)
    this.#pending.delete(id)
    reject(new MoonwheelError('timeout', `no reply from ${route} in ${timeoutMs} ms`, { route }))
  }

  #failPending({ kind, message }) {
    for (const { route, reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(new MoonwheelError(kind, message, { route }))
    }
    this.#pending.clear()
  }

  #ended(error) {
    // The end of the connection that it has left.
    if (this.#moving && this.#connection === undefined) return
    this.#connection = undefined
    this.#rttMs = undefined
    this.#failPending(error)
    this.#moving?.reject(new MoonwheelError(error.kind, error.message, this.#moving))
    this.#moving = undefined
    this.#url = this.#home
    if (this.#wantsAnother(error)) this.#retry(error)
    else this.#finish(error)
  }

  #wantsAnother(error) {
    const { reconnect } = this.#options
    if (reconnect === undefined || this.#settleOpen !== undefined) return false
    if (error.kind === 'stopped') return false
    if (this.#kick !== undefined && !reconnect.afterKick(this.#kick)) return false
    return error.kind !== 'refused' && this.#attempt < reconnect.attemptsMax
  }

  /** Waits 50 to 100 % of a delay that doubles, so that a herd of clients spreads out. */
  #retry(error) {
    const { initialMs, maxMs } = this.#options.reconnect
    this.#kick = undefined
    this.#attempt++
    const fullMs = Math.min(maxMs, initialMs * 2 ** (this.#attempt - 1))
    const delayMs = Math.round(fullMs * (0.5 + Math.random() / 2))
    this.#retryTimer = setTimeout(() => this.#dial(), delayMs)
    this.#enter('reconnecting', { error, attempt: this.#attempt, delayMs })
  }

  #finish(error) {
    const opening = this.#settleOpen
    this.#settleOpen = undefined
    this.#enter('closed', { error })
    if (opening) opening.reject(error)
    else this.#emit('close', error)
  }

  #enter(state, detail = {}) {
    this.#state = state
    this.#emit('state', state, detail)
  }

  #fault(error) {
    if (this.#listeners.get('error')?.size > 0) this.#emit('error', error)
    else console.error(error)
  }

  #emit(event, ...args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) call(listener, ...args)
  }
}

/** `{ redirect: { host, port, token, route } }`: a login's reply from the master of a cluster. */
function isRedirect(redirect) {
  return (
    typeof redirect?.host === 'string' &&
    Number.isInteger(redirect.port) &&
    typeof redirect.token === 'string' &&
    typeof redirect.route === 'string'
  )
}

function replyError(route, body) {
  const message = String(body?.message ?? body?.msg ?? `${route} failed`)
  return new MoonwheelError('reply', message, {
    code: Number(body?.code ?? 500),
    requestId: body?.requestId,
    route,
    body,
  })
}

function subscribe(table, key, listener) {
  if (typeof listener !== 'function') {
    throw new MoonwheelError('usage', 'a listener must be a function')
  }
  const set = table.get(key) ?? new Set()
  table.set(key, set.add(listener))
  return () => set.delete(listener)
}

/** A listener that throws must not stop the others nor the socket; it stays an uncaught error. */
function call(listener, ...args) {
  try {
    listener(...args)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
