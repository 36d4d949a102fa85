// The list of reserved words against real databases: each is refused by one of them, none is missing.

import Database from 'better-sqlite3'
import { createConnection } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import type { ServerAddress } from '../../core/config/database-url.ts'
import { reservedWords } from '../../core/config/reserved-words.ts'
import { dialectsHere, dropDatabases, makeDatabase } from '../support/databases.ts'

const here = await dialectsHere()
afterAll(dropDatabases)

const plain = (words: readonly unknown[]): string[] =>
  words.map((word) => String(word).toLowerCase()).filter((word) => /^[a-z][a-z0-9_]*$/.test(word))

describe('reserved words', () => {
  it('are not words that a game wants and all databases take', () => {
    const database = new Database(':memory:')
    for (const word of [
      'at',
      'count',
      'gold',
      'name',
      'level',
      'owner',
      'data',
      'status',
      'type',
    ]) {
      expect(reservedWords.has(word)).toBe(false)
      database.exec(`CREATE TABLE ${word} (${word} INT); DROP TABLE ${word}`)
    }
  })

  it('of SQLite are in the list', () => {
    const database = new Database(':memory:')
    // What SQLite's grammar knows as a word: https://sqlite.org/lang_keywords.html
    const words = `abort action add after all alter always analyze and as asc attach autoincrement
      before begin between by cascade case cast check collate column commit conflict constraint
      create cross current current_date current_time current_timestamp database default deferrable
      deferred delete desc detach distinct do drop each else end escape except exclude exclusive
      exists explain fail filter first following for foreign from full generated glob group groups
      having if ignore immediate in index indexed initially inner insert instead intersect into is
      isnull join key last left like limit match materialized natural no not nothing notnull null
      nulls of offset on or order others outer over partition plan pragma preceding primary query
      raise range recursive references regexp reindex release rename replace restrict returning
      right rollback row rows savepoint select set table temp temporary then ties to transaction
      trigger unbounded union unique update using vacuum values view virtual when where window with
      without`
    const missing = words.split(/\s+/).filter((word) => {
      try {
        database.exec(`CREATE TABLE t (${word} INT); DROP TABLE t`)
        return false
      } catch {
        return !reservedWords.has(word)
      }
    })
    expect(missing).toEqual([])
  })

  it.runIf(here.includes('postgres'))('of PostgreSQL are in the list', async () => {
    const { dialect: _, ...where } = (await makeDatabase('postgres')).address as ServerAddress
    const client = new pg.Client(where)
    await client.connect()
    const { rows } = await client.query({
      text: "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')",
      rowMode: 'array',
    })
    await client.end()
    const words = plain(rows.flat())
    expect(words.length).toBeGreaterThan(90)
    expect(words.filter((word) => !reservedWords.has(word))).toEqual([])
  })

  it.runIf(here.includes('mysql'))('of MySQL or MariaDB are in the list', async () => {
    const { dialect: _, ...where } = (await makeDatabase('mysql')).address as ServerAddress
    const connection = await createConnection({ ...where, rowsAsArray: true })
    const [rows] = await connection.query('SELECT word FROM information_schema.keywords')
    const missing: string[] = []
    for (const word of plain((rows as unknown[][]).flat())) {
      if (reservedWords.has(word)) continue
      try {
        await connection.query(`CREATE TEMPORARY TABLE t (${word} INT)`)
        await connection.query('DROP TEMPORARY TABLE t')
      } catch {
        missing.push(word)
      }
    }
    await connection.end()
    expect(missing).toEqual([])
  })
})
