// A game in a temporary folder: a copy of the test game whose files a test writes anew.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { testGame } from './host-process.ts'

export interface GameFolder {
  readonly root: string
  /** Writes a file; its path counts from the game's folder. */
  write(path: string, text: string): void
  remove(path: string): void
}

const folders: string[] = []

/** @param files to be added or replaced, by path */
export function gameFolder(files: Readonly<Record<string, string>> = {}): GameFolder {
  const root = mkdtempSync(join(tmpdir(), 'moon-game-'))
  folders.push(root)
  cpSync(testGame, root, { recursive: true })
  const game: GameFolder = {
    root,
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    },
    remove: (path) => rmSync(join(root, path)),
  }
  for (const [path, text] of Object.entries(files)) game.write(path, text)
  return game
}

/** Removes all of them. */
export function removeGameFolders(): void {
  for (const root of folders.splice(0)) rmSync(root, { recursive: true, force: true })
}
