// Our own client and server, without lanes: what a call costs before any Lua. Own processes.

import { systemClock } from '../../core/base/clock.ts'
import { defaultClientRules, RpcClient } from '../../core/rpc/client.ts'
import { Dispatcher } from '../../core/rpc/dispatcher.ts'
import { TurnFlush } from '../../core/rpc/framed-socket.ts'
import { defaultOnceLimits } from '../../core/rpc/once-table.ts'
import { succeeded } from '../../core/rpc/outcome.ts'
import { RouteTable } from '../../core/rpc/route-table.ts'
import { defaultServerRules, RpcServer } from '../../core/rpc/server.ts'
import { NodeTimers } from '../../core/timer/node-timers.ts'
import { bodyBytes, type Caller, type Contender } from './contender.ts'

export function turns(): TurnFlush {
  const flush: TurnFlush = new TurnFlush(() => setImmediate(flush.flush))
  return flush
}

async function serve(): Promise<number> {
  const echo = {
    handle: (call: Parameters<Dispatcher['handle']>[0]) => {
      call.end(succeeded(call.request.body))
      return true
    },
  }
  const server = await RpcServer.listen('127.0.0.1', 0, {
    rules: defaultServerRules,
    token: '',
    info: () => ({ node: 'server', incarnation: '1', draining: false }),
    handler: new Dispatcher(systemClock, echo, defaultOnceLimits),
    turn: turns(),
    timers: new NodeTimers(),
  })
  return server.port
}

/** @param method of service `echo` on node `server` */
export function connectTo(port: number, method: string): Caller {
  const routes = new RouteTable()
  const node = {
    name: 'server',
    host: '127.0.0.1',
    port,
    weight: 1,
    incarnation: '',
    draining: false,
  }
  const service = { service: 'echo', balance: undefined, nodes: ['server'] }
  routes.set('static', { nodes: [node], services: [service] })
  const timers = new NodeTimers()
  const client = new RpcClient({
    rules: defaultClientRules,
    hello: { node: 'client', token: '' },
    turn: turns(),
    timers,
    clock: systemClock,
    random: Math.random,
    routes,
    local: () => {},
    log: () => {},
  })
  const fixed = { service: 'echo', method, timeoutMs: 10_000, traceId: '', key: '', node: '' }
  return {
    call: (body, done) =>
      client.call({ ...fixed, body, idempotencyKey: '' }, ({ code, error, body: answer }) => {
        const isRight = code === 0 && answer.length >= bodyBytes
        done(isRight ? undefined : new Error(`code ${code}: ${error}`))
      }),
    close: () => {
      client.stop()
      timers.clear()
    },
  }
}

export const moonwheel: Contender = {
  name: 'moonwheel',
  serve,
  connect: (port) => Promise.resolve(connectTo(port, 'echo')),
}
