// Methods whose messages config/proto declares: Lua tables to those messages, and back.
//
// Lane thread. Nothing is guessed: a field that the message does not have, or a value of another kind,
// is refused with its path, on the side that made the mistake. What was left out has the default that
// proto3 says; messages and `optional` fields that were left out are nil. Enums are their names in Lua.

import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs'
import { messageOf } from '../base/errors.ts'
import { type DeclaredRpc, declaredRpcs } from '../config/protos.ts'
import type { ProtoFile } from '../config/types.ts'
import { bytesToText, textToBytes } from '../lua/bytes.ts'
import { type LuaEngine, LuaError, LuaFloat, type LuaTable, type LuaValue } from '../lua/engine.ts'

export class DeclaredMethods {
  readonly #methods = new Map<string, DeclaredMethod>()

  constructor(engine: LuaEngine, files: readonly ProtoFile[]) {
    if (files.length === 0) return
    for (const each of declaredRpcs(files)) {
      this.#methods.set(`${each.service}.${each.method}`, new DeclaredMethod(engine, each))
    }
  }

  method(service: string, method: string): DeclaredMethod | undefined {
    if (this.#methods.size === 0) return undefined
    return this.#methods.get(`${service}.${method}`)
  }
}

export class DeclaredMethod {
  readonly isSafe: boolean
  readonly #engine: LuaEngine
  readonly #request: MessageCodec
  readonly #response: MessageCodec

  constructor(engine: LuaEngine, { request, response, isSafe }: DeclaredRpc) {
    this.isSafe = isSafe
    this.#engine = engine
    this.#request = new MessageCodec(engine, request)
    this.#response = new MessageCodec(engine, response)
  }

  /** @throws LuaError naming the field that is wrong; so do the others that encode */
  encodeRequest(args: readonly LuaValue[]): Uint8Array {
    return this.#request.encode(only(args, 'argument'), false)
  }

  encodeResponse(results: readonly LuaValue[]): Uint8Array {
    return this.#response.encode(only(results, 'result'), false)
  }

  /** @returns the one argument, or what is wrong with the bytes */
  decodeRequest(bytes: Uint8Array): LuaValue[] | string {
    return this.#request.decode(bytes)
  }

  decodeResponse(bytes: Uint8Array): LuaValue[] | string {
    return this.#response.decode(bytes)
  }

  /** Arguments that came as JSON, or as texts of a query. */
  normalizeRequest(args: readonly LuaValue[]): LuaValue[] | string {
    try {
      return this.#request.decode(this.#request.encode(only(args, 'argument'), true))
    } catch (error) {
      if (error instanceof LuaError) return error.message
      throw error
    }
  }

  /** The result as JSON text, a byte string. */
  jsonOf(results: readonly LuaValue[]): string {
    const message = this.#response.decode(this.encodeResponse(results))
    return this.#engine.stringifyJson(message[0])
  }
}

function only(values: readonly LuaValue[], what: string): LuaValue {
  if (values.length <= 1) return values[0]
  return refuse(`its .proto declares one ${what}, not ${values.length}`)
}

function refuse(message: string): never {
  throw new LuaError(message, textToBytes(message), '')
}

/** Whole numbers of 32 bits: the least and the most. */
const small: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  sint32: [-(2 ** 31), 2 ** 31 - 1],
  sfixed32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  fixed32: [0, 2 ** 32 - 1],
}

class MessageCodec {
  readonly #engine: LuaEngine
  readonly #type: protobuf.Type

  constructor(engine: LuaEngine, type: protobuf.Type) {
    this.#engine = engine
    this.#type = type
  }

  /** @param isText numbers and flags may come as texts, as JSON and queries have them */
  encode(value: LuaValue, isText: boolean): Uint8Array {
    const fields = value === undefined ? {} : this.#toMessage(this.#type, value, '', isText)
    return this.#type.encode(this.#type.create(fields)).finish()
  }

  decode(bytes: Uint8Array): LuaValue[] | string {
    try {
      const message = this.#type.decode(bytes) as unknown as Record<string, unknown>
      return [this.#toTable(this.#type, message)]
    } catch (error) {
      return `no ${this.#type.name} message: ${messageOf(error)}`
    }
  }

  // --- Lua to protobuf ----------------------------------------------------------------------------

  #toMessage(
    type: protobuf.Type,
    value: LuaValue,
    path: string,
    isText: boolean,
  ): Record<string, unknown> {
    const table = this.#table(value, path || type.name)
    const fields: Record<string, unknown> = {}
    this.#engine.forEach(table, (key, inner) => {
      const name = typeof key === 'string' ? key : String(key)
      const field = typeof key === 'string' ? type.fields[key] : undefined
      if (field === undefined)
        return refuse(`${path}${name}: message ${type.name} has no such field`)
      fields[name] = this.#toField(field, inner, path + name, isText)
      return true
    })
    return fields
  }

  #toField(field: protobuf.FieldBase, value: LuaValue, path: string, isText: boolean): unknown {
    if (field instanceof protobuf.MapField) {
      const map: Record<string, unknown> = {}
      this.#engine.forEach(this.#table(value, path), (key, inner) => {
        const name = typeof key === 'string' ? bytesToText(key) : String(key)
        map[name] = this.#toOne(field, inner, `${path}.${name}`, isText)
        return true
      })
      return map
    }
    if (!field.repeated) return this.#toOne(field, value, path, isText)
    const list = this.#table(value, path)
    return Array.from({ length: this.#engine.rawLength(list) }, (_, i) =>
      this.#toOne(field, this.#engine.rawGet(list, i + 1), `${path}[${i + 1}]`, isText),
    )
  }

  #toOne(field: protobuf.FieldBase, value: LuaValue, path: string, isText: boolean): unknown {
    const { resolvedType } = field
    if (resolvedType instanceof protobuf.Type) {
      return this.#toMessage(resolvedType, value, `${path}.`, isText)
    }
    if (resolvedType instanceof protobuf.Enum) return this.#toEnum(resolvedType, value, path)
    const given = value instanceof LuaFloat ? value.n : value
    const read = isText && typeof given === 'string' ? fromText(field.type, given) : given
    const range = small[field.type]
    if (range !== undefined) {
      if (Number.isInteger(read) && Number(read) >= range[0] && Number(read) <= range[1])
        return read
    } else if (field.type === 'double' || field.type === 'float') {
      if (typeof read === 'number' || typeof read === 'bigint') return Number(read)
    } else if (field.type === 'bool') {
      if (typeof read === 'boolean') return read
    } else if (field.type === 'string') {
      if (typeof read === 'string' && isUtf8(Buffer.from(read, 'latin1'))) return bytesToText(read)
    } else if (field.type === 'bytes') {
      if (typeof read === 'string') return Buffer.from(read, 'latin1')
    } else if (Number.isSafeInteger(read) || typeof read === 'bigint') {
      // 64 bits; what is unsigned over there is the same bits here.
      const bits = BigInt(read as number | bigint)
      const isUnsigned = field.type === 'uint64' || field.type === 'fixed64'
      return (isUnsigned ? BigInt.asUintN(64, bits) : BigInt.asIntN(64, bits)).toString()
    }
    return refuse(`${path}: expected ${field.type}, got ${this.#show(value)}`)
  }

  #toEnum(type: protobuf.Enum, value: LuaValue, path: string): number {
    const number = typeof value === 'string' ? type.values[value] : value
    if (typeof number === 'number' && Number.isInteger(number)) return number
    const names = Object.keys(type.values).join(', ')
    return refuse(`${path}: expected one of ${names}, got ${this.#show(value)}`)
  }

  #table(value: LuaValue, path: string): LuaTable {
    if (this.#engine.typeOf(value) === 'table') return value as LuaTable
    return refuse(`${path.replace(/\.$/, '')}: expected a table, got ${this.#show(value)}`)
  }

  #show(value: LuaValue): string {
    const type = this.#engine.typeOf(value)
    if (type === 'string') return JSON.stringify(bytesToText(value as string).slice(0, 40))
    if (type !== 'number' && type !== 'boolean') return type
    return String(value instanceof LuaFloat ? value.n.toFixed(1) : value)
  }

  // --- protobuf to Lua ----------------------------------------------------------------------------

  #toTable(type: protobuf.Type, message: Record<string, unknown>): LuaTable {
    const engine = this.#engine
    const table = engine.newTable()
    for (const field of type.fieldsArray) {
      const value = message[field.name]
      const isThere = Object.hasOwn(message, field.name)
      if (field instanceof protobuf.MapField) {
        engine.rawSet(table, field.name, this.#toMap(field, value as Record<string, unknown>))
      } else if (field.repeated) {
        const list = engine.newTable()
        for (const [i, item] of ((value ?? []) as unknown[]).entries()) {
          engine.rawSet(list, i + 1, this.#fromOne(field, item))
        }
        engine.rawSet(table, field.name, list)
      } else if (isThere || !field.hasPresence) {
        engine.rawSet(table, field.name, this.#fromOne(field, value))
      }
    }
    return table
  }

  #toMap(field: protobuf.MapField, value: Record<string, unknown> | undefined): LuaTable {
    const table = this.#engine.newTable()
    for (const [name, inner] of Object.entries(value ?? {})) {
      const key = field.keyType === 'string' ? textToBytes(name) : this.#mapKey(field, name)
      this.#engine.rawSet(table, key, this.#fromOne(field, inner))
    }
    return table
  }

  #mapKey(field: protobuf.MapField, name: string): LuaValue {
    if (field.keyType === 'bool') return name === 'true'
    // Keys of 64 bits are 8 characters in protobufjs.
    const wide = name.length === 8 && small[field.keyType] === undefined
    return wide ? this.#fromLong(protobuf.util.longFromHash(name, false)) : Number(name)
  }

  #fromOne(field: protobuf.FieldBase, value: unknown): LuaValue {
    const { resolvedType } = field
    if (resolvedType instanceof protobuf.Type) {
      return this.#toTable(resolvedType, value as Record<string, unknown>)
    }
    if (resolvedType instanceof protobuf.Enum) {
      const number = value as number
      return resolvedType.valuesById[number] ?? number
    }
    if (typeof value === 'boolean') return value
    if (typeof value === 'string') return textToBytes(value)
    if (typeof value === 'number') {
      const isFloat = field.type === 'double' || field.type === 'float'
      return isFloat && Number.isInteger(value) ? new LuaFloat(value) : value
    }
    if (field.type === 'bytes') return Buffer.from(value as Uint8Array).toString('latin1')
    return this.#fromLong(value)
  }

  /** A Long of protobufjs, or a number where the library is not there. */
  #fromLong(value: unknown): LuaValue {
    const wide = BigInt.asIntN(64, BigInt(String(value)))
    const near = Number(wide)
    return Number.isSafeInteger(near) ? near : wide
  }
}

/** A number or a flag that came as text; the text itself when it is neither. */
function fromText(type: string, text: string): LuaValue {
  if (type === 'string' || type === 'bytes') return text
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : text
  if (/^-?\d{1,19}$/.test(text)) {
    const wide = BigInt(text)
    return Number.isSafeInteger(Number(wide)) ? Number(wide) : wide
  }
  const number = Number(text)
  return text.trim() !== '' && !Number.isNaN(number) ? number : text
}
