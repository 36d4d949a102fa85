// What a reload must know of a module's text: functions by path, module-level locals, literals. Pure.
//
// A function's identity is its path: the names of the functions around it and its own, with an ordinal
// among equals (`buy`, `make/anonymous#2`). A module-level local's is its name with an ordinal. Any
// thread; nothing here runs code. `planPatch` rewrites the main function of a new text so that it
// does for a module that runs what reload asks for (module.ts), and nothing else:
//
//   local x = …           keeps its value; evaluated when it is new, when it is a changed literal that
//                         nothing reassigns, or when it is a `require`
//   function M.f, local function f       patched; defined when new
//   M.x = literal         assigned when the literal is new or has changed
//   all else              run behind these when the text before did not have it; so `return` answers
//                         again only when it returns something else than before

import type { Expression, FunctionNode, Local, Statement } from './ast.ts'
import { dottedName } from './function-names.ts'
import type { Chunk } from './parser.ts'

/** An upvalue as a function sees it; `key` when it is a module-level local. */
export interface UpvalueShape {
  readonly name: string
  readonly key: string | undefined
  readonly isCell: boolean
}

export interface FunctionShape {
  readonly path: string
  readonly upvalues: readonly UpvalueShape[]
}

interface LocalShape {
  /** Its literal's canonical text; undefined when its value is none, or is assigned to. */
  readonly literal: string | undefined
}

export interface ModuleShape {
  /** The number of the module among all of the thread; its texts share it. */
  readonly module: number
  /** By index of the function in the chunk; 0 is the main function. */
  readonly functions: readonly FunctionShape[]
  readonly locals: ReadonlyMap<string, LocalShape>
  /** Literals that are assigned to dotted names at module level. */
  readonly assigned: ReadonlyMap<string, string | undefined>
  /** The other statements of module level, each as `statementText` gives it; made when asked for. */
  readonly effects: () => ReadonlySet<string>
  /** It has no functions: its value is data. */
  readonly isData: boolean
}

/** Module-level locals by identity, in order; constants that compiling folds away are not among them. */
export function moduleLocals(chunk: Chunk): Map<Local, string> {
  const keys = new Map<Local, string>()
  const seen = new Map<string, number>()
  for (const s of chunk.main.body.statements) {
    const locals = s.kind === 'local' ? s.locals : s.kind === 'localfunction' ? [s.local] : []
    for (const local of locals) {
      if (local.constant === undefined) keys.set(local, numbered(seen, local.name))
    }
  }
  return keys
}

/** Sets the path of every function. */
export function setPaths(functions: readonly FunctionNode[]): void {
  const seen = new Map<FunctionNode, Map<string, number>>()
  for (const node of functions) {
    const { parent } = node
    if (parent === undefined || node.index === 0) continue
    const siblings = seen.get(parent) ?? new Map<string, number>()
    seen.set(parent, siblings)
    const own = numbered(siblings, node.name === '' ? 'anonymous' : node.name)
    node.path = parent.path === '' ? own : `${parent.path}/${own}`
  }
}

function numbered(seen: Map<string, number>, name: string): string {
  const n = (seen.get(name) ?? 0) + 1
  seen.set(name, n)
  return n === 1 ? name : `${name}#${n}`
}

/** The shape of a chunk as it was parsed, before `planPatch`; paths are set. */
export function shapeOfModule(
  chunk: Chunk,
  keys: ReadonlyMap<Local, string>,
  module: number,
): ModuleShape {
  const locals = new Map<string, LocalShape>()
  const others: Statement[] = []
  const assigned = new Map<string, string | undefined>()
  for (const s of chunk.main.body.statements) {
    if (s.kind === 'local') {
      s.locals.forEach((local, i) => {
        const key = keys.get(local)
        if (key === undefined) return
        const value = s.values.length === s.locals.length ? s.values[i] : undefined
        const literal = local.assigned || value === undefined ? undefined : literalText(value)
        locals.set(key, { literal })
      })
    } else if (s.kind === 'localfunction') {
      locals.set(keys.get(s.local) as string, { literal: undefined })
    } else {
      others.push(s)
      if (s.kind !== 'assign' || s.targets.length !== 1) continue
      const [target, value] = [s.targets[0], s.values[0]]
      if (target?.kind === 'index' && value !== undefined) {
        assigned.set(dottedName(target), literalText(value))
      }
    }
  }
  const functions = chunk.functions.map((node) => ({
    path: node.path,
    upvalues: [...node.upvalues].map((local) => ({
      name: local.name,
      key: keys.get(local),
      isCell: local.captured && local.assigned,
    })),
  }))
  let effects: ReadonlySet<string> | undefined
  return {
    module,
    functions,
    locals,
    assigned,
    effects: () => (effects ??= new Set(others.map(statementText))),
    isData: chunk.functions.length === 1,
  }
}

/**
 * One text for statements that do the same: their tree without lines, and without the bodies of
 * functions, which are patched by themselves.
 */
function statementText(s: Statement): string {
  return JSON.stringify(s, (key, value: unknown) => {
    if (key === 'line' || key === 'endLine') return undefined
    if (key === 'node') return 'function'
    if (key === 'local' || key === 'variable' || key === 'label') return nameOf(value)
    if (key === 'locals' || key === 'variables') return (value as unknown[]).map(nameOf)
    return typeof value === 'bigint' ? `${value}` : value
  })
}

function nameOf(value: unknown): string {
  return (value as { name: string }).name
}

/** One text for equal literals: constants, and table constructors of nothing else. */
function literalText(e: Expression): string | undefined {
  if (e.kind === 'paren') return literalText(e.inner)
  if (e.kind === 'constant') return constantText(e.value)
  if (e.kind !== 'table') return undefined
  const parts: string[] = []
  for (const item of e.items) {
    const value = literalText(item.value)
    const key = item.kind === 'item' ? '' : literalText(item.key)
    if (value === undefined || key === undefined) return undefined
    parts.push(`${key}=${value}`)
  }
  return `{${parts.join(',')}}`
}

function constantText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return `${typeof value}:${String(value)}`
  return `float:${String((value as { n: number }).n)}`
}

/**
 * Rewrites the module level of a new text for a module of the shape `old` that runs already.
 * @param fresh the new text's own shape
 */
export function planPatch(
  chunk: Chunk,
  keys: ReadonlyMap<Local, string>,
  fresh: ModuleShape,
  old: ModuleShape,
): void {
  const { body } = chunk.main
  const statements: Statement[] = []
  const effects: Statement[] = []
  for (const s of body.statements) {
    for (const each of patched(s, keys, fresh, old)) {
      const isEffect = each === s && s.kind !== 'local' && s.kind !== 'localfunction'
      ;(isEffect ? effects : statements).push(each)
    }
  }
  // What is run for its effect may call any function: all of them are the new ones by then.
  statements.push({ kind: 'ready', line: 0 }, ...effects)
  body.statements.splice(0, body.statements.length, ...statements)
}

function patched(
  s: Statement,
  keys: ReadonlyMap<Local, string>,
  fresh: ModuleShape,
  old: ModuleShape,
): Statement[] {
  const keyOf = (local: Local) => {
    const key = keys.get(local)
    return key !== undefined && old.locals.has(key) ? key : undefined
  }
  if (s.kind === 'localfunction') {
    const key = keyOf(s.local)
    return key === undefined ? [s] : [keep(s.local, key, s.line)]
  }
  if (s.kind === 'local') return patchedLocal(s, keyOf, fresh, old)
  const isEffect = s.kind !== 'assign' || s.targets.length !== 1 || s.values.length !== 1
  const target = isEffect ? undefined : s.targets[0]
  const value = isEffect ? undefined : s.values[0]
  if (value === undefined || target?.kind !== 'index') {
    return old.effects().has(statementText(s)) ? [] : [s]
  }
  if (value.kind === 'function') {
    return [{ kind: 'define', target, value, path: value.node.path, isNew: true, line: s.line }]
  }
  const name = dottedName(target)
  const literal = literalText(value)
  const isChanged = literal !== undefined && literal !== old.assigned.get(name)
  if (old.assigned.has(name) && !isChanged) return []
  return [{ kind: 'define', target, value, path: '', isNew: true, line: s.line }]
}

function patchedLocal(
  s: Extract<Statement, { kind: 'local' }>,
  keyOf: (local: Local) => string | undefined,
  fresh: ModuleShape,
  old: ModuleShape,
): Statement[] {
  const [only] = s.locals
  const [value] = s.values
  const isSingle = s.locals.length === 1 && s.values.length === 1
  if (isSingle && only !== undefined && value !== undefined) {
    const key = keyOf(only)
    if (key === undefined) return [s]
    if (!only.assigned && isRequire(value)) return [s]
    const now = fresh.locals.get(key)?.literal
    const before = old.locals.get(key)?.literal
    if (now === undefined || before === undefined || now === before)
      return [keep(only, key, s.line)]
    return value.kind === 'table' ? [{ ...keep(only, key, s.line), refill: value }] : [s]
  }
  const kept = s.locals.flatMap((local) => {
    const key = keyOf(local)
    return key === undefined ? [] : [keep(local, key, s.line)]
  })
  if (kept.length === s.locals.length) return kept
  return [s, ...kept.map((each) => ({ ...each, isDeclared: true }))]
}

type Keep = Extract<Statement, { kind: 'keep' }>

function keep(local: Local, key: string, line: number): Keep {
  return { kind: 'keep', local, key, refill: undefined, isDeclared: false, line }
}

function isRequire(e: Expression): boolean {
  if (e.kind !== 'call' || e.callee.kind !== 'index' || !e.callee.global) return false
  return e.callee.key.kind === 'constant' && e.callee.key.value === 'require'
}

/** Notes the definitions of functions at module level, so that a later text can take them away. */
export function markDefinitions(chunk: Chunk): void {
  const { statements } = chunk.main.body
  statements.forEach((s, i) => {
    if (s.kind !== 'assign' || s.targets.length !== 1 || s.values.length !== 1) return
    const [target, value] = [s.targets[0] as Expression, s.values[0] as Expression]
    if (target.kind !== 'index' || value.kind !== 'function') return
    const { path } = value.node
    statements[i] = { kind: 'define', target, value, path, isNew: false, line: s.line }
  })
}
