// One TCP connection that carries frames, at either end of a call.
//
// Core thread. What is sent during a turn leaves in one write at its end (TurnFlush). A peer that does
// not read is given up when `queueBytesMax` wait for it; a frame over the limit, or a message that makes
// no sense, ends the connection as well. `closed` is heard once, with the reason, whoever ended it.

import type { Socket } from 'node:net'
import { FrameReader, FrameWriter } from './frames.ts'

export interface FramedSocketEvents {
  /** Takes one message; false: not now (the socket is not read from until `resume`). */
  message(bytes: Buffer, start: number, end: number): boolean
  closed(reason: string): void
}

export interface FramedSocketLimits {
  readonly frameBytesMax: number
  readonly queueBytesMax: number
}

/** Sockets that have something to send, until the end of the turn. */
export class TurnFlush {
  readonly #schedule: () => void
  #dirty: FramedSocket[] = []

  /** @param schedule has `flush` called soon */
  constructor(schedule: () => void) {
    this.#schedule = schedule
  }

  add(socket: FramedSocket): void {
    if (this.#dirty.push(socket) === 1) this.#schedule()
  }

  readonly flush = (): void => {
    if (this.#dirty.length === 0) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const socket of dirty) socket.flush()
  }
}

export class FramedSocket {
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #writer = new FrameWriter()
  readonly #turn: TurnFlush
  readonly #limits: FramedSocketLimits
  #isQueued = false
  #isClosed = false
  #reason = ''
  /** Something has come since this was last set to false. */
  heard = true

  constructor(
    socket: Socket,
    turn: TurnFlush,
    limits: FramedSocketLimits,
    events: FramedSocketEvents,
  ) {
    this.#socket = socket
    this.#turn = turn
    this.#limits = limits
    this.#reader = new FrameReader(limits.frameBytesMax, (bytes, start, end) => {
      return !this.#isClosed && events.message(bytes, start, end)
    })
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#data(chunk as Buffer))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ||= error.code ?? error.message
    })
    socket.once('close', () => {
      this.#isClosed = true
      events.closed(this.#reason || 'the other side closed the connection')
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? ''
  }

  /** Room for one frame of at most `bytesMax`, to be written at `at`; `commit` must follow. */
  reserve(bytesMax: number): Buffer {
    return this.#writer.reserve(bytesMax)
  }

  get at(): number {
    return this.#writer.at
  }

  commit(end: number): void {
    this.#writer.commit(end)
    if (this.#isQueued) return
    this.#isQueued = true
    this.#turn.add(this)
  }

  flush(): void {
    this.#isQueued = false
    const slabs = this.#writer.take()
    if (this.#isClosed || !this.#socket.writable) return
    if (slabs.length > 1) this.#socket.cork()
    for (const slab of slabs) this.#socket.write(slab)
    if (slabs.length > 1) this.#socket.uncork()
    if (this.#socket.writableLength > this.#limits.queueBytesMax) {
      this.destroy('the other side reads too slowly')
    }
  }

  /** Goes on after `message` has returned false. */
  resume(): void {
    if (this.#isClosed) return
    this.#socket.resume()
    this.#read(this.#reader.resume())
  }

  /** Sends what is there, then ends. */
  end(reason: string): void {
    this.#reason ||= reason
    this.flush()
    this.#socket.end(() => this.#socket.destroy())
  }

  destroy(reason: string): void {
    this.#reason ||= reason
    this.#isClosed = true
    this.#socket.destroy()
  }

  #data(chunk: Buffer): void {
    this.heard = true
    this.#read(this.#reader.feed(chunk))
  }

  #read(isWhole: boolean): void {
    if (!isWhole) this.destroy(`a frame of more than ${this.#limits.frameBytesMax} bytes`)
    else if (this.#reader.waitsForVisitor) this.#socket.pause()
  }
}
