// Checks config/routes.lua: the other nodes of the game, and the services that they have.
//
// Core thread and tools; pure. As everywhere in config, each thing that is wrong is reported with its
// line, and nothing is half taken over.

import type { Evaluated } from './evaluate.ts'
import { plainPairs } from './lua-values.ts'
import { type Problems, show, suggestion } from './problems.ts'
import {
  type BalanceName,
  balanceNames,
  type NodeRoute,
  type PlainValue,
  type RoutesConfig,
  type ServiceNodes,
} from './types.ts'

export const noRoutes: RoutesConfig = { nodes: [], services: [] }

const nodeName = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/
const hostName = /^[\w.:-]{1,255}$/
const weightMax = 1000

export class RoutesCheck {
  readonly #file: string
  readonly #evaluated: Evaluated
  readonly #problems: Problems

  constructor(file: string, evaluated: Evaluated, problems: Problems) {
    this.#file = file
    this.#evaluated = evaluated
    this.#problems = problems
  }

  run(): RoutesConfig {
    const found = this.#fields(this.#evaluated.value, [], ['nodes', 'services'])
    const nodes = this.#entries(found.get('nodes'), ['nodes']).flatMap(([name, value]) => {
      return this.#node(name, value) ?? []
    })
    const known = new Set(nodes.map(({ name }) => name))
    const services = this.#entries(found.get('services'), ['services']).flatMap(([name, value]) => {
      return this.#service(name, value, known) ?? []
    })
    return { nodes, services }
  }

  #node(name: string, value: PlainValue): NodeRoute | undefined {
    const path = ['nodes', name]
    if (!nodeName.test(name)) {
      return this.#tell(path, `expected a node's name, got ${show(name)}`)
    }
    const fields = this.#fields(value, path, ['host', 'port', 'weight'])
    const host = fields.get('host') ?? '127.0.0.1'
    const port = fields.get('port')
    const weight = fields.get('weight') ?? 1
    if (typeof host !== 'string' || !hostName.test(host)) {
      return this.#tell([...path, 'host'], `expected an address, got ${show(host)}`)
    }
    if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65535) {
      const text = `expected the port of the node's RPC listener (its rpc.port), got ${show(port)}`
      return this.#tell([...path, 'port'], text)
    }
    if (typeof weight !== 'number' || !(weight > 0) || weight > weightMax) {
      const text = `expected a number above 0 and at most ${weightMax}, got ${show(weight)}`
      return this.#tell([...path, 'weight'], text)
    }
    return { name, host, port: port as number, weight }
  }

  #service(name: string, value: PlainValue, known: ReadonlySet<string>): ServiceNodes | undefined {
    const path = ['services', name]
    const fields = this.#fields(value, path, ['nodes', 'balance'])
    const pairs = plainPairs(fields.get('nodes') ?? [])
    const nodes = pairs?.map(([, node]) => node)
    if (nodes === undefined || nodes.length === 0) {
      return this.#tell([...path, 'nodes'], 'expected a list of names of nodes')
    }
    for (const node of nodes) {
      if (typeof node === 'string' && known.has(node)) continue
      const text = `there is no node ${show(node)} in this file${suggestion(String(node), known)}`
      return this.#tell([...path, 'nodes'], text)
    }
    const balance = fields.get('balance')
    if (balance !== undefined && !balanceNames.some((each) => each === balance)) {
      const text = `expected one of ${balanceNames.join(', ')}, got ${show(balance)}`
      return this.#tell([...path, 'balance'], text)
    }
    return {
      service: name,
      nodes: nodes as string[],
      balance: balance as BalanceName | undefined,
    }
  }

  #entries(value: PlainValue | undefined, path: string[]): [string, PlainValue][] {
    if (value === undefined) return []
    const pairs = plainPairs(value)
    if (pairs === undefined) {
      this.#tell(path, `expected a table, got ${show(value)}`)
      return []
    }
    return pairs.map(([name, inner]) => [String(name), inner])
  }

  #fields(value: PlainValue, path: string[], known: readonly string[]): Map<string, PlainValue> {
    const fields = new Map(this.#entries(value, path))
    for (const name of fields.keys()) {
      if (known.includes(name)) continue
      this.#tell([...path, name], `unknown field${suggestion(name, known)}`)
    }
    return fields
  }

  #tell(path: readonly string[], message: string): undefined {
    const line = this.#evaluated.positions.lineOf(path)
    this.#problems.add({ file: this.#file, line, field: path.join('.'), message })
  }
}
