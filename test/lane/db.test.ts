// db in Lua, on both engines: what a run writes is one transaction, or nothing of it is.
import { describe, expect, it } from 'vitest'
import { message } from '../../core/thread/messages.ts'
import { laneInside } from '../support/lane-inside.ts'

const service = `local t = service "t"
function t.handler.two(session, msg)
  db.exec("INSERT INTO a(x, y) VALUES (?, ?)", msg.x, "it's")
  session:push("onOne", {})
  db.exec("DELETE FROM a WHERE x = ?", 5)
  return { code = 200 }
end
function t.handler.raise(session)
  session:push("onBefore", {})
  db.exec("INSERT INTO a(x) VALUES (1)")
  session:push("onAfter", {})
  error("no")
end
function t.handler.raise_clean(session)
  session:push("onClean", {})
  error("no")
end
function t.handler.waits(session)
  db.exec("INSERT INTO a(x) VALUES (1)")
  session:push("onFirst", {})
  local rows = db.query("SELECT x FROM a WHERE x = ?", 1)
  db.exec("INSERT INTO a(x) VALUES (?)", rows[1].x + 1)
  if rows[1].x == 9 then
    error("late")
  end
  return { code = 200, n = #rows, x = rows[1].x }
end
function t.handler.one()
  local row = db.one("SELECT * FROM a")
  return { code = 200, none = row == nil, x = row and row.x, y = row and row.y }
end
function t.handler.own(session, msg)
  db.exec("INSERT INTO a(x) VALUES (1)")
  local ok, err = pcall(db.transaction, function()
    db.exec("INSERT INTO a(x) VALUES (2)")
    session:push("onInside", {})
    if msg.fail then
      error("inside")
    end
    return "r"
  end)
  db.exec("INSERT INTO a(x) VALUES (3)")
  return { code = 200, ok = ok, err = err }
end
function t.handler.wait_inside()
  local ok, err = pcall(db.transaction, function()
    db.exec("INSERT INTO a(x) VALUES (2)")
    sleep(1)
  end)
  return { code = 200, ok = ok, err = err }
end
function t.handler.nested()
  local ok, err = pcall(db.transaction, function()
    db.transaction(function() end)
  end)
  return { code = 200, ok = ok, err = err }
end
function t.handler.escape()
  local co = coroutine.wrap(function()
    db.transaction(function()
      db.exec("INSERT INTO a(x) VALUES (2)")
      coroutine.yield(1)
    end)
  end)
  co()
  return { code = 200 }
end
function t.handler.bad(session, msg)
  local bad = {
    nan = function() db.exec("INSERT INTO a(x, y) VALUES (?, ?)", 1, 0 / 0) end,
    table = function() db.exec("INSERT INTO a(x) VALUES (?)", {}) end,
    fn = function() db.exec("INSERT INTO a(x) VALUES (?)", print) end,
    few = function() db.exec("INSERT INTO a(x, y) VALUES (?, ?)", 1) end,
    many = function() db.exec("INSERT INTO a(x) VALUES (?)", 1, 2) end,
    drop = function() db.exec("DROP TABLE a") end,
    two = function() db.exec("DELETE FROM a; DELETE FROM b") end,
    utf8 = function() db.exec("INSERT INTO a(x) VALUES (?)", "\\xff") end,
    big = function() db.exec("INSERT INTO a(x) VALUES (?)", string.rep("x", 2 * 1024 * 1024)) end,
    sum = function()
      for i = 1, 3 do
        db.exec("INSERT INTO a(x) VALUES (?)", string.rep("x", 400 * 1024))
      end
    end,
    no_text = function() db.exec(nil) end,
    write_query = function() db.query("DELETE FROM a") end,
    blob = function() db.blob(5) end,
  }
  local ok, err = pcall(bad[msg.which])
  return { code = 200, ok = ok, err = err }
end
function t.handler.values()
  db.exec("INSERT INTO a VALUES (?, ?, ?, ?, ?, ?)", nil, true, 2.5, 7, db.blob("\\0\\xff"), json.null)
  return { code = 200 }
end
function t.handler.fork(session)
  fork(function()
    db.exec("INSERT INTO a(x) VALUES (4)")
  end)
  return { code = 200 }
end
function t.handler.plain(session)
  session:push("onPlain", {})
  return { code = 200 }
end
return t
`

describe.each(['v8', 'fengari'] as const)('db on %s', (engine) => {
  const lane = () => {
    const inside = laneInside({ engine, services: { t: service }, tables: [] })
    inside.open(1, 'u1')
    return inside
  }
  const kinds = (inside: ReturnType<typeof lane>) =>
    inside
      .said()
      .filter(({ kind }) => kind !== message.log)
      .map(({ kind, a }) => (kind === message.spoolMark ? `mark ${a}` : kind))

  it('puts what a handler writes into one transaction that says who caused it', () => {
    const it = lane()
    it.request(1, 't.handler.two', { x: 1 })
    expect(it.transactions).toEqual([
      {
        statements: [
          "INSERT INTO a(x, y) VALUES ((1), CAST(X'69742773' AS TEXT));",
          'DELETE FROM a WHERE x = (5);',
        ],
        origin: expect.stringMatching(
          /^node=test lane=0 uid=u1 route=t\.handler\.two request=test-0-\w+$/,
        ),
      },
    ])
    expect(kinds(it)).toEqual(['mark 1', message.push, message.reply])
  })

  it('drops all of it when the handler raises, and what it sent since its first write', () => {
    const it = lane()
    it.request(1, 't.handler.raise')
    expect(it.transactions).toEqual([])
    expect(kinds(it)).toEqual([message.push, message.replyError])
    it.request(1, 't.handler.raise_clean')
    expect(kinds(it)).toEqual([message.push, message.replyError])
  })

  it('commits before a wait, and each stretch by itself', () => {
    const it = lane()
    it.request(1, 't.handler.waits')
    expect(it.transactions.map(({ statements }) => statements)).toEqual([
      ['INSERT INTO a(x) VALUES (1);'],
    ])
    expect(it.queries).toEqual([
      { id: expect.any(Number), ticket: 1, sql: 'SELECT x FROM a WHERE x = (1);' },
    ])
    expect(kinds(it)).toEqual(['mark 1', message.push])
    it.rows(['x'], [1n])
    expect(it.transactions[1]?.statements).toEqual(['INSERT INTO a(x) VALUES ((2));'])
    expect(it.reply()).toEqual({ code: 200, n: 1, x: 1 })
  })

  it('keeps what was committed before the wait when the rest raises', () => {
    const it = lane()
    it.request(1, 't.handler.waits')
    it.rows(['x'], [9n])
    expect(it.transactions).toHaveLength(1)
    expect(it.reply()).toMatchObject({ code: 500 })
  })

  it('raises what the database said of a query, with a code, but tells no client', () => {
    const it = lane()
    it.request(1, 't.handler.waits')
    it.refuse(503, 'the database cannot be reached')
    expect(it.reply()).toMatchObject({ code: 500, message: 'internal error' })
  })

  it('db.one is the first row or nil', () => {
    const it = lane()
    it.request(1, 't.handler.one')
    it.rows(['x', 'y'], [3n, null], [4n, 'z'])
    expect(it.reply()).toEqual({ code: 200, none: false, x: 3 })
    it.request(1, 't.handler.one')
    it.rows(['x'])
    expect(it.reply()).toEqual({ code: 200, none: true })
  })

  it('db.transaction is a transaction of its own, between what was before and after', () => {
    const it = lane()
    it.request(1, 't.handler.own', {})
    const inserted = (x: number) => [`INSERT INTO a(x) VALUES (${x});`]
    expect(it.transactions.map(({ statements }) => statements)).toEqual([1, 2, 3].map(inserted))
    expect(it.reply()).toEqual({ code: 200, ok: true, err: 'r' })
    it.request(1, 't.handler.own', { fail: true })
    expect(it.transactions.slice(3).map(({ statements }) => statements)).toEqual(
      [1, 3].map(inserted),
    )
    const said = it.said()
    expect(said.filter(({ kind }) => kind === message.push)).toEqual([])
  })

  it('db.transaction refuses to wait, to be nested, and to be left open', () => {
    const it = lane()
    it.request(1, 't.handler.wait_inside')
    expect(it.reply()).toMatchObject({
      ok: false,
      err: expect.stringContaining('nothing can wait inside of db.transaction'),
    })
    it.request(1, 't.handler.nested')
    expect(it.reply()).toMatchObject({
      ok: false,
      err: expect.stringMatching(/^lua\/services\/t\.lua:\d+: db\.transaction: .*inside another/),
    })
    it.request(1, 't.handler.escape')
    expect(it.reply()).toMatchObject({ code: 500 })
    it.request(1, 't.handler.two', { x: 1 })
    expect(it.reply()).toEqual({ code: 200 })
    expect(it.transactions).toHaveLength(1)
  })

  it.each([
    ['nan', 'db.exec: parameter 2 is NaN'],
    ['table', 'db.exec: parameter 1 is a table'],
    ['fn', 'db.exec: parameter 1 is a function'],
    ['few', 'db.exec: too few parameters: the statement has 2 ?, 1 given'],
    ['many', 'db.exec: too many parameters: the statement has 1 ?, 2 given'],
    ['drop', 'db.exec: only INSERT, UPDATE, DELETE and REPLACE may be written, not DROP'],
    ['two', 'db.exec: a second statement (;)'],
    ['utf8', 'db.exec: parameter 1 is not valid UTF-8; wrap bytes that are no text in db.blob'],
    ['big', 'bytes is too long: at most 1048576 fit'],
    ['sum', 'db.exec: the transaction is longer than 1048576 bytes'],
    ['no_text', 'db.exec: argument 1 must be the text of a statement'],
    ['write_query', 'db.query: only SELECT may be asked, not DELETE'],
    ['blob', 'db.blob: argument 1 must be a string of bytes, it is a number'],
  ])('refuses %s, saying where', (which, text) => {
    const it = lane()
    it.request(1, 't.handler.bad', { which })
    const { ok, err } = it.reply() as { ok: boolean; err: string }
    expect(ok).toBe(false)
    expect(err).toMatch(/^lua\/services\/t\.lua:\d+: /)
    expect(err).toContain(text)
  })

  it('writes every kind of value', () => {
    const it = lane()
    it.request(1, 't.handler.values')
    expect(it.transactions[0]?.statements).toEqual([
      "INSERT INTO a VALUES (NULL, TRUE, (2.5), (7), X'00ff', NULL);",
    ])
  })

  it('works in a fork, which its session’s queries see', () => {
    const it = lane()
    it.request(1, 't.handler.fork')
    expect(it.transactions).toHaveLength(1)
    expect(it.transactions[0]?.origin).toContain('uid=u1 route=fork')
    it.request(1, 't.handler.one')
    expect(it.queries[0]?.ticket).toBe(1)
  })

  it('says that the disk is full, and goes on when it is not', () => {
    const it = lane()
    it.tickets.setRefusing(true)
    it.request(1, 't.handler.two', { x: 1 })
    const said = it.said()
    expect(said.filter(({ kind }) => kind === message.push)).toEqual([])
    expect(said.at(-1)?.text).toMatch(/"code":507.*disk of the server is full/)
    it.tickets.setRefusing(false)
    it.request(1, 't.handler.two', { x: 1 })
    expect(it.reply()).toEqual({ code: 200 })
  })

  it('marks nothing and holds nothing back where nothing is written', () => {
    const it = lane()
    it.request(1, 't.handler.plain')
    expect(kinds(it)).toEqual([message.push, message.reply])
  })
})

it('a file that writes while it loads does not start', () => {
  const services = { t: 'db.exec("DELETE FROM a")\nreturn service "t"\n' }
  expect(() => laneInside({ engine: 'v8', services, tables: [] })).toThrow(
    /nothing can be written while a service file loads/,
  )
})
