// The session table against a plain model: ids that never come back too soon, and who owns a uid.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Session } from '../../core/gate/session.ts'
import { SessionTable } from '../../core/gate/session-table.ts'
import { FakeTransport } from '../support/fake-transport.ts'

const open = (table: SessionTable): Session =>
  table.open((id) => new Session(id, new FakeTransport(), 0, 0))

it('an id of a closed session finds nobody, although its slot is used again', () => {
  const table = new SessionTable()
  const ids = new Set<number>()
  for (let i = 0; i < 4000; i++) {
    const session = open(table)
    expect(session.id).toBeGreaterThan(0)
    expect(ids.has(session.id)).toBe(false)
    ids.add(session.id)
    expect(table.get(session.id)).toBe(session)
    table.close(session)
    expect(table.get(session.id)).toBeUndefined()
  }
  expect(table.size).toBe(0)
})

it('a generation comes round only after 4,095 uses of its slot', () => {
  const table = new SessionTable()
  const first = open(table)
  table.close(first)
  let uses = 1
  for (;;) {
    const session = open(table)
    uses++
    table.close(session)
    if (session.id === first.id) break
  }
  expect(uses).toBe(4096)
})

it('a late close of an older connection does not unbind the newer one', () => {
  const table = new SessionTable()
  const [older, newer] = [open(table), open(table)]
  expect(table.bind(older, 'mei')).toBeUndefined()
  expect(table.bind(newer, 'mei')).toBe(older)
  table.close(older)
  expect(table.byUid('mei')).toBe(newer)
  table.close(newer)
  expect(table.byUid('mei')).toBeUndefined()
  expect(table.boundSize).toBe(0)
})

it('does what a map would do, whatever opens, binds and closes', () => {
  const act = fc.record({
    what: fc.constantFrom('open', 'bind', 'close'),
    at: fc.nat(20),
    uid: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const table = new SessionTable()
      const living: Session[] = []
      const owners = new Map<string, Session>()
      for (const { what, at, uid } of acts) {
        const session = living[at % Math.max(living.length, 1)]
        if (what === 'open') living.push(open(table))
        else if (session === undefined) continue
        else if (what === 'bind' && session.uid === '') {
          const before = owners.get(`u${uid}`)
          expect(table.bind(session, `u${uid}`)).toBe(before)
          owners.set(`u${uid}`, session)
        } else if (what === 'close') {
          living.splice(living.indexOf(session), 1)
          table.close(session)
          table.close(session)
          if (owners.get(session.uid) === session) owners.delete(session.uid)
        }
      }
      expect(new Set(table)).toEqual(new Set(living))
      expect(table.size).toBe(living.length)
      expect(table.boundSize).toBe(owners.size)
      for (const [uid, session] of owners) expect(table.byUid(uid)).toBe(session)
    }),
  )
})
