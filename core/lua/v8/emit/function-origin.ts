// Which text a function was made from: for string.dump and debug.getinfo of the interpreter. One thread.
//
// With the option `dumpable` every generated function carries a comment with the number of its chunk and
// its own (`identityMark`), so that any closure can be led back to its source; a comment costs nothing
// when the function runs. Chunks are never forgotten: services, which live long, do without.

import type { ChunkSource } from '../run/traceback.ts'
import type { LuaFn } from '../run/value.ts'
import type { FunctionNode } from '../syntax/ast.ts'
import type { FunctionText } from '../syntax/parser.ts'

/** A function in its chunk. */
export interface FunctionOrigin {
  readonly chunk: ChunkSource
  readonly node: FunctionNode
}

interface DumpableChunk {
  readonly source: ChunkSource
  readonly functions: readonly FunctionNode[]
}

const chunksByNumber: DumpableChunk[] = []

/** Takes a number for a chunk whose functions are about to be printed. */
export function numberChunk(source: ChunkSource, functions: readonly FunctionNode[]): number {
  return chunksByNumber.push({ source, functions }) - 1
}

/** What a generated function begins with. */
export function identityMark(chunk: number, index: number): string {
  return `/*lua ${chunk}.${index}*/`
}

/** Where a function comes from; undefined for those of the library and of chunks without marks. */
export function originOf(fn: LuaFn): FunctionOrigin | undefined {
  const mark = /\/\*lua (\d+)\.(\d+)\*\//.exec(String(fn))
  const chunk = chunksByNumber[Number(mark?.[1])]
  const node = chunk?.functions[Number(mark?.[2])]
  return chunk === undefined || node === undefined ? undefined : { chunk: chunk.source, node }
}

/** A function's text and what it finds outside of itself, so that it can be compiled alone. */
export function textOf({ chunk, node }: FunctionOrigin): FunctionText {
  // PUC's mark of a main function, too.
  const isMain = node.line === 0
  return {
    text: chunk.source.slice(node.start, node.end),
    isMain,
    isMethod: node.isMethod,
    line: node.line,
    bodyLine: node.bodyLine,
    name: node.name,
    upvalues: isMain && node.upvalues.size === 0 ? ['_ENV'] : [...node.upvalues].map((u) => u.name),
    constants: node.constants ?? new Map(),
  }
}
