// The bodies of calls between hosts: arguments and results as bytes, and back.
//
// Lane thread. A method that config/proto declares has messages of its own (declared-methods.ts): one
// table is its argument, one its result. All others have LuaValues of config/proto/rpc.proto. The HTTP
// face brings JSON as well: an array is the list of arguments, anything else the one argument, and the
// answer is the array of results, or the one message of a declared method.

import { assert, must } from '../base/assert.ts'
import type { ProtoFile } from '../config/types.ts'
import { type LuaEngine, LuaError, type LuaTable, type LuaValue } from '../lua/engine.ts'
import { WireValueReader, WireValueWriter } from '../lua/wire-value.ts'
import { DeclaredMethods } from './declared-methods.ts'

export type CallFormat = 'proto' | 'json'

export class CallBodies {
  readonly declared: DeclaredMethods
  readonly #engine: LuaEngine
  readonly #writer: WireValueWriter
  readonly #reader: WireValueReader

  constructor(engine: LuaEngine, protos: readonly ProtoFile[]) {
    this.#engine = engine
    this.#writer = new WireValueWriter(engine)
    this.#reader = new WireValueReader(engine)
    this.declared = new DeclaredMethods(engine, protos)
  }

  /** @throws LuaError naming what cannot be sent */
  encodeArguments(service: string, method: string, args: readonly LuaValue[]): Uint8Array {
    const declared = this.declared.method(service, method)
    if (declared === undefined) return this.#writer.encode(args)
    return declared.encodeRequest(args)
  }

  /** @returns the arguments, or what is wrong with them */
  decodeArguments(
    format: CallFormat,
    service: string,
    method: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): LuaValue[] | string {
    const declared = this.declared.method(service, method)
    if (format === 'json') {
      const args = this.#parseArguments(bytes.subarray(start, end))
      if (typeof args === 'string' || declared === undefined) return args
      return declared.normalizeRequest(args)
    }
    if (declared !== undefined) return declared.decodeRequest(bytes.subarray(start, end))
    return this.#reader.decode(bytes, start, end) ?? 'the arguments are no LuaValues message'
  }

  /** @throws LuaError naming what cannot be sent */
  encodeResults(
    format: CallFormat,
    service: string,
    method: string,
    results: readonly LuaValue[],
  ): Uint8Array {
    const declared = this.declared.method(service, method)
    if (format === 'json') {
      const json = declared === undefined ? this.#listJson(results) : declared.jsonOf(results)
      return Buffer.from(json, 'latin1')
    }
    return declared === undefined ? this.#writer.encode(results) : declared.encodeResponse(results)
  }

  /** @returns undefined for bytes that are no such results */
  decodeResults(
    service: string,
    method: string,
    bytes: Buffer,
    start: number,
    end: number,
  ): LuaValue[] | undefined {
    const declared = this.declared.method(service, method)
    if (declared === undefined) return this.#reader.decode(bytes, start, end)
    const message = declared.decodeResponse(bytes.subarray(start, end))
    return typeof message === 'string' ? undefined : message
  }

  /**
   * What a declared method's arguments become on their way, for a call that stays in this lane.
   * @throws LuaError naming what cannot be sent
   */
  throughRequest(service: string, method: string, args: readonly LuaValue[]): LuaValue[] {
    const declared = must(this.declared.method(service, method), 'declared method')
    return readable(declared.decodeRequest(declared.encodeRequest(args)))
  }

  /** The same for its results. */
  throughResponse(service: string, method: string, results: readonly LuaValue[]): LuaValue[] {
    const declared = must(this.declared.method(service, method), 'declared method')
    return readable(declared.decodeResponse(declared.encodeResponse(results)))
  }

  #parseArguments(json: Uint8Array): LuaValue[] | string {
    if (json.length === 0) return []
    let value: LuaValue
    try {
      value = this.#engine.parseJson(json)
    } catch (error) {
      if (error instanceof LuaError) return error.message
      throw error
    }
    const isList = json.find((byte) => !whiteSpace.has(byte)) === openBracket
    if (!isList) return [value]
    const list = value as LuaTable
    const length = this.#engine.rawLength(list)
    return Array.from({ length }, (_, i) => {
      const item = this.#engine.rawGet(list, i + 1)
      return item === this.#engine.jsonNull ? undefined : item
    })
  }

  #listJson(results: readonly LuaValue[]): string {
    const items = results.map((value) =>
      value === undefined ? 'null' : this.#engine.stringifyJson(value),
    )
    return `[${items.join()}]`
  }
}

function readable(values: LuaValue[] | string): LuaValue[] {
  assert(typeof values !== 'string', 'what was encoded here can be decoded here')
  return values
}

const whiteSpace: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])
const openBracket = 0x5b
