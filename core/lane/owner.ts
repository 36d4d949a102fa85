// Which lane owns a uid, or an entity by its key: the same rule in the core and in every lane. Pure.

import { hashText } from '../base/hash.ts'

/** The lane of a uid or a key among `lanes`. */
export function ownerOf(text: string, lanes: number): number {
  return hashText(text) % lanes
}
