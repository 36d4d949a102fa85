// The texts that `load` was given of late, and what they were compiled to. One for each engine; lanes.
//
// Game data holds formulas ("atk * 2 - def") that services load again and again. A compiled chunk makes
// as many functions as are wanted, each with an environment of its own, so equal texts of the same
// name share one: that takes a microsecond instead of a hundred. What was used longest ago goes first.

import { limits } from '../../base/limits.ts'
import type { ChunkMaker } from './compile.ts'

export class RecentChunks {
  /** In order of use. */
  private readonly makers = new Map<string, ChunkMaker>()
  private characters = 0

  /** What was compiled from this text, or `compile` now. @throws what `compile` throws */
  get(source: string, given: string, compile: () => ChunkMaker): ChunkMaker {
    // The length keeps apart what a separator could not: either text may hold any byte.
    const key = `${given.length}:${given}${source}`
    const known = this.makers.get(key)
    if (known !== undefined) {
      this.makers.delete(key)
      this.makers.set(key, known)
      return known
    }
    const maker = compile()
    if (key.length > limits.luaRecentChunkCharactersMax) return maker
    this.makers.set(key, maker)
    this.characters += key.length
    this.trim()
    return maker
  }

  private trim(): void {
    const { luaRecentChunksMax, luaRecentChunkCharactersMax } = limits
    for (const oldest of this.makers.keys()) {
      const isFull = this.makers.size > luaRecentChunksMax
      if (!isFull && this.characters <= luaRecentChunkCharactersMax) return
      this.makers.delete(oldest)
      this.characters -= oldest.length
    }
  }
}
