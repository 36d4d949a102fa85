// Where a Lua error happened, in the game's own files: what a designer needs to read first.
//
// Lane thread; pure. An error that a function of the host raises (a wrong argument, a wait where
// nothing can wait) has the place of lua/lib or none at all; the first frame of the traceback that is
// the game's says where the game called it. A tail call (`return fail(...)`) leaves no frame: then the
// message stays without a place, and the log's `route` says which handler it was.

import type { LuaError, LuaKilled } from '../lua/engine.ts'

const placed = /^[^\s:]+\.lua:\d+: /
const hostPlaced = /^lua\/lib\/[^\s:]+:\d+: /
const frame = /^\s+(\S+\.lua:\d+): in /gm

/** The error's message, `file:line: ` of the game before it when it is known. */
export function placedMessage({ message, traceback }: LuaError | LuaKilled): string {
  if (placed.test(message) && !hostPlaced.test(message)) return message
  const words = message.replace(hostPlaced, '')
  for (const [, place] of traceback.matchAll(frame)) {
    if (place !== undefined && !place.startsWith('lua/lib/')) return `${place}: ${words}`
  }
  return words
}
