// Reads config/proto/*.proto, and finds the methods that they declare.
//
// Any thread; pure but for the parser's own tables. A service of a .proto is the Lua service of the
// same name in small letters, a method the remote function: `rpc GrantItem` of `service Bag` is
// `bag.remote.grant_item`. `option (lua) = "..."` in either says another name. A method with
// `option idempotency_level = NO_SIDE_EFFECTS` is safe: HTTP may GET it.

import protobuf from 'protobufjs'
import { HostError, messageOf } from '../base/errors.ts'
import type { ProtoFile } from './types.ts'

export interface DeclaredRpc {
  /** Names as Lua has them. */
  readonly service: string
  readonly method: string
  readonly request: protobuf.Type
  readonly response: protobuf.Type
  readonly isSafe: boolean
}

/**
 * The methods that the files declare.
 * @throws HostError CONFIG that names the file, and the line where the parser knows it
 */
export function declaredRpcs(files: readonly ProtoFile[]): DeclaredRpc[] {
  const root = new protobuf.Root()
  for (const { path, text } of files) {
    try {
      protobuf.parse(text, root, { keepCase: true })
    } catch (error) {
      const words = messageOf(error).replace(/^illegal/, 'unexpected')
      throw new HostError('CONFIG', `${path}: ${words}`, { cause: error })
    }
  }
  try {
    root.resolveAll()
  } catch (error) {
    throw new HostError('CONFIG', `config/proto: ${messageOf(error)}`, { cause: error })
  }
  return servicesOf(root).flatMap((service) =>
    service.methodsArray.map((method) => declaredOf(service, method)),
  )
}

function servicesOf(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  return namespace.nestedArray.flatMap((each) => {
    if (each instanceof protobuf.Service) return [each]
    return each instanceof protobuf.Namespace ? servicesOf(each) : []
  })
}

function declaredOf(service: protobuf.Service, method: protobuf.Method): DeclaredRpc {
  const { resolvedRequestType: request, resolvedResponseType: response } = method
  if (request === null || response === null) {
    throw new HostError('CONFIG', `${method.fullName}: its messages are not declared`)
  }
  if (method.requestStream === true || method.responseStream === true) {
    throw new HostError('CONFIG', `${method.fullName}: streams are not supported`)
  }
  return {
    service: luaName(service),
    method: luaName(method),
    request,
    response,
    isSafe: method.options?.idempotency_level === 'NO_SIDE_EFFECTS',
  }
}

/** GrantItem -> grant_item */
function luaName(object: protobuf.ReflectionObject): string {
  const named: unknown = object.options?.['(lua)']
  if (typeof named === 'string') return named
  return object.name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
}
