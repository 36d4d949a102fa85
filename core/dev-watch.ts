// The file watcher of development (`npm run dev`): what is saved is reloaded.
//
// Core thread. Watches the game's lua/ and config/ folders. Editors write a file in several steps, so
// a reload begins when nothing has changed for watchQuietMs; what changes during a reload is taken by
// the next one. Prints one line for each reload: what was swapped, or what is wrong with file:line.

import { join, relative } from 'node:path'
import { watch } from 'chokidar'
import { limits } from './base/limits.ts'
import type { ReloadControl, ReloadReport } from './lane/reload-control.ts'

/** Watches until `close` is called. @param say prints one line */
export async function watchGame(
  root: string,
  reload: ReloadControl,
  say: (line: string) => void,
): Promise<{ close(): Promise<void> }> {
  const watcher = watch(['lua', 'config'], {
    cwd: root,
    ignoreInitial: true,
    ignored: (path, stats) => stats?.isFile() === true && !path.endsWith('.lua'),
  })
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const changed = new Set<string>()
  const run = async (): Promise<void> => {
    const files = [...changed].map((file) => relative(root, join(root, file)))
    changed.clear()
    say(describe(files, await reload.reload('changed')))
  }
  watcher.on('all', (_event, file) => {
    changed.add(file)
    clearTimeout(timer)
    timer = setTimeout(() => {
      running = running.then(run)
    }, limits.watchQuietMs)
  })
  await new Promise<void>((resolve) => watcher.once('ready', () => resolve()))
  return {
    close: async () => {
      clearTimeout(timer)
      await watcher.close()
      await running
    },
  }
}

/** One line for a reload that followed a change of these files. */
export function describe(files: readonly string[], report: ReloadReport): string {
  if (!report.ok) return `reload failed, nothing has changed: ${report.problems.join('; ')}`
  const what = [
    ...report.services.map(({ name, version }) => `${name} v${version}`),
    ...report.tables.map((name) => `table ${name}`),
    ...report.settings,
  ]
  const warnings = report.warnings.map((text) => `; ${text}`).join('')
  if (what.length === 0) return `nothing to reload in ${files.join(', ')}${warnings}`
  return `reloaded ${what.join(', ')} in ${report.durationMs} ms${warnings}`
}
