// A lane in the test's own thread: game code on a real engine, with its ring to the core in view.
//
// Nothing runs beside the test: what a lane sends is read from its ring, its transactions go to a
// list, and queries are answered by the test. So every order of events can be made.

import { ManualClock } from '../../core/base/clock.ts'
import { limits } from '../../core/base/limits.ts'
import type { DatabaseTable } from '../../core/config/types.ts'
import { Calls } from '../../core/lane/calls.ts'
import { CorePort } from '../../core/lane/core-port.ts'
import { LaneDb } from '../../core/lane/db-library.ts'
import { openHostLibrary } from '../../core/lane/host-library.ts'
import { Lane } from '../../core/lane/lane.ts'
import { allocateActivity, LaneActivity } from '../../core/lane/lane-activity.ts'
import { libraryOrder, readLuaModule } from '../../core/lane/lua-source.ts'
import { LuaTimers } from '../../core/lane/lua-timers.ts'
import { LuaTopics } from '../../core/lane/lua-topics.ts'
import { NodeCalls } from '../../core/lane/node-calls.ts'
import type { LaneStart } from '../../core/lane/protocol.ts'
import { Services } from '../../core/lane/services.ts'
import { Sessions } from '../../core/lane/sessions.ts'
import { openEngine } from '../../core/lua/open-engine.ts'
import { type Cell, RowWriter } from '../../core/lua/row-writer.ts'
import { DurableTickets } from '../../core/spool/durable-tickets.ts'
import { recordHeaderBytes } from '../../core/spool/spool-client.ts'
import { allocateDoorbell } from '../../core/thread/doorbell.ts'
import { message } from '../../core/thread/messages.ts'
import { allocateRing, RingReader } from '../../core/thread/ring.ts'
import { projectFolder } from './host-process.ts'

export interface Transaction {
  readonly statements: readonly string[]
  readonly origin: string
}

/** What the lane said to the core: `[push 1] ...` and the like, in order. */
export type Said = readonly { readonly kind: number; readonly a: number; readonly text: string }[]

export interface LaneInside {
  readonly lane: Lane
  readonly db: LaneDb
  readonly transactions: Transaction[]
  readonly tickets: DurableTickets
  /** Tickets up to this one are in the database. */
  setApplied(ticket: number): void
  open(sid: number, uid?: string): void
  /** A request of a session; its answer comes with `said`. */
  request(sid: number, route: string, body?: unknown): void
  said(): Said
  /** The last reply's body. */
  reply(): unknown
  /** Queries that wait: their SQL, and the ticket that they must see. */
  readonly queries: { readonly id: number; readonly ticket: number; readonly sql: string }[]
  /** Answers the oldest one. */
  rows(columns: readonly string[], ...rows: Cell[][]): void
  refuse(status: number, text: string): void
}

export function laneInside(options: {
  readonly engine: 'v8' | 'fengari'
  readonly services: Readonly<Record<string, string>>
  readonly tables: readonly DatabaseTable[]
  readonly lanes?: number
  readonly entityBytesMax?: number
}): LaneInside {
  const toCore = allocateRing(1 << 23)
  const bells = allocateDoorbell()
  const interrupt = new SharedArrayBuffer(4)
  const engine = openEngine(options.engine, {
    print: () => {},
    wallMs: () => 0,
    seed: [1n, 2n],
    stringBytesMax: 1 << 24,
    interrupt: new Int32Array(interrupt),
  })
  const start = {
    index: 0,
    lanes: options.lanes ?? 1,
    nodeName: 'test',
    nodeId: 1,
    engine: options.engine,
    settings: { requestTimeoutMs: 1000 },
    services: Object.entries(options.services).map(([name, source]) => ({
      name,
      lanes: 'all',
      version: 1,
      module: { name, path: `lua/services/${name}.lua`, source: Buffer.from(source) },
    })),
    modules: [],
    library: libraryOrder.map((file) => readLuaModule(projectFolder, `lua/lib/${file}`)),
    tables: [],
    codes: [],
    protos: [],
  } as unknown as LaneStart
  const timers = { after: () => 1, every: () => 1, cancel: () => true }
  const port = new CorePort(toCore, bells)
  const activity = new LaneActivity(allocateActivity(), interrupt)
  const lane = new Lane(start, engine, port, timers, new ManualClock(), activity)
  const services = new Services(lane)
  const sessions = new Sessions(lane, services)
  const transactions: Transaction[] = []
  const ticketMemory = DurableTickets.allocate(1)
  const spoolRing = allocateRing(limits.spoolRingBytes)
  const applied = new SharedArrayBuffer(4)
  const db = new LaneDb(lane, {
    dialect: 'sqlite',
    tables: options.tables,
    entityBytesMax: options.entityBytesMax ?? 1 << 20,
    applied,
    ports: [
      {
        lane: 0,
        node: 'test',
        dialect: 'sqlite',
        ring: spoolRing,
        spoolBell: allocateDoorbell(),
        tickets: ticketMemory,
      },
    ],
  })
  const spool = new RingReader(spoolRing)
  lane.listen('fork', {
    returned: (task) => lane.release(task),
    failed: (task) => lane.release(task),
  })
  openHostLibrary({
    lane,
    services,
    sessions,
    calls: new Calls(lane),
    nodeCalls: new NodeCalls(lane),
    timers: new LuaTimers(lane),
    topics: new LuaTopics(lane),
    db,
  })
  services.load()
  const reader = new RingReader(toCore)
  const heard: { kind: number; a: number; text: string }[] = []
  const queries: { id: number; ticket: number; sql: string }[] = []
  const listen = (): void => {
    while (lane.runReady()) {}
    spool.drain((_kind, _ticket, _count, bytes, from, to) => {
      const originAt = from + recordHeaderBytes
      const textAt = originAt + bytes.readUInt16LE(from + 4)
      const lines = bytes.toString('latin1', textAt, to).split('\n')
      const statements = lines.filter((line) => !['', 'BEGIN;', 'COMMIT;'].includes(line))
      transactions.push({ statements, origin: bytes.toString('latin1', originAt, textAt) })
    }, Number.POSITIVE_INFINITY)
    reader.drain((kind, a, b, bytes, from, to) => {
      if (kind === message.query) {
        queries.push({ id: a, ticket: b, sql: bytes.toString('utf8', from + 1, to).trimEnd() })
      } else {
        heard.push({ kind, a, text: bytes.toString('utf8', from, to) })
      }
    }, Number.POSITIVE_INFINITY)
  }
  let nextMessage = 1
  const inside: LaneInside = {
    lane,
    db,
    transactions,
    tickets: new DurableTickets(ticketMemory),
    setApplied: (ticket) => Atomics.store(new Uint32Array(applied), 0, ticket),
    queries,
    open: (sid, uid = '') => {
      const json = Buffer.from(JSON.stringify({ ip: '127.0.0.1', transport: 'tcp', uid }))
      const bytes = Buffer.concat([Buffer.alloc(4), json])
      bytes.writeUInt32LE(json.length, 0)
      sessions.open(sid, bytes, 0, bytes.length)
    },
    request: (sid, route, body = {}) => {
      const code = services.routes.indexOf(route) + 1
      const bytes = Buffer.concat([Buffer.alloc(2), Buffer.from(JSON.stringify(body))])
      bytes.writeUInt16LE(code, 0)
      sessions.message(message.request, sid, nextMessage++, bytes, 0, bytes.length)
      listen()
    },
    said: () => {
      listen()
      return heard.splice(0)
    },
    reply: () => {
      listen()
      const all = heard.splice(0)
      const last = all.findLast(({ kind }) => kind === message.reply || kind === message.replyError)
      if (last === undefined) return undefined
      const text = last.kind === message.reply ? last.text : last.text.slice(last.text.indexOf('{'))
      return JSON.parse(text)
    },
    rows: (columns, ...rows) => {
      listen()
      const { id } = queries.shift() ?? { id: 0 }
      const writer = new RowWriter(columns, { rowsMax: 1000, bytesMax: 1 << 20 })
      for (const row of rows) writer.add(row)
      const bytes = Buffer.from(writer.finish())
      db.queries.answered(id, 0, bytes, 0, bytes.length)
      listen()
    },
    refuse: (status, text) => {
      const { id } = queries.shift() ?? { id: 0 }
      db.queries.answered(id, status, Buffer.from(text), 0, text.length)
      listen()
    },
  }
  return inside
}
