// The spool thread for real: from a lane's client to the disk and back through the reader.
// Needs dist/ (npm run build), as every test that starts a worker.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { limits } from '../../core/base/limits.ts'
import { decodeOrigin } from '../../core/spool/format.ts'
import { SpoolReader } from '../../core/spool/reader.ts'
import { SpoolClient } from '../../core/spool/spool-client.ts'
import { type SpoolService, startSpoolService } from '../../core/spool/spool-service.ts'
import { allocateDoorbell, Doorbell } from '../../core/thread/doorbell.ts'

const root = mkdtempSync(join(tmpdir(), 'moonwheel-spool-'))
const running: SpoolService[] = []
let folders = 0

afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()))
  rmSync(root, { recursive: true, force: true })
})

async function start(lanes: number, below = String(++folders), segmentBytesMax?: number) {
  const coreBell = allocateDoorbell()
  const said: string[] = []
  const service = await startSpoolService({
    root: join(root, below),
    node: 'n1',
    dialect: 'sqlite',
    policy: 'fdatasync',
    ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
    lanes,
    coreBell,
    log: (level, text) => said.push(`${level} ${text}`),
  })
  running.push(service)
  const clients = service.ports.map((port) => new SpoolClient(port))
  return { service, clients, bell: new Doorbell(coreBell), said }
}

/** Sleeps on the core's bell until it is so, as the core does. */
async function until(bell: Doorbell, isSo: () => boolean): Promise<void> {
  for (;;) {
    const ticket = bell.ticket()
    bell.asleep()
    if (isSo()) return bell.awake()
    await bell.waitAsync(ticket)
  }
}

function readAll(service: SpoolService) {
  const reader = new SpoolReader({ folder: service.folder })
  const found = []
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    const { bytes, statementsStart, statementsEnd } = next
    const text = bytes.toString('utf8', statementsStart, statementsEnd)
    found.push({ ...next, text, by: Object.fromEntries(decodeOrigin(next.origin)) })
  }
  reader.close()
  return found
}

test('a segment ends where it is told to', async () => {
  const { service, clients, bell } = await start(1, 'small', 4096)
  const client = clients[0] as SpoolClient
  for (let i = 1; i <= 20; i++) {
    const transaction = client.begin()
    client.exec(transaction, 'INSERT INTO bag(id) VALUES(?)', ['x'.repeat(1000)])
    const ticket = client.commit(transaction, {})
    await until(bell, () => service.tickets.settled(0) === ticket)
  }
  const segments = readdirSync(service.folder).filter((name) => name.endsWith('.sql'))
  expect(segments.length).toBeGreaterThan(5)
  expect(readAll(service)).toHaveLength(20)
})

test('what a lane commits is on disk when its ticket is settled, and says who caused it', async () => {
  const { service, clients, bell, said } = await start(1)
  const client = clients[0] as SpoolClient
  const transaction = client.begin()
  client.exec(transaction, 'UPDATE role SET gold = gold - ? WHERE id = ?', [5, '12'])
  client.exec(transaction, 'INSERT INTO bag(id) VALUES(?)', ['sword'])
  const ticket = client.commit(transaction, { uid: '12', route: 'bag.handler.buy', request: 'r1' })
  expect([ticket, client.lastTicket]).toEqual([1, 1])
  await until(bell, () => service.tickets.settled(0) === ticket)
  expect(service.tickets.isRefused(0, ticket)).toBe(false)
  expect(service.tickets.sequence).toBe(1)
  expect(client.isSettled).toBe(true)
  expect(readAll(service)).toMatchObject([
    {
      sequence: 1,
      statements: 2,
      text: "UPDATE role SET gold = gold - (5) WHERE id = '12';\nINSERT INTO bag(id) VALUES('sword');\n",
      by: { node: 'n1', lane: '0', uid: '12', route: 'bag.handler.buy', request: 'r1' },
    },
  ])
  expect(said).toEqual([expect.stringMatching(/^info spool: .*n1, policy fdatasync/)])
})

test('an empty transaction has the ticket of the one before, and a dropped one leaves nothing', async () => {
  const { service, clients, bell } = await start(1)
  const client = clients[0] as SpoolClient
  client.exec(client.begin(), 'DELETE FROM t', [])
  expect(client.commit(client.begin(), {})).toBe(0)
  const kept = client.begin()
  client.exec(kept, 'DELETE FROM kept', [])
  expect(client.commit(kept, {})).toBe(1)
  expect(client.commit(client.begin(), {})).toBe(1)
  await until(bell, () => service.tickets.settled(0) === 1)
  expect(readAll(service).map(({ text }) => text)).toEqual(['DELETE FROM kept;\n'])
})

test('each lane keeps its order, whoever writes beside it, whenever its ring is full', async () => {
  const { service, clients, bell } = await start(3)
  const each = 400
  const note = 'x'.repeat(20_000)
  for (let n = 0; n < each; n++) {
    for (const [lane, client] of clients.entries()) {
      const transaction = client.begin()
      client.exec(transaction, 'INSERT INTO t VALUES(?, ?, ?)', [lane, n, note])
      for (;;) {
        const settled = service.tickets.settled(lane)
        if (client.tryCommit(transaction, {}) !== 0) break
        await until(bell, () => service.tickets.settled(lane) !== settled)
      }
    }
  }
  await until(bell, () => clients.every((client) => client.isSettled))
  expect(service.tickets.sequence).toBe(3 * each)
  const perLane: number[][] = [[], [], []]
  for (const { text, sequence } of readAll(service)) {
    const [, lane, n] = /VALUES\(\((\d+)\), \((\d+)\)/.exec(text) as unknown as string[]
    perLane[Number(lane)]?.push(Number(n))
    expect(sequence).toBeGreaterThan(0)
  }
  const all = Array.from({ length: each }, (_, n) => n)
  expect(perLane).toEqual([all, all, all])
})

test('a transaction of spoolTransactionBytesMax passes, one byte more is refused and changes nothing', async () => {
  const { service, clients, bell } = await start(1)
  const client = clients[0] as SpoolClient
  const frame = "INSERT INTO t VALUES('');\n".length
  const most = 'x'.repeat(limits.spoolTransactionBytesMax - frame)
  const transaction = client.begin()
  client.exec(transaction, 'INSERT INTO t VALUES(?)', [most])
  expect(() => client.exec(transaction, 'DELETE FROM t', [])).toThrow('longer than')
  client.commit(transaction, {})
  const tooLong = () => client.exec(client.begin(), 'INSERT INTO t VALUES(?)', [`${most}x`])
  expect(tooLong).toThrow('too long')
  await until(bell, () => client.isSettled)
  expect(readAll(service).map(({ text }) => text.length)).toEqual([limits.spoolTransactionBytesMax])
})

test('a lane that replaces another goes on with its tickets', async () => {
  const { service, clients, bell } = await start(1)
  const first = clients[0] as SpoolClient
  const write = (client: SpoolClient) => {
    const transaction = client.begin()
    client.exec(transaction, 'DELETE FROM t', [])
    return client.commit(transaction, {})
  }
  write(first)
  await until(bell, () => first.isSettled)
  write(first)
  const second = new SpoolClient(service.ports[0] as SpoolService['ports'][0])
  expect(second.lastTicket).toBeLessThanOrEqual(2)
  expect(write(second)).toBe(3)
  await until(bell, () => second.isSettled)
  expect(service.tickets.sequence).toBe(3)
})

test('another host on the same folder is locked out, and may go on when the first has ended', async () => {
  const { service, clients } = await start(1, 'shared')
  const client = clients[0] as SpoolClient
  const transaction = client.begin()
  client.exec(transaction, 'DELETE FROM t', [])
  client.commit(transaction, {})
  await expect(start(1, 'shared')).rejects.toThrow(/in use by another host \(process \d+, since/)
  expect(await service.stop()).toMatchObject({ code: 0 })
  const second = await start(1, 'shared')
  expect(second.service.ready).toMatchObject({ sequence: 1, cutBytes: 0, lost: 0 })
})

test('a folder that cannot be made is a clear error', async () => {
  const path = join(root, 'file')
  rmSync(root, { recursive: true, force: true })
  await start(1, 'other')
  writeFileSync(path, '')
  const failed = await start(1, 'file').catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(HostError)
  expect(failed).toMatchObject({ code: 'DISK' })
  expect((failed as HostError).message).toMatch(/make folder .*file.*(ENOTDIR|EEXIST)/)
})
