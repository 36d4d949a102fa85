// Statements: what may be written, what is refused and in which words, and how values are rendered.

import { describe, expect, test } from 'vitest'
import { type Dialect, dialects } from '../../core/base/dialect.ts'
import { limits } from '../../core/base/limits.ts'
import { textToBytes } from '../../core/lua/bytes.ts'
import { LuaFloat } from '../../core/lua/engine.ts'
import { SqlBlob } from '../../core/spool/sql-value.ts'
import { compileStatement, StatementCache } from '../../core/spool/statement.ts'

function render(dialect: Dialect, sql: string, ...values: unknown[]): string {
  return compileStatement(textToBytes(sql), dialect).render(values)
}

const value = (dialect: Dialect, v: unknown) =>
  render(dialect, 'DELETE FROM t WHERE a = ?', v).slice('DELETE FROM t WHERE a = '.length, -2)

/** Three times the same: what no dialect writes otherwise. */
const alike = (text: string) => [text, text, text] as const

test.each<readonly [unknown, string, string, string]>([
  [5, '(5)', '(5)', '(5)'],
  [-5, '(-5)', '(-5)', '(-5)'],
  [-(2n ** 63n), ...alike('(-9223372036854775808)')],
  [0.1, '(0.1)', '(0.1e0)', '(0.1::float8)'],
  [new LuaFloat(5), '(5.0)', '(5.0e0)', '(5.0::float8)'],
  [-0, '(-0.0)', '(-0.0e0)', '(-0.0::float8)'],
  [1e300, '(1e+300)', '(1e+300)', '(1e+300::float8)'],
  [true, 'TRUE', 'TRUE', 'TRUE'],
  [undefined, 'NULL', 'NULL', 'NULL'],
  [null, 'NULL', 'NULL', 'NULL'],
  ['', "''", "''", "''"],
  ['Mei; -- x', "'Mei; -- x'", "'Mei; -- x'", "'Mei; -- x'"],
  [textToBytes('月轮 🎮'), ...alike(textToBytes("'月轮 🎮'"))],
  [
    "it's",
    "CAST(X'69742773' AS TEXT)",
    "_utf8mb4 X'69742773'",
    "convert_from(decode('69742773','hex'),'UTF8')",
  ],
  ['\\', "CAST(X'5c' AS TEXT)", "_utf8mb4 X'5c'", "convert_from(decode('5c','hex'),'UTF8')"],
  ['\n', "CAST(X'0a' AS TEXT)", "_utf8mb4 X'0a'", "convert_from(decode('0a','hex'),'UTF8')"],
  [new SqlBlob('\0\xff'), "X'00ff'", "_binary X'00ff'", "decode('00ff','hex')"],
])('%o is written as %s | %s | %s', (v, sqlite, mysql, postgres) => {
  expect(dialects.map((dialect) => value(dialect, v))).toEqual([sqlite, mysql, postgres])
})

test.each([
  [Number.NaN, 'parameter 1 is NaN'],
  [Number.POSITIVE_INFINITY, 'parameter 1 is infinite'],
  [new LuaFloat(Number.NEGATIVE_INFINITY), 'parameter 1 is infinite'],
  [2n ** 63n, 'parameter 1 is an integer of more than 64 bits'],
  ['\xff', 'parameter 1 is not valid UTF-8'],
  ['\xed\xa0\x80', 'parameter 1 is not valid UTF-8'],
  [{}, 'parameter 1 is a value of type object: only numbers, text, booleans and nil fit'],
  [() => 1, 'parameter 1 is a value of type function'],
])('%o is refused: %s', (v, words) => {
  for (const dialect of dialects) expect(() => value(dialect, v)).toThrow(words)
})

test('the index in an error is that of the parameter, and the caller names the value', () => {
  const statement = compileStatement('UPDATE t SET a = ?, b = ?, c = ?', 'sqlite')
  expect(() => statement.render([1, {}, 3], () => 'a table')).toThrow(
    'parameter 2 is a table: only',
  )
})

test('PostgreSQL refuses NUL in text, the others keep it', () => {
  expect(() => value('postgres', 'a\0b')).toThrow('parameter 1 has a NUL')
  expect(value('sqlite', 'a\0b')).toBe("CAST(X'610062' AS TEXT)")
  expect(value('postgres', new SqlBlob('a\0b'))).toBe("decode('610062','hex')")
})

test('parameters are counted', () => {
  const text = 'INSERT INTO t VALUES(?, ?)'
  expect(() => render('sqlite', text, 1)).toThrow(
    'too few parameters: the statement has 2 ?, 1 given',
  )
  expect(() => render('sqlite', text, 1, 2, 3)).toThrow('too many parameters')
  expect(render('sqlite', 'DELETE FROM t')).toBe('DELETE FROM t;\n')
})

describe('texts', () => {
  test.each([
    ['  insert into t values(?)  ;  ', 'insert into t values((1));\n'],
    ['UPDATE t\n\tSET a = ?\r\n', 'UPDATE t SET a = (1);\n'],
    ["UPDATE t SET a = '?;--/*#$:x@y', b = ?", "UPDATE t SET a = '?;--/*#$:x@y', b = (1);\n"],
    ["UPDATE t SET a = 'it''s ?', b = ?", "UPDATE t SET a = 'it''s ?', b = (1);\n"],
    ['UPDATE "t?" SET `b?` = ?', 'UPDATE "t?" SET `b?` = (1);\n'],
    ['UPDATE t SET a = a-?', 'UPDATE t SET a = a-(1);\n'],
    ['UPDATE t SET a = a - - ?', 'UPDATE t SET a = a - - (1);\n'],
    ['UPDATE 角色 SET 金币à = ?', 'UPDATE 角色 SET 金币à = (1);\n'],
    ['DELETE FROM t WHERE a = ? -- b'.slice(0, -5), 'DELETE FROM t WHERE a = (1);\n'],
    ['REPLACE INTO t VALUES(?)', 'REPLACE INTO t VALUES((1));\n'],
  ])('%j becomes %j', (sql, rendered) => {
    expect(render('sqlite', sql, 1)).toBe(textToBytes(rendered))
  })

  test.each([
    ['DROP TABLE t', 'only INSERT, UPDATE, DELETE and REPLACE may be written, not DROP'],
    ['SELECT 1', 'not SELECT'],
    ['BEGIN', 'not BEGIN'],
    ['SET autocommit = 0', 'not SET'],
    ['INSERTED INTO t VALUES(1)', 'not INSERTED'],
    ['', 'not this'],
    ['/* x */ DELETE FROM t', 'not this'],
    ['DELETE FROM t; DROP TABLE t', 'a second statement (;) is not allowed here'],
    ['DELETE FROM t;;', 'a second statement'],
    ['DELETE FROM t -- all', 'a comment (--)'],
    ['UPDATE t SET a = 5--1', 'a comment (--)'],
    ['DELETE /*!50000 x */ FROM t', 'a comment (/*)'],
    ['DELETE FROM t # all', 'a comment (#)'],
    ["UPDATE t SET a = 'x", "a ' that does not end"],
    ["UPDATE t SET a = 'a\\'", 'a backslash in quotes'],
    ['UPDATE t SET a = \\g', 'a backslash'],
    ["UPDATE t SET a = 'a\nb'", 'a control character in quotes'],
    ['UPDATE t SET a = \u0001', 'a control character'],
    ['UPDATE t SET a = $1', 'a $'],
    ['UPDATE t SET a = $$x$$', 'a $'],
    ['UPDATE t SET a = :name', 'a variable (:name)'],
    ['UPDATE t SET a = @name', 'a variable (@name)'],
    ['UPDATE t SET a = ?1', 'a numbered parameter'],
  ])('%j is refused: %s', (sql, words) => {
    for (const dialect of ['sqlite', 'mysql'] as const) {
      expect(() => compileStatement(textToBytes(sql), dialect)).toThrow(words)
    }
  })

  test('what only one dialect has', () => {
    expect(render('postgres', 'UPDATE t SET a = ?::jsonb #- b', 1)).toBe(
      'UPDATE t SET a = (1)::jsonb #- b;\n',
    )
    expect(() => render('sqlite', 'UPDATE t SET a = ?::jsonb', 1)).toThrow('a cast (::)')
    expect(() => render('postgres', 'REPLACE INTO t VALUES(1)')).toThrow('ON CONFLICT')
    expect(render('sqlite', 'UPDATE [t ? ;] SET a = ?', 1)).toBe('UPDATE [t ? ;] SET a = (1);\n')
  })

  test('bytes that are not UTF-8 are refused', () => {
    expect(() => compileStatement("DELETE FROM t WHERE a = '\xff'", 'sqlite')).toThrow('UTF-8')
  })
})

test('a statement of spoolTransactionBytesMax passes, one byte more does not', () => {
  const statement = compileStatement('DELETE FROM t WHERE a = ?', 'sqlite')
  const frame = statement.render(['']).length
  const most = 'x'.repeat(limits.spoolTransactionBytesMax - frame)
  expect(statement.render([most])).toHaveLength(limits.spoolTransactionBytesMax)
  expect(() => statement.render([`${most}x`])).toThrow('too long')
  expect(() => statement.render(['x'.repeat(2 ** 21)])).toThrow('too long')
})

test('the cache gives the same statement for the same text, and is bounded', () => {
  const cache = new StatementCache('sqlite')
  const first = cache.get('DELETE FROM t')
  expect(cache.get('DELETE FROM t')).toBe(first)
  for (let i = 0; i < limits.sqlStatementsCachedMax; i++) cache.get(`DELETE FROM t WHERE a = ${i}`)
  expect(cache.get('DELETE FROM t')).not.toBe(first)
})
