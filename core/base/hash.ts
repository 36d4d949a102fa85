// Hashes of short texts, for placing things: the same on every node and after every start. Any thread.

/** FNV-1a, 32 bits, over the text's UTF-16 units: spreads short decimal uids evenly modulo a few. */
export function hashText(text: string): number {
  let hash = 2166136261
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619)
  return hash >>> 0
}

/**
 * Mixes a hash until each bit depends on all, for places on a circle.
 * The finalizer of MurmurHash3 (Austin Appleby, public domain).
 */
export function mixHash(hash: number): number {
  let mixed = hash
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
