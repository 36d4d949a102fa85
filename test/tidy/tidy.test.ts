// House style, as far as a machine can see it: import order, no cycles, file headers, line length.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Rooms of core/, lowest first; a room may import from its own tier and from those above it in this
 * list. config evaluates Lua, so it stands above lua.
 */
const tiers: readonly (readonly string[])[] = [
  ['base'],
  ['thread'],
  ['timer', 'lua', 'pool'],
  ['config'],
  ['spool'],
  ['gate', 'lane', 'store', 'rpc', 'drain', 'world'],
  ['cluster', 'admin'],
  ['host'],
  ['main'],
]
/** The rooms of the compiling engine, likewise; '' is what stands above them. */
const engineTiers: readonly (readonly string[])[] = [
  ['run'],
  ['syntax'],
  ['emit'],
  ['lib', 'reload'],
  [''],
]
/** Rooms of one tier that may not know each other; the rest of a tier neither, but as said here. */
const allowedAside = new Set(['timer>lua', 'cluster>admin', 'admin>cluster'])

interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((path) => ending.test(path))
}

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const imports = [...text.matchAll(/^(?:import|export)[^'"]*?from '(\.[^']+)'/gms)].map((match) =>
    relative(root, join(root, dirname(path), match[1] as string)),
  )
  return { path, text, imports }
}

function roomOf(path: string): string {
  const [, room] = path.split('/')
  return room?.endsWith('.ts') ? 'main' : (room ?? '')
}

function importProblems(files: readonly SourceFile[]): string[] {
  const tierOf = new Map(tiers.flatMap((rooms, tier) => rooms.map((room) => [room, tier] as const)))
  return files.flatMap((file) =>
    file.imports.flatMap((target) => {
      if (!target.startsWith('core/')) return [`${file.path} imports ${target}, outside core/`]
      const from = roomOf(file.path)
      const to = roomOf(target)
      const [a, b] = [tierOf.get(from), tierOf.get(to)]
      if (a === undefined) return [`${file.path} is in no room of the list`]
      if (b === undefined) return [`${target} is in no room of the list`]
      const fine = from === to || a > b || (a === b && allowedAside.has(`${from}>${to}`))
      return fine ? [] : [`${file.path} imports ${target}: ${from} may not know ${to}`]
    }),
  )
}

const engineFolder = 'core/lua/v8/'

function engineProblems(files: readonly SourceFile[]): string[] {
  const roomIn = (path: string) => dirname(path.slice(engineFolder.length)).replace(/^\.$/, '')
  const tierOf = (path: string) => engineTiers.findIndex((rooms) => rooms.includes(roomIn(path)))
  const inEngine = (path: string) => path.startsWith(engineFolder)
  return files
    .filter(({ path }) => inEngine(path))
    .flatMap(({ path, imports }) => {
      if (tierOf(path) < 0) return [`${path} is in no room of the engine`]
      return imports
        .filter(inEngine)
        .filter((to) => roomIn(to) !== roomIn(path) && tierOf(to) >= tierOf(path))
        .map((to) => `${path} imports ${to}: ${roomIn(path)} may not know ${roomIn(to)}`)
    })
}

function cycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, file.imports]))
  const found: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' > '))
      return
    }
    state.set(path, 'open')
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}

function headerProblems(file: SourceFile): string[] {
  const lines = file.text.replace(/^#!.*\n/, '').split('\n')
  const comment = file.path.endsWith('.lua') ? '--' : '//'
  const length = lines.findIndex((line) => !line.startsWith(comment))
  // A file of types or of one small function says it in one line.
  const least = file.path.startsWith('core/') && lines.length > 60 ? 3 : 1
  return length >= least ? [] : [`${file.path}: a header of ${length} lines, expected ${least}`]
}

const core = filesBelow('core', /\.ts$/)
  .filter((path) => !path.endsWith('.d.ts'))
  .map(read)
const code = ['core', 'tools', 'bench', 'test', 'lua', 'config'].flatMap((folder) =>
  filesBelow(folder, /\.(ts|lua)$/)
    .filter((path) => !/\.d\.(ts|lua)$/.test(path))
    .map(read),
)

describe('tidy', () => {
  it('sees the files', () => {
    expect(core.length).toBeGreaterThan(40)
    expect(core.flatMap((file) => file.imports).length).toBeGreaterThan(100)
  })

  it('imports point down the list of rooms', () => {
    expect(importProblems(core)).toEqual([])
  })

  it("imports point down the list of the engine's rooms", () => {
    expect(core.filter(({ path }) => path.startsWith(engineFolder)).length).toBeGreaterThan(60)
    expect(engineProblems(core)).toEqual([])
    const up = { path: `${engineFolder}run/x.ts`, text: '', imports: [`${engineFolder}emit/y.ts`] }
    expect(engineProblems([up])).toHaveLength(1)
  })

  it('canary: an upward import is seen, and so is a cycle', () => {
    const up = { path: 'core/base/x.ts', text: '', imports: ['core/gate/gate.ts'] }
    expect(importProblems([up])).toHaveLength(1)
    const there = { path: 'core/base/a.ts', text: '', imports: ['core/base/b.ts'] }
    const back = { path: 'core/base/b.ts', text: '', imports: ['core/base/a.ts'] }
    expect(cycles([there, back])).toHaveLength(1)
  })

  it('no file imports itself by way of others', () => {
    expect(cycles(core)).toEqual([])
  })

  it('every file says at its top what it is', () => {
    const files = code.filter((file) => !file.path.startsWith('test/fixtures/'))
    expect(files.flatMap(headerProblems)).toEqual([])
  })

  it('no comment is wider than 105 columns (the formatter keeps code at 100)', () => {
    const long = code.flatMap((file) =>
      file.text.split('\n').flatMap((line, i) => {
        const isLong = [...line].length > 105 && /^\s*(\/\/|\*|--)/.test(line)
        return isLong ? [`${file.path}:${i + 1}`] : []
      }),
    )
    expect(long).toEqual([])
  })

  it('what the documents and comments point to exists', () => {
    const documents = ['README.md', 'CHANGELOG.md', ...filesBelow('docs', /\.md$/)].map(read)
    const points = /`((?:test|core|bench|tools|lua\/lib|lua\/meta|docs)\/[\w./-]+)[`:]/g
    const missing = documents.flatMap(({ path, text }) =>
      [...text.matchAll(points)]
        .map(([, to]) => (to as string).replace(/\/$/, ''))
        .filter((to) => !existsSync(to))
        .map((to) => `${path}: ${to}`),
    )
    expect(missing).toEqual([])
  })

  it('core throws no bare Error', () => {
    const bare = core.filter((file) => /throw new (Error|TypeError)\(/.test(file.text))
    expect(bare.map((file) => file.path)).toEqual([])
  })
})
