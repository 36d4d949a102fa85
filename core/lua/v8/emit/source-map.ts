// Source maps of compiled chunks, so that a debugger shows the Lua text. Pure; any thread.
//
// Generated code stands on the lines of its source, so the map is the same for all chunks but for its
// length: the start of each line is the start of that line. The format is that of ECMA-426: one group
// for each line, `;` between them; a segment is four numbers in base 64 VLQ, relative to those before:
// column, source, line, column of the source. `AAAA` is 0,0,0,0 and `AACA` 0,0,1,0.

/**
 * The comment for the end of a script. The source is named relative to the script, whose own name is
 * the path, so both are the same file to a debugger.
 * @param path chunk name as text @param source byte string in UTF-8
 */
export function sourceMapComment(path: string, source: string): string {
  const lines = source.split('\n').length
  const map = {
    version: 3,
    sources: [path.slice(path.lastIndexOf('/') + 1)],
    sourcesContent: [Buffer.from(source, 'latin1').toString('utf8')],
    names: [],
    mappings: `AAAA${';AACA'.repeat(lines - 1)}`,
  }
  const base64 = Buffer.from(JSON.stringify(map)).toString('base64')
  return `\n//# sourceMappingURL=data:application/json;base64,${base64}`
}
