// Migrations on real databases: what is made, what is added, and what is refused, with what advice.

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ColumnKind, DatabaseColumn, DatabaseTable } from '../../core/config/types.ts'
import { type MigrationPlan, planMigration } from '../../core/drain/migration.ts'
import { openTarget } from '../../core/drain/open-target.ts'
import type { Target } from '../../core/drain/target.ts'
import {
  dialectsHere,
  dropDatabases,
  makeDatabase,
  type TestDatabase,
} from '../support/databases.ts'

const here = await dialectsHere()
afterAll(dropDatabases)

function column(
  name: string,
  kind: ColumnKind,
  more: Partial<DatabaseColumn> = {},
): DatabaseColumn {
  return { name, kind, optional: false, lengthMax: undefined, default: undefined, ...more }
}

const role: DatabaseTable = {
  name: 'role',
  file: 'config/schema/role.lua',
  key: ['id'],
  columns: [
    column('id', 'int'),
    column('name', 'text', { lengthMax: 8, default: '月' }),
    column('gold', 'int', { default: -5 }),
    column('speed', 'float', { default: 1.5 }),
    column('note', 'text', { optional: true }),
    column('face', 'blob', { optional: true }),
    column('extra', 'json', { optional: true }),
    column('online', 'bool', { default: true }),
    column('seen', 'time', { optional: true }),
  ],
  indexes: [
    { name: 'role_name_key', columns: ['name'], unique: true },
    { name: 'role_gold_seen_idx', columns: ['gold', 'seen'], unique: false },
  ],
}
const bag: DatabaseTable = {
  name: 'bag',
  file: 'config/schema/bag.lua',
  key: ['role_id', 'item'],
  columns: [column('role_id', 'int'), column('item', 'text', { lengthMax: 32 })],
  indexes: [],
}

describe.each(here)('a migration of %s', (dialect) => {
  let database: TestDatabase
  let target: Target

  beforeEach(async () => {
    database = await makeDatabase(dialect)
    target = openTarget(database.address)
    await target.connect()
  })
  afterEach(async () => {
    await target.close()
    await dropDatabases()
  })

  async function plan(...tables: DatabaseTable[]): Promise<MigrationPlan> {
    const existing = await target.describe(tables.map(({ name }) => name))
    return planMigration(tables, existing, target.ddl)
  }
  async function migrate(...tables: DatabaseTable[]): Promise<string[]> {
    const { steps, refusals } = await plan(...tables)
    expect(refusals).toEqual([])
    await target.migrate(steps.map(({ sql }) => sql))
    return steps.map(({ words }) => words)
  }

  it('makes tables with keys, defaults and indexes; a second one has nothing to do', async () => {
    expect(await migrate(bag, role)).toEqual([
      'create table bag',
      'create table role',
      'create index role_name_key on role(name)',
      'create index role_gold_seen_idx on role(gold, seen)',
    ])
    expect(await plan(bag, role)).toEqual({ steps: [], refusals: [] })
    await database.run('INSERT INTO role(id) VALUES (1)')
    expect(await database.rows('SELECT * FROM role')).toEqual([
      ['1', '月', '-5', '1.5', null, null, null, '1', null],
    ])
    expect(await plan(bag, role)).toEqual({ steps: [], refusals: [] })
  })

  it('tells texts apart by their bytes: case, accents and blanks at the end', async () => {
    await migrate(bag)
    const texts = ['a', 'A', 'ä', 'a ']
    for (const text of texts) await database.run(`INSERT INTO bag VALUES (1, '${text}')`)
    const rows = await database.rows('SELECT item FROM bag ORDER BY item')
    expect(rows.flat()).toEqual(['A', 'a', 'a ', 'ä'])
  })

  it('holds a text to its max, in characters', async () => {
    await migrate(role)
    await database.run(`INSERT INTO role(id, name) VALUES (1, '${'🌕'.repeat(8)}')`)
    const long = `INSERT INTO role(id, name) VALUES (2, '${'x'.repeat(9)}')`
    await expect(database.run(long)).rejects.toThrow()
  })

  it('adds columns and indexes, and keeps the rows', async () => {
    const before = { ...role, columns: role.columns.slice(0, 2), indexes: [] }
    await migrate(before)
    await database.run("INSERT INTO role(id, name) VALUES (1, 'Mei')")
    const words = await migrate(role)
    expect(words[0]).toMatch(/^add column role\.gold (INTEGER|BIGINT)$/)
    expect(words).toHaveLength(9)
    expect(await database.rows('SELECT * FROM role')).toEqual([
      ['1', 'Mei', '-5', '1.5', null, null, null, '1', null],
    ])
    expect(await plan(role)).toEqual({ steps: [], refusals: [] })
  })

  it('wants a value for the rows that are there, and none where there are none', async () => {
    await migrate(bag)
    const more = { ...bag, columns: [...bag.columns, column('count', 'int')] }
    await database.run("INSERT INTO bag VALUES (1, 'x')")
    expect((await plan(more)).refusals).toEqual([
      'config/schema/bag.lua: bag.count is new, and the rows that exist have no value for it: ' +
        'give it a default, or make it optional(...)',
    ])
    await database.run('DELETE FROM bag')
    await migrate(more)
    expect(await plan(more)).toEqual({ steps: [], refusals: [] })
  })

  it('refuses what would lose or reinterpret data, and says what to do', async () => {
    await migrate(role)
    const changed: DatabaseTable = {
      ...role,
      key: ['name'],
      columns: role.columns
        .filter(({ name }) => name !== 'gold')
        .map((each) => {
          if (each.name === 'speed') return column('speed', 'int', { default: 1 })
          if (each.name === 'name') return column('name', 'text', { lengthMax: 9, default: '' })
          if (each.name === 'note') return column('note', 'text')
          if (each.name === 'online') return column('online', 'bool')
          return each.name === 'seen' ? column('seen', 'time', { default: 1 }) : each
        }),
    }
    const { refusals } = await plan(changed)
    expect(refusals).toHaveLength(6)
    expect(refusals[0]).toContain('the key of table role is (id) in the database and (name) here')
    expect(refusals[1]).toMatch(/role\.name: (is VARCHAR|has max )/)
    expect(refusals[2]).toMatch(/role\.speed: is (REAL|DOUBLE|DOUBLE PRECISION) in the database/)
    expect(refusals[3]).toContain('role.note: may be nil in the database and may not be nil here')
    expect(refusals[4]).toContain('role.seen: may be nil in the database')
    expect(refusals[5]).toContain('drop it by hand: ALTER TABLE role DROP COLUMN gold')
  })

  it('leaves tables alone that it does not know', async () => {
    await database.run('CREATE TABLE other (a INT)')
    await migrate(bag)
    expect([...(await target.tableNames())].sort()).toEqual(['bag', 'other'])
  })
})
