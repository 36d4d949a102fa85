// Channels: who is in, who has left, and the limit on both sides of its edge.

import { expect, it } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { Channels } from '../../core/gate/channels.ts'
import { Session } from '../../core/gate/session.ts'
import { FakeTransport } from '../support/fake-transport.ts'

const session = (id: number) => new Session(id, new FakeTransport(), 0, 0)

it('a member is counted once, and an empty channel does not exist', () => {
  const channels = new Channels()
  const [a, b] = [session(1), session(2)]
  expect(channels.join(a, 'arena')).toBe(true)
  expect(channels.join(a, 'arena')).toBe(true)
  expect(channels.join(b, 'arena')).toBe(true)
  expect([...channels.members('arena')]).toEqual([a, b])
  channels.leave(a, 'arena')
  channels.leave(a, 'arena')
  channels.leave(b, 'elsewhere')
  expect(channels.count('arena')).toBe(1)
  channels.leave(b, 'arena')
  expect(channels.count('arena')).toBe(0)
  expect(channels.size).toBe(0)
})

it('takes a session into as many channels as the limit says, and not into one more', () => {
  const channels = new Channels()
  const a = session(1)
  for (let i = 0; i < limits.channelsPerSessionMax; i++) {
    expect(channels.join(a, `c${i}`)).toBe(true)
  }
  expect(channels.join(a, 'one more')).toBe(false)
  expect(channels.count('one more')).toBe(0)
  // One that it is in already is no new one.
  expect(channels.join(a, 'c0')).toBe(true)
  channels.leave(a, 'c0')
  expect(channels.join(a, 'one more')).toBe(true)
})

it('who closes leaves everything, and nobody else does', () => {
  const channels = new Channels()
  const [a, b] = [session(1), session(2)]
  for (const name of ['x', 'y', 'z']) channels.join(a, name)
  channels.join(b, 'y')
  channels.leaveAll(a)
  channels.leaveAll(session(3))
  expect(channels.size).toBe(1)
  expect([...channels.members('y')]).toEqual([b])
})
