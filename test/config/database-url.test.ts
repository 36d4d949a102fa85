// db.url: what is an address, what is taken from it, what is refused and in which words.

import { describe, expect, it } from 'vitest'
import { databaseAddress, databaseUrlProblem, shownUrl } from '../../core/config/database-url.ts'

const root = '/game'

describe('an address', () => {
  it('of SQLite is a file, from the root folder or absolute', () => {
    expect(databaseAddress('sqlite:data/game.db', root)).toEqual({
      dialect: 'sqlite',
      file: '/game/data/game.db',
    })
    expect(databaseAddress('sqlite:/var/game.db', root)).toMatchObject({ file: '/var/game.db' })
  })

  it('of a server has host, port, user, password and database', () => {
    expect(databaseAddress('mysql://root@127.0.0.1/game', root)).toEqual({
      dialect: 'mysql',
      host: '127.0.0.1',
      port: 3306,
      user: 'root',
      password: '',
      database: 'game',
    })
    expect(databaseAddress('postgresql://a%40b:p%3Aw@[::1]:77/g-1', root)).toEqual({
      dialect: 'postgres',
      host: '::1',
      port: 77,
      user: 'a@b',
      password: 'p:w',
      database: 'g-1',
    })
    expect(databaseAddress('mariadb://u@h/g', root)).toMatchObject({ dialect: 'mysql' })
  })

  it.each([
    ['sqlite:', 'the file is missing'],
    ['game.db', 'expected "sqlite:FILE"'],
    ['oracle://u@h/g', 'got "oracle:..."'],
    ['mysql://127.0.0.1/game', 'the user is missing'],
    ['mysql://u@h/', 'the name of the database is missing'],
    ['mysql://u@h/a/b', 'the name of the database is missing'],
    ['postgres://u@h/g?ssl=1', 'nothing after the name'],
    ['postgres://u:50%@h/g', 'as %25'],
  ])('%s is refused', (url, words) => {
    expect(databaseUrlProblem(url)).toContain(words)
  })

  it('is fine', () => {
    for (const url of ['sqlite:a', 'mysql://u:p@h:1/g', 'postgres://u@h/g', 'mariadb://u@h/g']) {
      expect(databaseUrlProblem(url)).toBeUndefined()
    }
  })

  it('is shown without its password', () => {
    expect(shownUrl('mysql://u:secret@h/g')).toBe('mysql://u:***@h/g')
    expect(shownUrl('sqlite:data/x.db')).toBe('sqlite:data/x.db')
  })
})
