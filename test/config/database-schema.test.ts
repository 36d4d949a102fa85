// config/schema/*.lua: what comes out of a good file, and the words for each mistake.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { HostError } from '../../core/base/errors.ts'
import { loadConfig } from '../../core/config/load.ts'
import type { DatabaseTable } from '../../core/config/types.ts'

let root = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'moon-schema-'))
  mkdirSync(join(root, 'config/schema'), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true }))

function load(files: Readonly<Record<string, string>>): readonly DatabaseTable[] {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(root, `config/schema/${name}.lua`), text)
  }
  return loadConfig({ root, env: {} }).schema
}

function problems(files: Readonly<Record<string, string>>): string[] {
  try {
    load(files)
  } catch (thrown) {
    if (thrown instanceof HostError && thrown.code === 'CONFIG') return thrown.message.split('\n')
    throw thrown
  }
  return []
}

it('gives tables with key, columns in their order, and indexes', () => {
  const [mail, role] = load({
    role: `return db_table { key = "id", columns = {
      name = text { max = 32, default = "?" }, level = int { default = 1 }, id = int,
      speed = float { default = 1.5 }, face = optional(blob), extra = json { optional = true },
      online = bool { default = false }, seen = optional(time), note = text } }`,
    mail: `return db_table { key = { "to_id", "id" },
      columns = { id = int, to_id = int, at = time, title = text { max = 64 } },
      indexes = { { "at" }, unique("title", "at") } }`,
  })
  expect(role).toEqual({
    name: 'role',
    file: 'config/schema/role.lua',
    key: ['id'],
    indexes: [],
    columns: [
      { name: 'id', kind: 'int', optional: false, lengthMax: undefined, default: undefined },
      { name: 'name', kind: 'text', optional: false, lengthMax: 32, default: '?' },
      { name: 'level', kind: 'int', optional: false, lengthMax: undefined, default: 1 },
      { name: 'speed', kind: 'float', optional: false, lengthMax: undefined, default: 1.5 },
      { name: 'face', kind: 'blob', optional: true, lengthMax: undefined, default: undefined },
      { name: 'extra', kind: 'json', optional: true, lengthMax: undefined, default: undefined },
      { name: 'online', kind: 'bool', optional: false, lengthMax: undefined, default: false },
      { name: 'seen', kind: 'time', optional: true, lengthMax: undefined, default: undefined },
      { name: 'note', kind: 'text', optional: false, lengthMax: undefined, default: undefined },
    ],
  })
  expect(mail?.columns.map(({ name }) => name)).toEqual(['to_id', 'id', 'at', 'title'])
  expect(mail?.key).toEqual(['to_id', 'id'])
  expect(mail?.indexes).toEqual([
    { name: 'mail_at_idx', columns: ['at'], unique: false },
    { name: 'mail_title_at_key', columns: ['title', 'at'], unique: true },
  ])
  expect(Object.isFrozen(role?.columns)).toBe(true)
})

it('is empty without a folder', () => {
  rmSync(join(root, 'config/schema'), { recursive: true })
  expect(load({})).toEqual([])
})

it('the schema of the demo game is good', () => {
  const schema = loadConfig({ root: process.cwd(), env: {} }).schema
  expect(schema.map(({ name }) => name)).toEqual(['bag_item', 'role', 'trade'])
})

it('reports every mistake with file, line and field', () => {
  const role = `return db_table {
  key = "uid",
  columns = {
    id = int,
    Gold = int,
    order = int,
    moon_x = int,
    a = "int",
    b = int { max = 3 },
    c = text { mx = 3 },
    d = text { max = 0 },
    e = text { default = "x" },
    f = json { default = "x" },
    g = int { default = 1.5 },
    h = bool { default = 1 },
    i = text { max = 2, default = "abc" },
    j = text { max = 9, default = "it's" },
  },
  colums = {},
  indexes = { { "nix" }, { "c" }, { "id" }, { "id" }, { 5 }, { "f" } },
}`
  const at = (line: number, rest: string) => `config/schema/role.lua:${line}: ${rest}`
  expect(problems({ role })).toEqual([
    at(19, "colums: unknown field (did you mean 'columns'?)"),
    at(
      5,
      'columns.Gold: expected a name of at most 48 letters a-z, digits and _, that begins with a letter, got "Gold"',
    ),
    at(
      6,
      "columns.order: 'order' is a reserved word of SQL in one of the databases; take another name",
    ),
    at(7, 'columns.moon_x: names that begin with moon_ are for the host itself'),
    at(8, 'columns.a: expected one of int, float, text, blob, json, bool, time or optional(...)'),
    at(9, 'columns.b: only text has a max'),
    at(10, "columns.c: unknown option 'mx' (did you mean 'max'?)"),
    at(11, 'columns.d: expected a max from 1 to 4096, got 0'),
    at(12, 'columns.e: a text column with a default needs a max: text { max = 32, default = "" }'),
    at(13, 'columns.f: a json column has no default'),
    at(14, 'columns.g: expected a whole number as default, got 1.5'),
    at(15, 'columns.h: expected true or false as default, got 1'),
    at(16, 'columns.i: expected text of at most 2 characters, got "abc"'),
    at(17, "columns.j: a default may hold no ', no \\ and no control character"),
    at(2, "key: there is no column 'uid' (did you mean 'id'?)"),
    at(20, "indexes 1: there is no column 'nix'"),
    at(
      10,
      'columns.c: a text column in a key or index needs a max of at most 255: text { max = 32 }',
    ),
    at(20, 'indexes 4: this index is in the list already'),
    at(20, 'indexes 5: expected columns: { "name" }, { "a", "b" } or unique("name")'),
    at(20, "indexes 6: 'f' is json, which cannot be indexed"),
  ])
})

it.each([
  ['return { id = int }', /role\.lua: must end with: return db_table/],
  ['return db_table { columns = { id = int } }', /role\.lua:1: key: expected a column, or a list/],
  ['return db_table { key = "id" }', /role\.lua:1: columns: expected a table such as/],
  [
    'return db_table { key = "id", columns = { id = optional(int) } }',
    /role\.lua:1: columns\.id: a column of the key cannot be optional/,
  ],
  [
    'return db_table {\n key = "id", columns = { id = int(5) } }',
    /role\.lua:2: .*int takes a table/,
  ],
  ['return db_table {\n key = "id", columns = { id = integer } }', /role\.lua:2: .*integer/],
])('%j is refused in words', (source, expected) => {
  const found = problems({ role: source })
  expect(found[0]).toMatch(expected)
})

it('refuses a file whose name cannot be a table', () => {
  const source = 'return db_table { key = "id", columns = { id = int } }'
  expect(problems({ Role: source })[0]).toContain(
    'config/schema/Role.lua: file name: expected a name',
  )
  rmSync(join(root, 'config/schema/Role.lua'))
  expect(problems({ user: source })[0]).toContain("'user' is a reserved word")
})
