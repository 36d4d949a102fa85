// The spool thread's work on a disk that fills up: who is refused, what follows, what comes back.

import { expect, test } from 'vitest'
import { ManualClock } from '../../core/base/clock.ts'
import { limits } from '../../core/base/limits.ts'
import { DurableTickets, nextTicket } from '../../core/spool/durable-tickets.ts'
import { SpoolClient } from '../../core/spool/spool-client.ts'
import { SpoolServer } from '../../core/spool/spool-server.ts'
import { allocateDoorbell } from '../../core/thread/doorbell.ts'
import { allocateRing } from '../../core/thread/ring.ts'
import { WriteLease } from '../../core/thread/write-lease.ts'
import { SimulatedFiles, seededRandom } from '../support/simulated-files.ts'
import { idsOf, openLog, readAll } from './spool-fixture.ts'

function makeServer(lanes: number) {
  const files = new SimulatedFiles(seededRandom(7))
  const tickets = DurableTickets.allocate(lanes)
  const spoolBell = allocateDoorbell()
  const ports = Array.from({ length: lanes }, (_, lane) => {
    const ring = allocateRing(64 * 1024)
    return { lane, node: 'n', dialect: 'sqlite' as const, ring, spoolBell, tickets }
  })
  const clock = new ManualClock()
  const said: string[] = []
  const say = (level: string, text: string) => void said.push(`${level} ${text}`)
  const lease = new WriteLease()
  const common = { coreBell: allocateDoorbell(), writeLease: lease.memory, clock, say }
  const server = new SpoolServer({ log: openLog(files), ports, tickets, ...common })
  return { files, ports, clock, lease, said, server, tickets: new DurableTickets(tickets) }
}

function write(client: SpoolClient, id: string): number {
  const transaction = client.begin()
  client.exec(transaction, 'INSERT INTO t(id) VALUES(?)', [id])
  return client.commit(transaction, {})
}

const full = { call: 'write', nth: 1, forever: true, code: 'STORAGE_FULL' } as const

test('what comes when the write lease has ended is refused and never written', () => {
  const { files, ports, clock, lease, said, server, tickets } = makeServer(2)
  const [one, two] = ports.map((port) => new SpoolClient(port)) as [SpoolClient, SpoolClient]
  lease.set(100)
  clock.advance(99)
  write(one, 'a')
  server.turn()
  write(one, 'b')
  write(two, 'c')
  clock.advance(1)
  server.turn()
  expect([tickets.settled(0), tickets.isRefused(0, 1), tickets.isRefused(0, 2)]).toEqual([
    2,
    false,
    true,
  ])
  expect([tickets.settled(1), tickets.isRefused(1, 1)]).toEqual([1, true])
  expect(said).toEqual([
    'warn spool: this server has lost its cluster; what its lanes still wrote is dropped',
  ])
  lease.set(Number.POSITIVE_INFINITY)
  const successor = new SpoolClient(ports[0] as (typeof ports)[0])
  write(successor, 'd')
  server.turn()
  expect(tickets.isRefused(0, successor.lastTicket)).toBe(false)
  expect(idsOf(readAll(files))).toEqual(['a', 'd'])
})

test('a full disk refuses the group, then raises, then takes again when there is room', () => {
  const { files, ports, clock, said, server, tickets } = makeServer(1)
  const client = new SpoolClient(ports[0] as (typeof ports)[0])
  write(client, 'a')
  server.turn()
  files.plan(full)
  const refused = [write(client, 'b'), write(client, 'c')]
  server.turn()
  expect(tickets.settled(0)).toBe(3)
  expect(refused.map((ticket) => tickets.isRefused(0, ticket))).toEqual([true, true])
  expect([tickets.isRefused(0, 1), tickets.isRefused(0, 4)]).toEqual([false, false])
  expect(() => write(client, 'd')).toThrow('the disk of the server is full')
  clock.advance(limits.spoolProbeMs)
  expect(server.turn()).toBe(limits.spoolProbeMs)
  expect(() => write(client, 'd')).toThrow('full')
  files.plan()
  clock.advance(limits.spoolProbeMs)
  server.turn()
  write(client, 'e')
  server.turn()
  expect(tickets.isRefused(0, client.lastTicket)).toBe(false)
  expect(idsOf(readAll(files))).toEqual(['a', 'e'])
  expect(said).toEqual([
    expect.stringMatching(/^error spool: write .*nothing is written until there is room again$/),
    'info spool: there is room again; 2 transactions were refused',
  ])
})

test('what was begun before a refusal is refused, also when there is room again', () => {
  const { files, ports, clock, server, tickets } = makeServer(1)
  let refusals = 0
  const client = new SpoolClient(ports[0] as (typeof ports)[0], () => refusals++)
  const early = client.begin()
  client.exec(early, 'INSERT INTO t(id) VALUES(?)', ['early'])
  files.plan(full)
  write(client, 'lost')
  // Committed after the refusal, which the lane has not seen; the record is in the ring before.
  const unseen = write(client, 'unseen')
  server.turn()
  files.plan()
  clock.advance(limits.spoolProbeMs)
  server.turn()
  expect(tickets.isRefused(0, unseen)).toBe(true)
  expect(() => client.commit(early, {})).toThrow('full')
  expect(refusals).toBe(0)
  write(client, 'fresh')
  expect(refusals).toBe(1)
  server.turn()
  expect(idsOf(readAll(files))).toEqual(['fresh'])
})

test('a record of an old epoch that reaches the ring late is refused by the server', () => {
  const { files, ports, clock, server, tickets } = makeServer(2)
  const [a, b] = ports.map((port) => new SpoolClient(port)) as [SpoolClient, SpoolClient]
  files.plan(full)
  write(a, 'a1')
  server.turn()
  files.plan()
  clock.advance(limits.spoolProbeMs)
  // While it is still refusing, b's record is under way: it is refused, and b hears of it.
  const late = b.begin()
  tickets.setRefusing(false)
  b.exec(late, 'INSERT INTO t(id) VALUES(?)', ['b1'])
  const ticket = b.commit(late, {})
  clock.advance(-limits.spoolProbeMs)
  server.turn()
  expect(tickets.isRefused(1, ticket)).toBe(true)
  expect(tickets.epoch(1)).toBe(1)
})

test('a disk that cannot be trusted ends it, and settles nothing', () => {
  const { files, ports, server, tickets } = makeServer(1)
  const client = new SpoolClient(ports[0] as (typeof ports)[0])
  write(client, 'a')
  server.turn()
  files.plan({ call: 'fdatasync', nth: 1, forever: false, code: 'DISK' })
  write(client, 'b')
  expect(() => server.turn()).toThrow('fdatasync')
  expect(tickets.settled(0)).toBe(1)
  expect(tickets.sequence).toBe(1)
})

test('a transaction takes spoolStatementsMax statements, and not one more', () => {
  const { ports } = makeServer(1)
  const client = new SpoolClient(ports[0] as (typeof ports)[0])
  const transaction = client.begin()
  const write = () => client.exec(transaction, 'DELETE FROM t', [])
  for (let i = 0; i < limits.spoolStatementsMax; i++) write()
  expect(write).toThrow(`more than ${limits.spoolStatementsMax} statements`)
  expect(transaction.statements).toBe(limits.spoolStatementsMax)
})

test('a ring that is full answers 0, and a commit that waits too long says so', () => {
  const { ports, server } = makeServer(1)
  const client = new SpoolClient(ports[0] as (typeof ports)[0])
  const note = 'x'.repeat(8000)
  const fill = () => {
    const transaction = client.begin()
    client.exec(transaction, 'INSERT INTO t(note) VALUES(?)', [note])
    return transaction
  }
  let taken = 0
  while (client.tryCommit(fill(), {}) !== 0) taken++
  expect(taken).toBeGreaterThan(5)
  expect(() => client.commit(fill(), {})).toThrow('the disk does not keep up')
  server.turn()
  expect(client.commit(fill(), {})).toBe(taken + 1)
})

test('when only the file `durable` fails, acknowledging goes on, and the log says so once', () => {
  const { files, ports, said, server, tickets } = makeServer(1)
  const client = new SpoolClient(ports[0] as (typeof ports)[0])
  write(client, 'a')
  server.turn()
  for (const id of ['b', 'c']) {
    // The group's own write is the first, the mark's the second.
    files.plan({ call: 'write', nth: 2, forever: false, code: 'DISK' })
    write(client, id)
    server.turn()
  }
  expect(tickets.isRefused(0, 3)).toBe(false)
  expect(tickets.settled(0)).toBe(3)
  expect(said).toEqual([
    expect.stringMatching(/^error spool: the file `durable` cannot be written/),
  ])
  files.plan()
  write(client, 'd')
  server.turn()
  expect(idsOf(readAll(files))).toEqual(['a', 'b', 'c', 'd'])
})

test('tickets wrap without 0, and refused ones are known across the wrap', () => {
  expect(nextTicket(1)).toBe(2)
  expect(nextTicket(2 ** 32 - 1)).toBe(1)
  const tickets = new DurableTickets(DurableTickets.allocate(1))
  tickets.refuse(0, 2 ** 32 - 2, 2 ** 32 - 1)
  tickets.refuse(0, 1, 2)
  tickets.settle(0, 2)
  for (const [ticket, isRefused] of [
    [2 ** 32 - 3, false],
    [2 ** 32 - 2, true],
    [2 ** 32 - 1, true],
    [1, true],
    [2, true],
    [3, false],
  ] as const) {
    expect(tickets.isRefused(0, ticket), String(ticket)).toBe(isRefused)
  }
})
