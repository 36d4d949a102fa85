// The values that a statement may carry, and how a dialect writes them down. Any thread.

import type { LuaFloat } from '../lua/engine.ts'

/** How one dialect writes values down; everything is a byte string (core/lua/bytes.ts). */
export interface Literals {
  /** Lines at the top of a segment, so that a replay by hand reads the literals as they are meant. */
  readonly preamble: string
  /** An integer of 64 bits. */
  integer(value: number | bigint): string
  /** A finite double. */
  float(value: number): string
  boolean(value: boolean): string
  /** Text in UTF-8; `isPlain` when it may stand between plain quotes. */
  text(bytes: string, isPlain: boolean): string
  blob(bytes: string): string
  /** Why this database cannot hold that text, or undefined. */
  textFault(bytes: string): string | undefined
}

/** Bytes that are no text: stored as a blob. */
export class SqlBlob {
  /** A byte string. */
  readonly bytes: string
  constructor(bytes: string) {
    this.bytes = bytes
  }
}

/**
 * A value that a statement may carry, as it comes over the Lua border: nil is NULL, a whole number an
 * integer, any other number a float, a LuaFloat a float that is whole, a string is text in UTF-8.
 */
export type SqlValue = undefined | null | boolean | number | bigint | string | LuaFloat | SqlBlob
