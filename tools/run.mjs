// Runs one of our TypeScript mains: compiles the tree first when a source is newer than dist/.
// Used by every npm script, on the main thread of a fresh process. Plain JavaScript, because it is
// what exists before anything is compiled. A failed build prints the compiler's words and exits 2.
//
//   node tools/run.mjs core/main.ts [arguments of that main]

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sourceFolders = ['core', 'tools', 'bench']

function newestSourceMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) newest = Math.max(newest, newestSourceMs(path))
    else if (entry.name.endsWith('.ts')) newest = Math.max(newest, statSync(path).mtimeMs)
  }
  return newest
}

function buildIfStale() {
  const stamp = join(root, 'dist/.built')
  const builtMs = existsSync(stamp) ? statSync(stamp).mtimeMs : 0
  const folders = sourceFolders.map((name) => join(root, name)).filter((path) => existsSync(path))
  if (Math.max(...folders.map(newestSourceMs)) <= builtMs) return
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  if (!existsSync(compiler)) {
    console.error('moonwheel: dependencies are missing. Run `npm ci` first.')
    process.exit(2)
  }
  const built = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: root,
  })
  if (built.status !== 0) process.exit(2)
  writeFileSync(stamp, '')
}

const main = process.argv[2]
if (main === undefined) {
  console.error('usage: node tools/run.mjs <main.ts> [arguments]')
  process.exit(2)
}
buildIfStale()
const compiled = join(root, 'dist', main.replace(/\.ts$/, '.js'))
process.argv.splice(1, 2, compiled)
await import(pathToFileURL(compiled).href)
