// Text for people at a terminal: tables in columns, bytes and times in round units.
//
// Any thread; pure. What a command answers under `--json` does not pass here.

/** Cells of one row; numbers stand at the right of their column. */
export type Row = readonly (string | number)[]

/** Columns under their names, two spaces apart; no rows make one line that says so. */
export function textTable(names: readonly string[], rows: readonly Row[]): string {
  if (rows.length === 0) return '(none)'
  const widths = names.map((name, column) =>
    rows.reduce((width, row) => Math.max(width, String(row[column] ?? '').length), name.length),
  )
  const line = (cells: Row, isRight: (column: number) => boolean): string =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return isRight(column) ? String(cell).padStart(width) : String(cell).padEnd(width)
      })
      .join('  ')
      .trimEnd()
  const isNumber = (column: number): boolean => typeof rows[0]?.[column] === 'number'
  const isAmount = (column: number): boolean =>
    isNumber(column) ||
    rows.every((row) => /^[\d.]+ ?(B|KiB|MiB|GiB|us|ms|s|%)$/.test(String(row[column])))
  const right = names.map((_, column) => isAmount(column))
  const at = (column: number): boolean => right[column] === true
  return [line(names, at), ...rows.map((row) => line(row, at))].join('\n')
}

/** Names and values, one a line. */
export function textPairs(pairs: readonly (readonly [string, string | number])[]): string {
  const width = pairs.reduce((most, [name]) => Math.max(most, name.length), 0)
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`
}

export function showUs(us: number): string {
  if (us < 1000) return `${Math.round(us)} us`
  return us < 1_000_000 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`
}

/** 93784 -> 1d 2h 3m 4s */
export function showSeconds(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

/** Codes and how often: `404: 3, 500: 1`; `-` for none. Code 0 stands for all others. */
export function showErrors(errors: Readonly<Record<string, number>>): string {
  const shown = Object.entries(errors).map(
    ([code, count]) => `${code === '0' ? 'others' : code}: ${count}`,
  )
  return shown.length === 0 ? '-' : shown.join(', ')
}
