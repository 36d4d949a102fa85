// The fault proxy itself: without faults it changes nothing; each fault does what it says.

import { createServer, type Server, Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { FaultProxy } from './fault-proxy.ts'

let echo: Server
let proxy: FaultProxy

beforeEach(async () => {
  echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.open('127.0.0.1', (echo.address() as { port: number }).port)
})
afterEach(async () => {
  await proxy.close()
  echo.close()
})

/** Sends `text` and gives what came back, until there is as much of it, or the end and why. */
function exchange(text: string): Promise<{ got: string; pieces: number; end: string }> {
  return new Promise((resolve) => {
    const socket = new Socket()
    let got = ''
    let pieces = 0
    const done = (end: string): void => {
      socket.destroy()
      resolve({ got, pieces, end })
    }
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'))
    socket.on('data', (bytes) => {
      got += bytes
      pieces++
      if (got.length >= text.length) done('whole')
    })
    socket.connect(proxy.port, '127.0.0.1', () => socket.write(text))
  })
}

it('passes bytes on as they are', async () => {
  const text = 'x'.repeat(200_000)
  expect((await exchange(text)).got).toBe(text)
})

it('slices, delays and keeps the order', async () => {
  proxy.toClient = { sliceBytes: 1, latencyMs: 1 }
  const { got, pieces } = await exchange('hello, moon')
  expect(got).toBe('hello, moon')
  expect(pieces).toBeGreaterThan(1)
})

it('corrupts', async () => {
  proxy.toServer = { corrupt: (piece) => void piece.fill(0x21, 0, 1) }
  expect((await exchange('hello')).got).toBe('!ello')
})

it('resets where it is told to', async () => {
  proxy.toServer = { onBytes: (piece) => (piece.includes('bad') ? 'reset' : 'send') }
  expect(await exchange('good')).toMatchObject({ end: 'whole' })
  expect(await exchange('bad')).toMatchObject({ end: 'ECONNRESET', got: '' })
})

it('refuses, and goes silent', async () => {
  proxy.refusing = true
  expect((await exchange('x')).end).toBe('ECONNRESET')
  proxy.refusing = false
  proxy.toClient = { silent: true }
  const silent = exchange('x')
  await expect.poll(() => proxy.connections).toBe(1)
  proxy.resetAll()
  expect(await silent).toMatchObject({ got: '', end: 'ECONNRESET' })
})
