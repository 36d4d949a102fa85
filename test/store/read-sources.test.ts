// Queries on the three databases: the same values, the same errors, nothing written, always in time.
//
// SQLite always; MariaDB and PostgreSQL as found on 127.0.0.1, else one line says that they are left
// out (MOONWHEEL_REQUIRE_SERVICES=1 makes that a failure).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseAddress } from '../../core/config/database-url.ts'
import { LuaFloat, type LuaTable, type LuaValue } from '../../core/lua/engine.ts'
import { openEngine } from '../../core/lua/open-engine.ts'
import { ValueReader } from '../../core/lua/value-codec.ts'
import { literalsOf } from '../../core/spool/literals.ts'
import { openReads } from '../../core/store/open-reads.ts'
import type { ReadLimits, ReadSource } from '../../core/store/read-source.ts'
import { CorePump } from '../../core/thread/core-pump.ts'
import { allocateDoorbell, Doorbell } from '../../core/thread/doorbell.ts'
import { nasties } from '../spool/nasty-values.ts'
import { seededRandom } from '../support/simulated-files.ts'

const name = `moon_reads_${process.pid}`
const folder = mkdtempSync(join(tmpdir(), 'moonwheel-reads-'))
const bounds: ReadLimits = { connectionsMax: 2, rowsMax: 100, bytesMax: 20_000 }
const bell = allocateDoorbell()
const pump = new CorePump(new Doorbell(bell))
const engine = openEngine('v8', {
  print: () => {},
  wallMs: () => 0,
  seed: [1n, 2n],
  stringBytesMax: 65536,
})

/** Rows as plain objects; a float that is whole stays a LuaFloat, bytes stay a byte string. */
function decode(bytes: Uint8Array): Record<string, LuaValue>[] {
  const [list] = new ValueReader(engine).decode(Buffer.from(bytes), 0)
  const rows: Record<string, LuaValue>[] = []
  for (let i = 1; i <= engine.rawLength(list as LuaTable); i++) {
    const row: Record<string, LuaValue> = {}
    engine.forEach(engine.rawGet(list as LuaTable, i) as LuaTable, (key, value) => {
      row[String(key)] = value
      return true
    })
    rows.push(row)
  }
  return rows
}

const utf8 = (text: string) => Buffer.from(text).toString('latin1')

interface Place {
  readonly url: string
  /** Runs SQL that writes, as the drainer would. */
  write(sql: string): Promise<void>
  remove(): Promise<void>
}

const places: Record<'sqlite' | 'mysql' | 'postgres', () => Promise<Place>> = {
  sqlite: async () => {
    const file = join(folder, 'game.db')
    const database = new Database(file)
    database.pragma('journal_mode = WAL')
    return {
      url: `sqlite:${file}`,
      write: async (sql) => void database.exec(sql),
      remove: async () => void database.close(),
    }
  },
  mysql: async () => {
    const root = await mysql.createConnection({ host: '127.0.0.1', user: 'root' })
    await root.query(`CREATE DATABASE ${name}`)
    await root.query(`USE ${name}`)
    return {
      url: `mysql://root@127.0.0.1/${name}`,
      write: async (sql) => void (await root.query(sql)),
      remove: async () => {
        await root.query(`DROP DATABASE ${name}`)
        await root.end()
      },
    }
  },
  postgres: async () => {
    const options = { host: '127.0.0.1', user: 'postgres' }
    const admin = new pg.Client({ ...options, database: 'postgres' })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${name}`)
    const client = new pg.Client({ ...options, database: name })
    await client.connect()
    return {
      url: `postgres://postgres@127.0.0.1/${name}`,
      write: async (sql) => void (await client.query(sql)),
      remove: async () => {
        await client.end()
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
        await admin.end()
      },
    }
  },
}

pump.schedule()
afterAll(() => {
  pump.stop()
  rmSync(folder, { recursive: true })
})

/** Doubles whose texts are long, close to others, or cut short by somebody. */
const doubles = [
  ...nasties.flatMap(({ kind, value }) =>
    kind === 'float' ? [value instanceof LuaFloat ? value.n : (value as number)] : [],
  ),
  ...randomDoubles(500),
]

function randomDoubles(count: number): number[] {
  const random = seededRandom(7)
  const view = new DataView(new ArrayBuffer(8))
  const made: number[] = []
  while (made.length < count) {
    view.setUint32(0, random() * 2 ** 32)
    view.setUint32(4, random() * 2 ** 32)
    if (Number.isFinite(view.getFloat64(0))) made.push(view.getFloat64(0))
  }
  return made
}

const bigIntegers = nasties.flatMap(({ kind, value }) =>
  kind === 'integer' ? [BigInt(value as number | bigint)] : [],
)

/** A whole number as Lua has it, from either kind of number of JavaScript. */
const asBigInt = (value: LuaValue | undefined) => BigInt(value as number | bigint)
const asDouble = (value: LuaValue | undefined) => (value instanceof LuaFloat ? value.n : value)

const blobType = { sqlite: 'BLOB', mysql: 'BLOB', postgres: 'bytea' }
const blobOf = { sqlite: "X'00ff27'", mysql: "X'00ff27'", postgres: "'\\x00ff27'" }
/** What config/schema does not make, but a query may well ask for. */
const others = {
  sqlite: `SELECT 7 AS whole, 12.5 AS part, (1 = 1) AS yes, '{"a": [1, "x"]}' AS js, 1767225600123 AS at,
    '2026-01-01 00:00:00' AS day, NULL AS none`,
  mysql: `SELECT CAST(7 AS DECIMAL(20, 0)) AS whole, CAST(12.50 AS DECIMAL(20, 2)) AS part,
    CAST('123456789012345678901234567890' AS DECIMAL(40, 0)) AS huge, (1 = 1) AS yes,
    '{"a": [1, "x"]}' AS js, 1767225600123 AS at, CAST('2026-01-01' AS DATETIME) AS day,
    CAST('2026-01-01 10:20:30' AS DATETIME(3)) AS day3, CAST('2026-01-01 10:20:30.5' AS DATETIME(6)) AS day6,
    CAST('2026-01-01' AS DATE) AS date, CAST('-11:20:30.25' AS TIME(2)) AS span, NULL AS none,
    CAST(18446744073709551615 AS UNSIGNED) AS wide`,
  postgres: `SELECT 7::numeric AS whole, 12.50::numeric AS part,
    123456789012345678901234567890::numeric AS huge, true AS yes, '{"a": [1, "x"]}'::jsonb AS js,
    1767225600123 AS at, '2026-01-01'::timestamp AS day, NULL AS none`,
}
const sameOthers = {
  whole: 7,
  part: 12.5,
  js: '{"a": [1, "x"]}',
  at: 1767225600123,
  day: '2026-01-01 00:00:00',
}
const theirOthers = {
  sqlite: { yes: 1 },
  mysql: {
    yes: 1,
    huge: new LuaFloat(1.2345678901234568e29),
    day3: '2026-01-01 10:20:30.000',
    day6: '2026-01-01 10:20:30.500000',
    date: '2026-01-01',
    span: '-11:20:30.25',
    // Lua has no unsigned integers: the nearest float.
    wide: new LuaFloat(2 ** 64),
  },
  postgres: { yes: true, huge: new LuaFloat(1.2345678901234568e29) },
}
const slow = {
  sqlite:
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0',
  mysql: 'SELECT SLEEP(20)',
  postgres: 'SELECT pg_sleep(20)',
}

for (const dialect of ['sqlite', 'mysql', 'postgres'] as const) {
  const found = await places[dialect]().catch((error: Error) => {
    if (process.env.MOONWHEEL_REQUIRE_SERVICES === '1') throw error
    console.log(`skipped: reads on ${dialect}, which is not to be reached: ${error.message}`)
    return undefined
  })

  describe.skipIf(found === undefined)(`queries on ${dialect}`, () => {
    const place = found as Place
    let source: ReadSource
    beforeAll(async () => {
      const double = dialect === 'sqlite' ? 'REAL' : 'DOUBLE PRECISION'
      await place.write(
        `CREATE TABLE t (id INTEGER PRIMARY KEY, big BIGINT, f ${double}, s TEXT, b ${blobType[dialect]})`,
      )
      await place.write(
        `INSERT INTO t VALUES (1, 9007199254740993, 2.0, '月轮 \u{1f319}', ${blobOf[dialect]}),
        (2, -5, -0.5, '', NULL), (3, NULL, NULL, NULL, NULL)`,
      )
      source = await openReads(databaseAddress(place.url, folder), bounds, pump, bell)
    })
    afterAll(async () => {
      await source.close()
      await place.remove()
    })
    const rows = async (sql: string) => decode(await source.query(sql, 5000))
    const failure = (sql: string, ms = 5000) =>
      source.query(sql, ms).then(
        () => 'no error',
        (error) => `${error.code} ${error.message}`,
      )

    it('keeps every value what it is', async () => {
      expect(await rows('SELECT * FROM t ORDER BY id')).toEqual([
        {
          id: 1,
          big: 9007199254740993n,
          f: new LuaFloat(2),
          s: utf8('月轮 \u{1f319}'),
          b: '\x00\xff\x27',
        },
        { id: 2, big: -5, f: -0.5, s: '' },
        { id: 3 },
      ])
    })

    it('gives back every double and every integer of 64 bits, bit for bit', async () => {
      const double = dialect === 'sqlite' ? 'REAL' : 'DOUBLE PRECISION'
      await place.write(`CREATE TABLE n (id INTEGER PRIMARY KEY, f ${double}, i BIGINT)`)
      const literals = literalsOf(dialect)
      const count = Math.max(doubles.length, bigIntegers.length)
      for (let id = 0; id < count; id++) {
        const f = doubles[id]
        const i = bigIntegers[id]
        const cells = [
          f === undefined ? 'NULL' : literals.float(f),
          i === undefined ? 'NULL' : literals.integer(i),
        ]
        await place.write(`INSERT INTO n VALUES (${id}, ${cells.join(', ')})`)
      }
      const read: Record<string, LuaValue>[] = []
      // No more than rowsMax at a time.
      for (let from = 0; from < count; from += 100) {
        read.push(
          ...(await rows(
            `SELECT f, i FROM n WHERE id >= ${from} AND id < ${from + 100} ORDER BY id`,
          )),
        )
      }
      const wrong: unknown[] = []
      for (const [id, f] of doubles.entries()) {
        const got = read[id]?.f
        // Minus nought is nought to some databases. What is whole must stay a float for Lua.
        const isFloat = got instanceof LuaFloat || !Number.isInteger(got)
        if (!isFloat || asDouble(got) !== f) wrong.push([f, got])
      }
      for (const [id, i] of bigIntegers.entries()) {
        if (asBigInt(read[id]?.i) !== i) wrong.push([i, read[id]?.i])
      }
      expect(wrong).toEqual([])
    })

    it('gives decimals, booleans, JSON and times as docs/LUA.md says', async () => {
      const [row] = await rows(others[dialect])
      expect(row).toEqual({ ...sameOthers, ...theirOthers[dialect] })
    })

    it('adds integers up to an integer', async () => {
      expect(await rows('SELECT SUM(id) AS total, COUNT(*) AS n FROM t')).toEqual([
        { total: 6, n: 3 },
      ])
      expect(await rows('SELECT id FROM t WHERE id > 99')).toEqual([])
    })

    it('sees what was written a moment ago', async () => {
      await place.write("INSERT INTO t (id, s) VALUES (9, 'new')")
      expect(await rows('SELECT s FROM t WHERE id = 9')).toEqual([{ s: 'new' }])
      await place.write('DELETE FROM t WHERE id = 9')
    })

    it('writes nothing', async () => {
      expect(await failure("INSERT INTO t (id, s) VALUES (8, 'x')")).toMatch(/^SQL /)
      expect(await rows('SELECT id FROM t WHERE id = 8')).toEqual([])
    })

    it('says what is wrong with a statement, and goes on', async () => {
      expect(await failure('SELECT nothing FROM t')).toMatch(/^SQL .*nothing/)
      expect(await failure('SELECT FROM WHERE')).toMatch(/^SQL /)
      expect(await rows('SELECT id FROM t WHERE id = 1')).toEqual([{ id: 1 }])
    })

    it('takes rowsMax rows and bytesMax bytes, and not one more', async () => {
      const many = (n: number) => {
        const digits = '(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4'
        const ten = `${digits} UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)`
        return `SELECT a.d FROM ${ten} a, ${ten} b, ${ten} c LIMIT ${n}`
      }
      expect(await rows(many(100))).toHaveLength(100)
      expect(await failure(many(101))).toMatch(/^TOO_LARGE more than 100 rows/)
      expect(await failure(`SELECT '${'x'.repeat(20_000)}' AS x`)).toMatch(/^TOO_LARGE .*bytes/)
      expect(await rows('SELECT id FROM t WHERE id = 1')).toEqual([{ id: 1 }])
    })

    it('ends in time, and the next query runs', async () => {
      const beganMs = performance.now()
      // SQLite's thread cannot be stopped inside of a step: its own test is below.
      if (dialect !== 'sqlite') {
        expect(await failure(slow[dialect], 300)).toMatch(/^TIMEOUT /)
        expect(performance.now() - beganMs).toBeLessThan(5000)
      }
      expect(await rows('SELECT id FROM t WHERE id = 1')).toEqual([{ id: 1 }])
    })

    it('runs more queries at once than it has connections', async () => {
      const all = Array.from({ length: 50 }, (_, i) => rows(`SELECT ${i} AS i`))
      expect((await Promise.all(all)).flat().map((row) => row.i)).toEqual(
        Array.from({ length: 50 }, (_, i) => i),
      )
    })
  })
}

describe('a database that cannot be reached', () => {
  it.each([
    ['sqlite', 'sqlite:missing/game.db'],
    ['mysql', 'mysql://root@127.0.0.1:1/game'],
    ['postgres', 'postgres://root@127.0.0.1:1/game'],
  ])('%s: is said so, and the next query tries again', async (_, url) => {
    const source = await openReads(databaseAddress(url, folder), bounds, pump, bell)
    for (let i = 0; i < 2; i++) {
      await expect(source.query('SELECT 1', 5000)).rejects.toMatchObject({ code: 'DATABASE_DOWN' })
    }
    await source.close()
  })
})

it('a SQLite query that takes too long is answered in time all the same', async () => {
  const file = join(folder, 'slow.db')
  new Database(file).close()
  const address = databaseAddress(`sqlite:${file}`, folder)
  const source = await openReads(address, bounds, pump, bell)
  expect(await source.query('SELECT 1', 5000)).toBeInstanceOf(Uint8Array)
  const counted =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT MAX(i) FROM n'
  await expect(source.query(counted, 50)).rejects.toMatchObject({ code: 'TIMEOUT' })
  // It is free again when the step is over.
  expect(await source.query('SELECT 1', 20_000)).toBeInstanceOf(Uint8Array)
  await source.close()
})
