// Tables on the console and small statistics, for all benchmarks.

/** Prints rows under their titles, numbers to the right. */
export function printTable(titles: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
  console.info(line(titles))
  console.info(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const row of rows) console.info(line(row))
}

/** The value below which the fraction `q` of the samples lies; sorts them. */
export function quantile(samples: Float64Array, q: number): number {
  if (samples.length === 0) return Number.NaN
  samples.sort()
  return samples[Math.min(samples.length - 1, Math.floor(q * samples.length))] as number
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values), 0.5)
}

/** A small generator, so that every run and every engine gets the same load. */
export function seededRandom(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
