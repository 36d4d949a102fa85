// @grpc/grpc-js with unary calls and bytes as messages, so that no body is encoded. Own processes.

import {
  credentials,
  type handleUnaryCall,
  makeClientConstructor,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js'
import type { Caller, Contender } from './contender.ts'

const same = (bytes: Buffer): Buffer => bytes
const definition = {
  echo: {
    path: '/Echo/echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
}

function serve(): Promise<number> {
  const echo: handleUnaryCall<Buffer, Buffer> = (call, done) => done(null, call.request)
  const server = new Server()
  server.addService(definition, { echo })
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

type Unary = (body: Buffer, done: (error: Error | null, answer?: Buffer) => void) => void

function connect(port: number): Promise<Caller> {
  const Echo = makeClientConstructor(definition, 'Echo')
  const client = new Echo(`127.0.0.1:${port}`, credentials.createInsecure())
  const echo = (client as unknown as { echo: Unary }).echo.bind(client)
  const caller: Caller = {
    call: (body, done) => echo(body, (error) => done(error ?? undefined)),
    close: () => client.close(),
  }
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 5000, (error) => {
      if (error === undefined) resolve(caller)
      else reject(error)
    })
  })
}

export const grpc: Contender = { name: '@grpc/grpc-js', serve, connect }
