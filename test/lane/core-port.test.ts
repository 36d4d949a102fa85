// A lane's port to the core: marks before what follows a write, and messages that wait for their run.
import { describe, expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { CorePort } from '../../core/lane/core-port.ts'
import { allocateDoorbell } from '../../core/thread/doorbell.ts'
import { message } from '../../core/thread/messages.ts'
import { allocateRing, RingReader } from '../../core/thread/ring.ts'

function ends() {
  const ring = allocateRing(1 << 20)
  const port = new CorePort(ring, allocateDoorbell())
  const reader = new RingReader(ring)
  const seen = (): unknown[] => {
    const all: unknown[] = []
    reader.drain((kind, a, b, bytes, start, end) => {
      if (kind === message.spoolMark) all.push(`mark ${a} ${b}`)
      else all.push(`${kind} ${a} ${bytes.toString('latin1', start, end)}`)
    }, 1000)
    return all
  }
  return { port, seen }
}
const { push, reply, log, query } = message

describe('core port', () => {
  it('sends no mark while nothing was written', () => {
    const { port, seen } = ends()
    port.mark(0, 0)
    port.text(push, 1, 0, 'a')
    expect(seen()).toEqual([`${push} 1 a`])
  })

  it('sends a mark once, before the first message that needs it', () => {
    const { port, seen } = ends()
    port.mark(7, 7)
    port.text(log, 30, 0, 'l')
    port.text(push, 1, 0, 'a')
    port.codedText(message.replyError, 2, 0, 400, 'b')
    port.mark(7, 0)
    port.text(query, 3, 0, 'q')
    port.text(push, 4, 0, 'c')
    expect(seen()).toEqual([
      `${log} 30 l`,
      'mark 7 7',
      `${push} 1 a`,
      `${message.replyError} 2 \x90\x01b`,
      `${query} 3 q`,
      'mark 7 0',
      `${push} 4 c`,
    ])
  })

  it('keeps what a run sends until it is decided, in order, and lets logs and queries through', () => {
    const { port, seen } = ends()
    port.defer()
    port.text(push, 1, 0, 'a')
    port.text(log, 30, 0, 'l')
    port.named(message.broadcast, 2, 0, ['room'], 'b')
    port.bytes(query, 3, 0, Buffer.from('q'))
    port.namedBytes(message.rpcRequest, 4, 0, ['s', 'm'], Buffer.from('x'))
    expect(seen()).toEqual([`${log} 30 l`, `${query} 3 q`])
    port.mark(1, 1)
    port.settle(true)
    port.text(reply, 9, 0, 'r')
    expect(seen()).toEqual([
      'mark 1 1',
      `${push} 1 a`,
      `${message.broadcast} 2 \x04roomb`,
      `${message.rpcRequest} 4 \x01s\x01mx`,
      `${reply} 9 r`,
    ])
  })

  it('drops what a run sent that is taken back', () => {
    const { port, seen } = ends()
    port.defer()
    port.text(push, 1, 0, 'a')
    port.settle(false)
    port.text(reply, 9, 0, 'r')
    expect(seen()).toEqual([`${reply} 9 r`])
  })

  it('takes deferredBytesMax in one run, and no byte more', () => {
    const { port, seen } = ends()
    const part = 'x'.repeat(limits.deferredBytesMax / 16)
    port.defer()
    for (let i = 0; i < 16; i++) port.text(push, i, 0, part)
    expect(() => port.text(push, 16, 0, 'x')).toThrow(/bytes were sent in one transaction/)
    port.settle(false)
    port.defer()
    port.text(push, 17, 0, 'x')
    port.settle(true)
    expect(seen()).toEqual([`${push} 17 x`])
  })
})
