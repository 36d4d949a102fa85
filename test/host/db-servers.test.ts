// The whole host on each of the databases: what is written is read back, also by the next host.

import { afterAll, expect, it } from 'vitest'
import { dialectsHere, dropDatabases, makeDatabase } from '../support/databases.ts'
import { startHostProcess, stopAllHosts } from '../support/host-process.ts'
import { notesGame, writeNote } from '../support/notes-game.ts'
import { connectClient } from '../support/pomelo-client.ts'
import { removeTempGames } from '../support/temp-game.ts'

const here = await dialectsHere()

afterAll(async () => {
  await stopAllHosts()
  removeTempGames()
  await dropDatabases()
})

it.each(here)(
  'writes and reads on %s',
  async (dialect) => {
    const { url } = await makeDatabase(dialect)
    const root = notesGame({ config: `db = { url = ${JSON.stringify(url)} },` })
    for (const ids of [[1], [1, 2]]) {
      const host = await startHostProcess({ root, ownPorts: true })
      const client = await connectClient({
        transport: 'tcp',
        port: host.tcpPort,
        timeoutMs: 20_000,
      })
      expect(await writeNote(client, ids.length, "it's \\ 月")).toEqual({ code: 200 })
      expect(await client.request('pad.handler.ids', {})).toEqual({ code: 200, ids })
      await client.close()
      expect(await host.stop()).toMatchObject({ code: 0 })
      expect(host.log.filter(({ level }) => level >= 50)).toEqual([])
    }
  },
  120_000,
)
