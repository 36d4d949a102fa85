// The ack rule alone: nothing leaves before its ticket is durable, and everything leaves in order.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AckHold } from '../../core/lane/ack-hold.ts'
import { refuseMessage } from '../../core/lane/refused-message.ts'
import { message } from '../../core/thread/messages.ts'

function hold(bytesMax = 1 << 20) {
  const state = { settled: 0, refused: new Set<number>() }
  const out: string[] = []
  const refused: string[] = []
  const to =
    (list: string[]) =>
    (_kind: number, a: number, _b: number, bytes: Buffer, start: number, end: number) => {
      list.push(`${a}:${bytes.toString('latin1', start, end)}`)
    }
  const it = new AckHold({
    tickets: { settled: () => state.settled, isRefused: (ticket) => state.refused.has(ticket) },
    deliver: to(out),
    refuse: to(refused),
    bytesMax,
  })
  const say = (a: number, text = '') =>
    it.take(message.push, a, 0, Buffer.from(text), 0, text.length)
  return { it, state, out, refused, say }
}

describe('ack hold', () => {
  it('lets everything pass while nothing was written', () => {
    const { it: held, out, say } = hold()
    say(1)
    say(2, 'x')
    expect(out).toEqual(['1:', '2:x'])
    expect(held.waited).toBe(0)
  })

  it('holds what follows a write, and what follows that, until the ticket is durable', () => {
    const { it: held, state, out, say } = hold()
    held.mark(1, 1)
    say(1, 'written')
    held.mark(1, 0)
    say(2, 'of another session')
    held.mark(2, 2)
    say(3)
    held.release()
    expect(out).toEqual([])
    state.settled = 1
    held.release()
    expect(out).toEqual(['1:written', '2:of another session'])
    state.settled = 2
    held.release()
    expect(out).toHaveLength(3)
    expect(held.heldBytes).toBe(0)
  })

  it('passes at once when the ticket is durable already', () => {
    const { it: held, state, out, say } = hold()
    state.settled = 9
    held.mark(9, 9)
    say(1)
    held.mark(9, 0)
    say(2)
    expect(out).toEqual(['1:', '2:'])
    expect(held.waited).toBe(0)
  })

  it('keeps its order over the wrap of the tickets', () => {
    const { it: held, state, out, say } = hold()
    state.settled = 0xfffffffe
    held.mark(0xffffffff, 0)
    say(1)
    held.mark(3, 0)
    say(2)
    state.settled = 0xffffffff
    held.release()
    expect(out).toEqual(['1:'])
    state.settled = 3
    held.release()
    expect(out).toEqual(['1:', '2:'])
  })

  it('hands what a refused write had to say to `refuse`, and nothing else', () => {
    const { it: held, state, out, refused, say } = hold()
    held.mark(1, 1)
    say(1)
    held.mark(1, 0)
    say(2)
    state.settled = 1
    state.refused.add(1)
    held.release()
    expect([out, refused]).toEqual([['2:'], ['1:']])
  })

  it('is full at its limit and not below, and counts what it holds', () => {
    const { it: held, say } = hold(1000)
    held.mark(1, 0)
    say(1, 'x'.repeat(1000 - 64 - 1))
    expect(held.isFull).toBe(false)
    say(2)
    expect(held.isFull).toBe(true)
    expect(held.highWaterBytes).toBe(999 + 64)
  })

  it('says once when it is empty', () => {
    const { it: held, state, say } = hold()
    let empty = 0
    held.whenEmpty(() => empty++)
    expect(empty).toBe(1)
    held.mark(1, 0)
    say(1)
    held.whenEmpty(() => empty++)
    held.release()
    expect(empty).toBe(1)
    state.settled = 1
    held.release()
    held.release()
    expect(empty).toBe(2)
  })

  it('delivers any run of writes and messages in order, each not before its ticket', () => {
    const step = fc.oneof(
      fc.constant('write' as const),
      fc.constant('say' as const),
      fc.constant('settle' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3000 }), (steps) => {
        const { it: held, state, out, say } = hold()
        const ticketOf: number[] = []
        let ticket = 0
        for (const each of steps) {
          if (each === 'write') held.mark(++ticket, ticket)
          if (each === 'settle' && state.settled < ticket) state.settled++
          if (each === 'settle') held.release()
          if (each === 'say') say(ticketOf.push(ticket) - 1)
          for (const text of out) {
            if ((ticketOf[Number(text.split(':')[0])] ?? 0) > state.settled) return false
          }
        }
        state.settled = ticket
        held.release()
        return out.join() === ticketOf.map((_, i) => `${i}:`).join()
      }),
      { numRuns: 30 },
    )
  })
})

describe('a refused write', () => {
  const deliver = (kind: number, a: number, b: number, bytes?: Buffer) => {
    const seen: unknown[] = []
    const failed: unknown[] = []
    const to = refuseMessage(
      (...[k, x, y, out, start, end]) => seen.push([k, x, y, out.subarray(start, end)]),
      (...call) => failed.push(call),
    )
    const body = bytes ?? Buffer.from('{}')
    to(kind, a, b, body, 0, body.length)
    return { seen, failed }
  }

  it('turns the reply into a 507', () => {
    const [[kind, sid, id, body]] = deliver(message.reply, 5, 6).seen as [
      [number, number, number, Buffer],
    ]
    expect([kind, sid, id, body.readUInt16LE(0)]).toEqual([message.replyError, 5, 6, 507])
    expect(JSON.parse(body.toString('utf8', 2))).toMatchObject({ code: 507 })
  })

  it('drops pushes, fails calls, lets go on what claims nothing', () => {
    expect(deliver(message.push, 1, 0).seen).toEqual([])
    expect(deliver(message.broadcast, 1, 0).seen).toEqual([])
    expect(deliver(message.rpcRequest, 8, 0)).toMatchObject({
      seen: [],
      failed: [[message.rpcResult, 8, 507, expect.any(String)]],
    })
    expect(deliver(message.rpcRequest, 0, 0)).toEqual({ seen: [], failed: [] })
    const [[, , , result]] = deliver(message.rpcResult, 8, 1, Buffer.alloc(9)).seen as [
      [number, number, number, Buffer],
    ]
    expect(result.readUInt32LE(0)).toBe(507)
    expect(deliver(message.done, 1, 0).seen).toHaveLength(1)
  })
})
