// One player of a benchmark: connects over TCP, logs in, sends requests, and hands on each answer.
//
// Main thread of the benchmark. Answers to requests come in their order, so the times of those that
// are under way are a queue. What ends the connection is handed on once.

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
  packageBodyBytesMax,
  packageType,
} from '../../core/gate/package-codec.ts'

const handshake = encodePackage(
  packageType.handshake,
  JSON.stringify({ sys: { type: 'moonwheel-bench', version: '1.0.0' }, user: {} }),
)
const view = new MessageView()

export class Player {
  readonly uid: string
  /** Why the connection ended; undefined while it is open. */
  ended: string | undefined
  readonly #socket: net.Socket
  readonly #waiting: ((body: Buffer) => void)[] = []
  #heartbeat: NodeJS.Timeout | undefined
  #onShaken: () => void = () => {}
  #lastId = 0
  #isClosing = false

  constructor(port: number, uid: string) {
    this.uid = uid
    this.#socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    const decoder = new PackageDecoder(packageBodyBytesMax, (type, bytes, start, end) => {
      if (type === packageType.handshake) this.#shaken(bytes.subarray(start, end))
      else if (type === packageType.data) this.#message(bytes, start, end)
      else if (type === packageType.kick) this.ended ??= `kicked: ${bytes.subarray(start, end)}`
      return true
    })
    this.#socket.on('data', (chunk) => void decoder.feed(chunk))
    this.#socket.on('error', (error) => {
      this.ended ??= error.message
    })
    this.#socket.on('close', () => {
      clearInterval(this.#heartbeat)
      if (!this.#isClosing) this.ended ??= 'closed by the server'
    })
  }

  /** Shakes hands, and logs in by `route` with the uid. */
  async open(route: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onShaken = resolve
      this.#socket.write(handshake)
    })
    await this.request(route, { uid: this.uid })
  }

  /** Requests whose answers have not come. */
  get underWay(): number {
    return this.#waiting.length
  }

  /** Calls `answered` with the answer's bytes. */
  send(route: string, body: object, answered: (body: Buffer) => void): void {
    this.#waiting.push(answered)
    this.#socket.write(encodeRequest(++this.#lastId, route, JSON.stringify(body)))
  }

  request(route: string, body: object): Promise<Buffer> {
    return new Promise((resolve) => this.send(route, body, resolve))
  }

  close(): void {
    this.#isClosing = true
    clearInterval(this.#heartbeat)
    this.#socket.destroy()
  }

  #shaken(body: Uint8Array): void {
    const { sys } = JSON.parse(Buffer.from(body).toString('utf8')) as {
      sys: { heartbeat?: number }
    }
    this.#socket.write(handshakeAckPackage)
    const beatMs = (sys.heartbeat ?? 0) * 1000
    if (beatMs > 0) {
      this.#heartbeat = setInterval(() => this.#socket.write(heartbeatPackage), beatMs / 2)
    }
    this.#onShaken()
  }

  #message(bytes: Uint8Array, start: number, end: number): void {
    const refused = decodeServerMessage(bytes, start, end, view)
    if (refused !== undefined) {
      this.ended ??= `the server sent a message: ${refused}`
      this.#socket.destroy()
    } else if (view.type === messageType.response) {
      const answered = this.#waiting.shift()
      answered?.(Buffer.from(bytes.subarray(view.bodyStart, view.bodyEnd)))
    }
  }
}

/** Opens players in small groups, so that the listener's queue takes them. */
export async function openPlayers(
  port: number,
  uids: readonly string[],
  loginRoute: string,
): Promise<Player[]> {
  const players: Player[] = []
  for (let at = 0; at < uids.length; at += 100) {
    const group = uids.slice(at, at + 100).map((uid) => new Player(port, uid))
    await Promise.all(group.map((player) => player.open(loginRoute)))
    players.push(...group)
  }
  return players
}
