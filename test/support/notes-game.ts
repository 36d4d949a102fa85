// A game that keeps notes in its database: what tests of the data path ask a whole host.

import type { PomeloClient } from './pomelo-client.ts'
import { makeTempGame } from './temp-game.ts'

const padSource = `
local pad = service "pad"

function pad.handler.write(session, msg)
  db.exec("INSERT INTO note(id, words) VALUES (?, ?)", msg.id, msg.words)
  return { code = 200 }
end

function pad.handler.count(session, msg)
  return { code = 200, notes = db.one("SELECT COUNT(*) AS n FROM note").n }
end

function pad.handler.ids(session, msg)
  local ids = {}
  for i, row in ipairs(db.query("SELECT id FROM note ORDER BY id")) do ids[i] = row.id end
  return { code = 200, ids = json.array(ids) }
end

return pad
`

export interface NotesReply {
  readonly code: number
  readonly message?: string
  readonly notes?: number
  readonly ids?: number[]
}

export interface NotesOptions {
  /** From the game's folder, or absolute. */
  readonly spoolFolder?: string
  readonly tcpPort?: number
  /** Further sections of config/host.lua. */
  readonly config?: string
  /** Further services by name. */
  readonly services?: Readonly<Record<string, string>>
}

/** @returns the game's folder; removeTempGames removes it */
export function notesGame(options: NotesOptions = {}): string {
  const { spoolFolder = 'sql-spool', tcpPort = 0, config = '', services = {} } = options
  const routes = ['pad', ...Object.keys(services)].map((name) => `"${name}.*"`).join(', ')
  return makeTempGame(
    { pad: padSource, ...services },
    {
      'config/host.lua': `return {
  lanes = { count = 1 },
  listen = { tcp = ${tcpPort}, ws = false, http = false },
  gate = { public_routes = { ${routes} } },
  spool = { folder = ${JSON.stringify(spoolFolder)} },
  log = { level = "info", pretty = false },
  ${config}
}`,
      'config/schema/note.lua':
        'return db_table { key = "id", columns = { id = int, words = text } }',
    },
  )
}

export const writeNote = (client: PomeloClient, id: number, words: string) =>
  client.request('pad.handler.write', { id, words }) as Promise<NotesReply>
