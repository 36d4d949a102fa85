// The protobuf wire format by hand: varints, fields, lengths. Any thread.
//
// For the few messages that every call is made of, where a general library costs more than the call.
// The reader never throws and never reads beyond its end: after the first fault `failed` is set and
// everything that it returns is 0. https://protobuf.dev/programming-guides/encoding

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** The tag of a field as it stands on the wire; for field numbers below 16 it is one byte. */
export function tagOf(field: number, type: number): number {
  return (field << 3) | type
}

/** Bytes that a varint of this u32 takes. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  return value < 0x10000000 ? 4 : 5
}

/** Writes a u32. @returns the position behind it */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let to = at
  while (rest > 0x7f) {
    bytes[to++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[to++] = rest
  return to
}

export class WireReader {
  bytes: Buffer = Buffer.alloc(0)
  at = 0
  end = 0
  failed = false

  reset(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.failed = false
  }

  /** Whether there is another field. */
  get more(): boolean {
    return this.at < this.end && !this.failed
  }

  /** The low 32 bits of a varint, unsigned. */
  varint(): number {
    const first = this.bytes[this.at] as number
    if (first < 0x80 && this.at < this.end) {
      this.at++
      return first
    }
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) return this.#fail()
      const byte = this.bytes[this.at++] as number
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    return this.#fail()
  }

  /** All 64 bits of a varint, unsigned. */
  varint64(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) {
        this.#fail()
        return 0n
      }
      const byte = this.bytes[this.at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    this.#fail()
    return 0n
  }

  /** A zigzag varint (sint64): a number while that is exact. */
  sint64(): number | bigint {
    const from = this.at
    let value = 0
    for (let shift = 0; shift < 28 && this.at < this.end; shift += 7) {
      const byte = this.bytes[this.at++] as number
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    this.at = from
    const wide = this.varint64()
    const signed = BigInt.asIntN(64, (wide >> 1n) ^ -(wide & 1n))
    const near = Number(signed)
    return Number.isSafeInteger(near) ? near : signed
  }

  double(): number {
    if (this.end - this.at < 8) return this.#fail()
    this.at += 8
    return this.bytes.readDoubleLE(this.at - 8)
  }

  /** Reads the length of a bytes field. @returns where the field ends; `at` is where it begins */
  lengthEnd(): number {
    const length = this.varint()
    if (this.failed || length > this.end - this.at) {
      this.#fail()
      return this.at
    }
    return this.at + length
  }

  text(): string {
    const to = this.lengthEnd()
    const from = this.at
    this.at = to
    return from === to ? '' : this.bytes.toString('utf8', from, to)
  }

  /** Passes over the value of a field that nobody knows. */
  skip(type: number): void {
    if (type === wireType.varint) this.varint64()
    else if (type === wireType.bytes) this.at = this.lengthEnd()
    else if (type === wireType.fixed64) this.#pass(8)
    else if (type === wireType.fixed32) this.#pass(4)
    else this.#fail()
  }

  #pass(bytes: number): void {
    if (this.end - this.at < bytes) this.#fail()
    else this.at += bytes
  }

  #fail(): number {
    this.failed = true
    this.at = this.end
    return 0
  }
}
