// The address of the game's database, `db.url`: which dialect it speaks and where it is.
//
//   sqlite:data/game.db                       a file, from the root folder (or absolute)
//   mysql://user:password@host:3306/name      MySQL or MariaDB
//   postgres://user:password@host:5432/name   PostgreSQL
//
// Any thread; pure. A user or password with @, :, / or % in it is percent-encoded, as in any URL.
// `databaseUrlProblem` never shows the password.

import { isAbsolute, join } from 'node:path'
import { must } from '../base/assert.ts'
import type { Dialect } from '../base/dialect.ts'

export interface SqliteAddress {
  readonly dialect: 'sqlite'
  /** Absolute path. */
  readonly file: string
}

export interface ServerAddress {
  readonly dialect: 'mysql' | 'postgres'
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

export type DatabaseAddress = SqliteAddress | ServerAddress

const schemes: Readonly<Record<string, { dialect: 'mysql' | 'postgres'; port: number }>> = {
  'mysql:': { dialect: 'mysql', port: 3306 },
  'mariadb:': { dialect: 'mysql', port: 3306 },
  'postgres:': { dialect: 'postgres', port: 5432 },
  'postgresql:': { dialect: 'postgres', port: 5432 },
}
const sqlitePrefix = 'sqlite:'

/** What is wrong with an address; undefined when it is one. */
export function databaseUrlProblem(url: string): string | undefined {
  const expected = 'expected "sqlite:FILE", "mysql://USER@HOST/NAME" or "postgres://USER@HOST/NAME"'
  if (url.startsWith(sqlitePrefix)) {
    return url.length > sqlitePrefix.length ? undefined : `${expected}; the file is missing`
  }
  if (!URL.canParse(url)) return expected
  const parsed = new URL(url)
  if (schemes[parsed.protocol] === undefined) return `${expected}, got "${parsed.protocol}..."`
  if (parsed.hostname === '') return `${expected}; the host is missing`
  if (parsed.username === '') return `${expected}; the user is missing`
  if (!/^\/[A-Za-z_][\w-]{0,62}$/.test(parsed.pathname)) {
    return `${expected}; the name of the database is missing, or is not letters, digits, _ and -`
  }
  if (parsed.search !== '' || parsed.hash !== '') return `${expected}, and nothing after the name`
  try {
    decodeURIComponent(parsed.username)
    decodeURIComponent(parsed.password)
  } catch {
    return `${expected}; write % in a user or password as %25`
  }
  return undefined
}

/**
 * Takes a checked address apart.
 * @param root the folder that a SQLite file is relative to
 */
export function databaseAddress(url: string, root: string): DatabaseAddress {
  if (url.startsWith(sqlitePrefix)) {
    const file = url.slice(sqlitePrefix.length)
    return { dialect: 'sqlite', file: isAbsolute(file) ? file : join(root, file) }
  }
  const parsed = new URL(url)
  const { dialect, port } = must(schemes[parsed.protocol], 'the scheme of a checked db.url')
  return {
    dialect,
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? port : Number(parsed.port),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    database: parsed.pathname.slice(1),
  }
}

/** The dialect of a checked address: what the spool is written in. */
export function dialectOf(url: string): Dialect {
  return databaseAddress(url, '/').dialect
}

/** The address as people may see it: without the password. */
export function shownUrl(url: string): string {
  if (url.startsWith(sqlitePrefix)) return url
  const parsed = new URL(url)
  if (parsed.password !== '') parsed.password = '***'
  return parsed.toString()
}
