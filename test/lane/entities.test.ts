// Entities, on both engines: one table for each row, changes found, taken back, and never lost.
import { describe, expect, it } from 'vitest'
import type { ColumnKind, DatabaseColumn, DatabaseTable } from '../../core/config/types.ts'
import { ownerOf } from '../../core/lane/owner.ts'
import type { Cell } from '../../core/lua/row-writer.ts'
import { message } from '../../core/thread/messages.ts'
import { type LaneInside, laneInside } from '../support/lane-inside.ts'

const column = (name: string, kind: ColumnKind, more: Partial<DatabaseColumn> = {}) => ({
  name,
  kind,
  optional: false,
  lengthMax: undefined,
  default: undefined,
  ...more,
})
const role: DatabaseTable = {
  name: 'role',
  file: 'config/schema/role.lua',
  key: ['id'],
  columns: [
    column('id', 'text', { lengthMax: 8 }),
    column('name', 'text', { lengthMax: 4, default: 'anon' }),
    column('gold', 'int', { default: 0 }),
    column('speed', 'float', { default: 1 }),
    column('bag', 'json', { optional: true }),
    column('is_in', 'bool', { optional: true }),
    column('seen', 'time', { optional: true }),
    column('face', 'blob', { optional: true }),
  ],
  indexes: [],
}
const item: DatabaseTable = {
  name: 'item',
  file: 'config/schema/item.lua',
  key: ['role_id', 'n'],
  columns: [column('role_id', 'text'), column('n', 'int'), column('count', 'int')],
  indexes: [],
}
const columns = role.columns.map(({ name }) => name)
const mei = (gold = 100n): Cell[] => ['mei', 'Mei', gold, 2, '{"a":[1,2]}', 1n, 5n, null]

const service = `local t = service "t"
local function take(field, session, msg)
  local r = entity.load("role", msg.id)
  if not r then
    return { code = 200, none = true }
  end
  if msg.set then
    r[field] = msg.set
  end
  session:push("onTake", { gold = r.gold })
  if msg.fail then
    error("no")
  end
  return { code = 200, gold = r.gold, name = r.name, is_in = r.is_in, bag = r.bag, float = math.type(r.speed) }
end
for _, field in ipairs({ "id", "name", "gold", "speed", "bag", "is_in", "seen", "face", "other" }) do
  t.handler[field] = function(session, msg)
    return take(field, session, msg)
  end
end
function t.handler.spend_twice(session, msg)
  local r = entity.load("role", msg.id)
  r.gold = r.gold - 1
  local row = db.one("SELECT 1 AS x")
  r.gold = r.gold - 10
  if msg.fail then
    error("late")
  end
  return { code = 200, gold = r.gold }
end
function t.handler.deep(session, msg)
  local r = entity.load("role", msg.id)
  r.bag.a[2] = 3
  return { code = 200 }
end
function t.handler.nan(session, msg)
  local r = entity.load("role", msg.id)
  r.speed = 0 / 0
  return { code = 200 }
end
function t.handler.create(session, msg)
  local r = entity.create("role", msg.row)
  r.gold = r.gold + 1
  if msg.fail then
    error("no")
  end
  return { code = 200, name = r.name, same = entity.load("role", r.id) == r }
end
function t.handler.delete(session, msg)
  entity.delete("role", msg.id)
  if msg.fail then
    error("no")
  end
  return { code = 200 }
end
function t.handler.add(session, msg)
  entity.add("role", msg.id, "gold", msg.n)
  return { code = 200 }
end
function t.handler.own(session, msg)
  local r = entity.load("role", msg.id)
  r.gold = r.gold - 1
  local ok = pcall(db.transaction, function()
    r.gold = r.gold - 10
    error("no")
  end)
  return { code = 200, gold = r.gold }
end
function t.handler.list(session, msg)
  local i = entity.load("item", { msg.id, 7 })
  i.count = i.count + 1
  return { code = 200, count = i.count }
end
function t.handler.wrong(session, msg)
  local wrong = {
    table = function() entity.load("rolle", "mei") end,
    key = function() entity.load("role", 5) end,
    nokey = function() entity.load("role", nil) end,
    list = function() entity.load("item", "mei") end,
    row = function() entity.create("role", 5) end,
    null = function() entity.create("item", { role_id = "mei", n = 1 }) end,
    field = function() entity.create("role", { id = "mei", glod = 1 }) end,
    add = function() entity.add("role", "mei", "name", 1) end,
    amount = function() entity.add("role", "mei", "gold", 1.5) end,
  }
  local ok, err = pcall(wrong[msg.which])
  return { code = 200, ok = ok, err = err }
end
return t
`

describe.each(['v8', 'fengari'] as const)('entities on %s', (engine) => {
  const lane = (more: { lanes?: number; entityBytesMax?: number } = {}) => {
    const inside = laneInside({ engine, services: { t: service }, tables: [role, item], ...more })
    for (const sid of [1, 2, 3]) inside.open(sid, `u${sid}`)
    return inside
  }
  /** A lane in which mei is loaded. */
  const loaded = (more = {}): LaneInside => {
    const it = lane(more)
    it.request(1, 't.handler.gold', { id: 'mei' })
    it.rows(columns, mei())
    it.said()
    return it
  }
  const sql = (it: LaneInside) => it.transactions.flatMap(({ statements }) => statements)

  it('loads a row with every kind of column, once', () => {
    const it = lane()
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.queries.map((query) => query.sql)).toEqual([
      "SELECT id, name, gold, speed, bag, is_in, seen, face FROM role WHERE id = 'mei';",
    ])
    it.rows(columns, mei())
    const reply = { code: 200, gold: 100, name: 'Mei', is_in: true, bag: { a: [1, 2] } }
    expect(it.reply()).toEqual({ ...reply, float: 'float' })
    it.request(2, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toEqual({ ...reply, float: 'float' })
    expect(it.queries).toEqual([])
    expect(it.transactions).toEqual([])
  })

  it('is nil for a row that is not there, and asks again the next time', () => {
    const it = lane()
    for (let i = 0; i < 2; i++) {
      it.request(1, 't.handler.gold', { id: 'nobody' })
      expect(it.queries).toHaveLength(1)
      it.rows(columns)
      expect(it.reply()).toEqual({ code: 200, none: true })
    }
  })

  it('gives two coroutines that load one key the same table, by one query', () => {
    const it = lane()
    it.request(1, 't.handler.gold', { id: 'mei', set: 7 })
    it.request(2, 't.handler.name', { id: 'mei', set: 'M' })
    expect(it.queries).toHaveLength(1)
    it.rows(columns, mei())
    expect(it.reply()).toMatchObject({ gold: 7, name: 'M' })
    expect(it.transactions.map(({ statements }) => statements)).toEqual([
      ["UPDATE role SET gold = gold + (-93) WHERE id = 'mei';"],
      ["UPDATE role SET name = 'M' WHERE id = 'mei';"],
    ])
  })

  it('writes one UPDATE of what has changed, and nothing when nothing has', () => {
    const it = loaded()
    it.request(1, 't.handler.seen', { id: 'mei', set: 1_700_000_000_000 })
    it.request(1, 't.handler.is_in', { id: 'mei', set: true })
    it.request(1, 't.handler.speed', { id: 'mei', set: 3 })
    it.request(1, 't.handler.bag', { id: 'mei', set: { a: [1, 2] } })
    it.request(1, 't.handler.deep', { id: 'mei' })
    expect(sql(it)).toEqual([
      "UPDATE role SET seen = (1700000000000) WHERE id = 'mei';",
      "UPDATE role SET speed = (3.0) WHERE id = 'mei';",
      "UPDATE role SET bag = '{\"a\":[1,3]}' WHERE id = 'mei';",
    ])
  })

  it('holds back what a handler sends until its entities are compared', () => {
    const it = loaded()
    it.request(1, 't.handler.gold', { id: 'mei', set: 5 })
    const kinds = it.said().map(({ kind }) => kind)
    expect(kinds).toEqual([message.spoolMark, message.push, message.reply])
  })

  it('is as it was when the handler raises, json in depth, and nothing was sent', () => {
    const it = loaded()
    it.request(1, 't.handler.gold', { id: 'mei', set: 5, fail: true })
    expect(it.said().filter(({ kind }) => kind === message.push)).toEqual([])
    it.request(1, 't.handler.bag', { id: 'mei', set: { b: 1 }, fail: true })
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toMatchObject({ gold: 100, bag: { a: [1, 2] } })
    expect(it.transactions).toEqual([])
  })

  it('keeps what was committed before a wait when the rest raises', () => {
    const it = loaded()
    it.request(1, 't.handler.spend_twice', { id: 'mei', fail: true })
    it.rows(['x'], [1n])
    expect(sql(it)).toEqual(["UPDATE role SET gold = gold + (-1) WHERE id = 'mei';"])
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toMatchObject({ gold: 99 })
  })

  it('takes back what db.transaction changed, and no more', () => {
    const it = loaded()
    it.request(1, 't.handler.own', { id: 'mei' })
    expect(it.reply()).toEqual({ code: 200, gold: 99 })
    expect(sql(it)).toEqual(["UPDATE role SET gold = gold + (-1) WHERE id = 'mei';"])
  })

  it.each([
    ['gold', 'much', /role\.gold must be a whole number, it is a string/],
    ['gold', 1.5, /role\.gold must be a whole number, it is 1\.5/],
    ['name', 'abcde', /role\.name has 5 characters, at most 4 fit/],
    ['is_in', 1, /role\.is_in must be true or false/],
    ['other', 1, /role has no column 'other' \(see config\/schema\/role\.lua\)/],
    ['id', 'eva', /role\.id is part of the key and cannot change/],
  ])('refuses %s = %j at the end, and puts the entity back', (field, set, text) => {
    const it = loaded()
    it.request(1, `t.handler.${field}`, { id: 'mei', set })
    const said = it.said()
    expect(said.at(-1)?.text).toContain('"code":500')
    expect(said.find(({ kind }) => kind === message.log)?.text).toMatch(text)
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toMatchObject({ code: 200, gold: 100, name: 'Mei' })
    expect(it.transactions).toEqual([])
  })

  it('refuses NaN', () => {
    const it = loaded()
    it.request(1, 't.handler.nan', { id: 'mei' })
    expect(it.said().find(({ kind }) => kind === message.log)?.text).toMatch(/role\.speed is NaN/)
  })

  it('creates a row with its defaults, and takes it back', () => {
    const it = lane()
    it.request(1, 't.handler.create', { row: { id: 'eva' }, fail: true })
    it.said()
    it.request(1, 't.handler.create', { row: { id: 'eva' } })
    expect(it.reply()).toEqual({ code: 200, name: 'anon', same: true })
    expect(it.transactions.map(({ statements }) => statements)).toEqual([
      [
        'INSERT INTO role(id, name, gold, speed, bag, is_in, seen, face) ' +
          "VALUES ('eva', 'anon', (0), (1.0), NULL, NULL, NULL, NULL);",
        "UPDATE role SET gold = gold + (1) WHERE id = 'eva';",
      ],
    ])
    it.request(1, 't.handler.create', { row: { id: 'eva' } })
    expect(it.said().find(({ kind }) => kind === message.log)?.text).toContain(
      'there is a role \\"eva\\" already',
    )
  })

  it('deletes a row, loaded or not, and takes that back', () => {
    const it = loaded()
    it.request(1, 't.handler.delete', { id: 'mei', fail: true })
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.queries).toEqual([])
    it.request(1, 't.handler.delete', { id: 'mei' })
    it.request(1, 't.handler.delete', { id: 'eva' })
    expect(sql(it)).toEqual([
      "DELETE FROM role WHERE id = 'mei';",
      "DELETE FROM role WHERE id = 'eva';",
    ])
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.queries).toHaveLength(1)
  })

  it('has keys of several columns', () => {
    const it = lane()
    it.request(1, 't.handler.list', { id: 'mei' })
    expect(it.queries[0]?.sql).toMatch(/WHERE role_id = 'mei' AND n = \(7\);$/)
    it.rows(['role_id', 'n', 'count'], ['mei', 7n, 1n])
    expect(sql(it)).toEqual([
      "UPDATE item SET count = count + (1) WHERE role_id = 'mei' AND n = (7);",
    ])
  })

  it('adds to a loaded row in its table, to another in the database', () => {
    const it = loaded()
    it.request(1, 't.handler.add', { id: 'mei', n: 5 })
    it.request(1, 't.handler.add', { id: 'eva', n: -2 })
    expect(sql(it)).toEqual([
      "UPDATE role SET gold = gold + (5) WHERE id = 'mei';",
      "UPDATE role SET gold = gold + (-2) WHERE id = 'eva';",
    ])
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toMatchObject({ gold: 105 })
  })

  it('tells the lane that owns a row that was added to, under the ticket of the write', () => {
    const it = lane({ lanes: 2 })
    const [mine, other] = [0, 1].map((owner) =>
      ['mei', 'eva', 'ada', 'bob', 'x', 'y'].find((id) => ownerOf(id, 2) === owner),
    )
    it.request(1, 't.handler.add', { id: other, n: 5 })
    const said = it.said()
    expect(said.map(({ kind }) => kind)).toEqual([
      message.spoolMark,
      message.entityChanged,
      message.reply,
    ])
    expect(said[1]?.a).toBe(1)
    it.request(1, 't.handler.gold', { id: other })
    expect(it.said().find(({ kind }) => kind === message.log)?.text).toContain(
      'belongs to lane 1 and this is lane 0',
    )
    it.request(1, 't.handler.gold', { id: mine })
    expect(it.queries).toHaveLength(1)
  })

  const changed = (it: LaneInside, id: string) => {
    const key = Buffer.from([1, 6, id.length, ...Buffer.from(id)])
    it.db.entityChanged(Buffer.concat([Buffer.from([4]), Buffer.from('role'), key]), 0)
  }

  it('reads a row anew that another lane has changed, into the same table', () => {
    const it = loaded()
    changed(it, 'mei')
    it.request(1, 't.handler.gold', { id: 'mei' })
    it.rows(columns, mei(150n))
    expect(it.reply()).toMatchObject({ gold: 150 })
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.queries).toEqual([])
  })

  it('asks again when the row was written while the query ran', () => {
    const it = lane()
    it.request(1, 't.handler.gold', { id: 'mei' })
    changed(it, 'mei')
    it.rows(columns, mei(100n))
    expect(it.queries).toHaveLength(1)
    it.rows(columns, mei(150n))
    expect(it.reply()).toMatchObject({ gold: 150 })
    // A coroutine that holds a stale row spends while it is read anew.
    it.request(1, 't.handler.spend_twice', { id: 'mei' })
    changed(it, 'mei')
    it.request(2, 't.handler.gold', { id: 'mei' })
    expect(it.queries).toHaveLength(2)
    it.rows(['x'], [1n])
    it.said()
    it.rows(columns, mei(149n))
    expect(it.queries).toHaveLength(1)
    it.rows(columns, mei(139n))
    expect(it.reply()).toMatchObject({ gold: 139 })
  })

  it('evicts what nobody uses, never before it is in the database', () => {
    const it = loaded({ entityBytesMax: 1 })
    // Mei was read and not written: gone when her handler ended.
    expect(it.db.entities.size).toBe(0)
    it.request(1, 't.handler.gold', { id: 'mei', set: 5 })
    it.rows(columns, mei())
    expect(it.db.entities.size).toBe(1)
    it.request(1, 't.handler.add', { id: 'eva', n: 1 })
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.db.entities.size).toBe(1)
    it.setApplied(2)
    it.request(1, 't.handler.gold', { id: 'mei' })
    expect(it.reply()).toMatchObject({ gold: 5 })
    expect(it.db.entities.size).toBe(0)
    expect(it.db.entities.bytes).toBe(0)
  })

  it('fails the load of all who wait when the database does, and tries again', () => {
    const it = lane()
    it.request(1, 't.handler.gold', { id: 'mei' })
    it.request(2, 't.handler.gold', { id: 'mei' })
    it.refuse(503, 'the database cannot be reached')
    const errors = it.said().filter(({ kind }) => kind === message.replyError)
    expect(errors).toHaveLength(2)
    it.request(1, 't.handler.gold', { id: 'mei' })
    it.rows(columns, mei())
    expect(it.reply()).toMatchObject({ gold: 100 })
  })

  it.each([
    ['table', "entity.load: there is no table 'rolle' in config/schema"],
    ['key', 'entity.load: role.id must be text, it is a number'],
    ['nokey', 'entity.load: the key role.id is nil'],
    ['list', 'entity.load: the key of item is a list: { role_id, n }'],
    ['row', 'entity.create: a row of role is a table'],
    ['null', 'entity.create: item.count must not be nil'],
    ['field', "entity.create: role has no column 'glod'"],
    ['add', 'entity.add: role.name is no int column'],
    ['amount', 'entity.add: role.gold must be a whole number, it is 1.5'],
  ])('refuses a wrong %s, saying where', (which, text) => {
    const it = lane()
    it.request(1, 't.handler.wrong', { which })
    const { ok, err } = it.reply() as { ok: boolean; err: string }
    expect(ok).toBe(false)
    expect(err).toMatch(/^lua\/services\/t\.lua:\d+: /)
    expect(err).toContain(text)
  })
})
