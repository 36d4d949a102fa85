// What a designer can get wrong with db.exec and db.query: each is told with its place in the log, the
// player gets an error, nothing of the handler is written, and the next handler works.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { type NotesReply, notesGame } from '../support/notes-game.ts'
import { connectClient, type PomeloClient } from '../support/pomelo-client.ts'
import { removeTempGames } from '../support/temp-game.ts'

/** The words after `db.exec(`, and what the log says of them. */
const mistakes: Readonly<Record<string, readonly [string, RegExp]>> = {
  NaN: ['"INSERT INTO note(id, words) VALUES (?, ?)", 0/0, "x"', /parameter 1 is NaN/],
  infinity: [
    '"INSERT INTO note(id, words) VALUES (?, ?)", math.huge, "x"',
    /parameter 1 is infinite/,
  ],
  'a table': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1, { 2 }',
    /parameter 2 is a table: only numbers, text/,
  ],
  'a function': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1, print',
    /parameter 2 is a function/,
  ],
  'too few values': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1',
    /too few parameters: the statement has 2 \?, 1 given/,
  ],
  'too many values': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1, "x", 2',
    /too many parameters/,
  ],
  'DROP TABLE': [
    '"DROP TABLE note"',
    /only INSERT, UPDATE, DELETE and REPLACE may be written, not DROP/,
  ],
  'a second statement': ['"DELETE FROM note; DROP TABLE note"', /a second statement/],
  'a comment': ['"DELETE FROM note -- all"', /a comment/],
  'invalid UTF-8': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1, "a\\xff"',
    /parameter 2 is not valid UTF-8; wrap .* db\.blob/,
  ],
  '2 MiB': [
    '"INSERT INTO note(id, words) VALUES (?, ?)", 1, string.rep("x", 2 * 1024 * 1024)',
    /bytes is too long: at most 1048576 fit/,
  ],
  'no text': ['42', /argument 1 must be the text of a statement/],
}

const names = Object.keys(mistakes)
const source = `local wrong = service "wrong"
${names
  .map(
    (name, i) => `function wrong.handler.m${i}(session, msg) -- ${name}
  db.exec("INSERT INTO note(id, words) VALUES (?, ?)", ${1000 + i}, "before it")
  db.exec(${mistakes[name]?.[0]})
  return { code = 200 }
end`,
  )
  .join('\n')}
function wrong.handler.query(session, msg)
  return { code = 200, rows = db.query("DELETE FROM note") }
end
return wrong
`

let host: HostProcess
let client: PomeloClient

beforeAll(async () => {
  host = await startHostProcess({
    root: notesGame({ services: { wrong: source } }),
    ownPorts: true,
  })
  client = await connectClient({ transport: 'tcp', port: host.tcpPort, timeoutMs: 20_000 })
}, 120_000)

afterAll(async () => {
  await client?.close()
  await stopAllHosts()
  removeTempGames()
})

describe('db.exec with', () => {
  it.each(names)('%s', async (name) => {
    const index = names.indexOf(name)
    const reply = await client.request(`wrong.handler.m${index}`, {})
    expect(reply).toMatchObject({ code: 500, message: 'internal error' })
    // Each handler has five lines behind the first of the file; the mistake is in its third.
    const place = `wrong.lua:${1 + 5 * index + 3}: db.exec: `
    const line = await host.waitLog(({ msg }) => msg.includes(place), `${name} at ${place}`)
    expect(line.msg).toMatch(mistakes[name]?.[1] as RegExp)
  })
})

it('a query that writes is refused where it is called', async () => {
  expect(await client.request('wrong.handler.query', {})).toMatchObject({ code: 500 })
  await host.waitLog(
    ({ msg }) => /wrong\.lua:\d+: db\.query: only SELECT may be asked, not DELETE/.test(msg),
    'what is wrong',
  )
})

it('nothing of all that was written, and the next handler writes', async () => {
  expect(await client.request('pad.handler.write', { id: 1, words: 'fine' })).toEqual({ code: 200 })
  const { ids } = (await client.request('pad.handler.ids', {})) as NotesReply
  expect(ids).toEqual([1])
  expect(await host.stop()).toMatchObject({ code: 0 })
})
