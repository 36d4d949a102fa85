// What every lane is started with: the game's files as the code book has them, and the host's own.
//
// Core thread, at the start of a lane and of its successors; `npm run check` starts a lane with the
// same. A file of the host's own that is missing is a broken installation and ends the start.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HostConfig } from '../config/types.ts'
import type { CodeBook } from '../lane/code-book.ts'
import type { LaneDatabase } from '../lane/lane-database.ts'
import type { CommonStart } from '../lane/lane-slot.ts'
import { libraryOrder, readLuaModule } from '../lane/lua-source.ts'

/** Where the host's own files are (lua/lib, the playground), whatever folder the game is in. */
export const installFolder = fileURLToPath(
  new URL(import.meta.url.includes('/dist/') ? '../../..' : '../..', import.meta.url),
)

/** What a lane is started with: the files as the book has them now. */
export function laneStart(
  config: HostConfig,
  book: CodeBook,
  database?: LaneDatabase,
): CommonStart {
  return {
    nodeName: config.node.name,
    clusterRole: config.cluster?.self.role ?? 'single',
    nodeId: config.node.id,
    engine: config.lua.engine,
    stringBytesMax: config.lua.stringBytesMax,
    settings: book.settings,
    services: book.services.map(({ name, lanes, module, version }) => ({
      name,
      lanes,
      module,
      version,
    })),
    modules: book.modules,
    library: libraryOrder.map((file) => readLuaModule(installFolder, join('lua/lib', file))),
    tables: book.tables,
    codes: book.codes,
    protos: config.protos,
    ...(database === undefined ? {} : { database }),
  }
}
