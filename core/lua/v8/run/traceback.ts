// Where Lua code stands: positions and tracebacks in Lua terms. Any Lua thread.
//
// Generated code stands on the same lines as its Lua source and is named after it, so V8's own
// stack is the Lua stack once the frames of our runtime are left out. Parked frames of the running
// coroutine (coroutine.ts) follow below it. Reading a stack costs microseconds; it only happens on
// errors that need a position. A coroutine's stack ends where it was resumed: levels do not go beyond.

import { limits } from '../../../base/limits.ts'
import { bytesToText } from '../../bytes.ts'
import type { LuaFramePlace } from './frame.ts'
import { isStandIn, luaName } from './function-name.ts'
import { vm } from './state.ts'

/** A loaded chunk: its name as messages show it (bytes), and its source. */
export interface ChunkSource {
  readonly name: string
  /** As it was given to `load`: with `@` or `=`, or source text. */
  readonly given: string
  readonly source: string
  /** It comes from a dump without lines and names. */
  readonly isStripped?: boolean
  /** `load` made it: tracebacks know only the newest of these. */
  readonly isPassing?: boolean
}

/** The chunks of files and of the host, by the name of their scripts (text). */
const lastingChunks = new Map<string, ChunkSource>()
/** Those that `load` made, the newest last: services may load texts without end. */
const passingChunks = new Map<string, ChunkSource>()

/** Makes the frames of a chunk known; a name loaded again replaces the old. */
export function registerChunk(chunk: ChunkSource): void {
  const name = bytesToText(chunk.name)
  passingChunks.delete(name)
  if (chunk.isPassing !== true) {
    lastingChunks.set(name, chunk)
    return
  }
  passingChunks.set(name, chunk)
  if (passingChunks.size <= limits.luaPassingChunksMax) return
  for (const oldest of passingChunks.keys()) {
    passingChunks.delete(oldest)
    return
  }
}

/** The chunk whose scripts have this name; undefined also for one of very many that `load` made. */
export function chunkOf(scriptName: string): ChunkSource | undefined {
  return passingChunks.get(scriptName) ?? lastingChunks.get(scriptName)
}

/** Functions of the runtime that count as a level of their own: a position never looks past them. */
const boundaryNames = new Map([
  ['luaPcall', 'pcall'],
  ['luaXpcall', 'xpcall'],
  // A library function that calls back: a comparator's caller is `sort`.
  ['callSync', '?'],
  ['callSync2', '?'],
])

/** Functions of the runtime that call a closing method: what stands right above them is one. */
const closers = new Set(['closeDown', 'closeAfterError'])

/** The library function whose event a debug hook is told (hooks.ts): a level of its own. */
export const hookedBuiltin = { name: '' }

const framesMax = 200
const framesNear = 6

function callSites(limit = framesMax): NodeJS.CallSite[] {
  const { stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = limit
    Error.captureStackTrace(holder, callSites)
    return sitesOf(holder)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** Are there more than so many frames of JavaScript on the stack? */
export function isDeeperThan(frames: number): boolean {
  return callSites(frames).length >= frames
}

/** V8 formats a stack when it is first asked for; here it is asked for its call sites. */
function sitesOf(error: { stack?: unknown }): NodeJS.CallSite[] {
  const { prepareStackTrace } = Error
  try {
    Error.prepareStackTrace = (_, sites) => sites
    const { stack } = error
    return Array.isArray(stack) ? stack : []
  } finally {
    Error.prepareStackTrace = prepareStackTrace
  }
}

/** The active Lua functions, innermost first; a boundary counts as a frame without a line. */
export function luaFrames(_limit = framesMax): LuaFramePlace[] {
  const frames = framesOf(callSites())
  for (let frame = vm.current.top; frame !== undefined; frame = frame.next) {
    const place = frame.place()
    if (place !== undefined) frames.push(place)
  }
  return frames
}

/** Is it `resume` of coroutine.ts? Those of frames and engines are methods. */
function isDriver(name: string, site: NodeJS.CallSite): boolean {
  return name === 'resume' && site.isToplevel()
}

function framesOf(sites: readonly NodeJS.CallSite[]): LuaFramePlace[] {
  const frames: LuaFramePlace[] = []
  let isStarting = false
  for (const site of sites) {
    const chunk = chunkOf(site.getFileName() ?? '')
    const name = site.getFunctionName() ?? ''
    if (chunk === undefined && isDriver(name, site)) break
    // The generator back end: the function itself only starts the generator that is its body, which
    // has no name.
    if (chunk === undefined) isStarting = name === 'generate'
    else if (isStarting) {
      isStarting = false
      const body = frames.at(-1)
      if (body !== undefined) frames[frames.length - 1] = { ...body, name: luaName(name) }
      continue
    }
    const line = chunk?.isStripped === true ? -1 : (site.getLineNumber() ?? 0)
    if (chunk !== undefined && isStandIn(name)) continue
    if (chunk !== undefined) frames.push({ chunk: chunk.name, line, name: luaName(name) })
    else {
      const boundary = boundaryNames.get(name)
      if (boundary !== undefined) frames.push({ chunk: '', line: 0, name: boundary })
      if (name === 'fireForBuiltin') frames.push({ chunk: '', line: 0, name: hookedBuiltin.name })
      const inner = frames.at(-1)
      if (closers.has(name) && inner?.name === 'anonymous') {
        frames[frames.length - 1] = { ...inner, name: '__close' }
      }
    }
  }
  return frames
}

/** `chunk:line: ` of the Lua function at `level` (1: the innermost); empty when there is none. */
export function positionOf(level: number): string {
  // Nearly always a few frames are enough, and each one costs time.
  const near = framesOf(callSites(framesNear))
  const frame = level <= near.length ? near[level - 1] : luaFrames()[level - 1]
  return frame === undefined || frame.line <= 0 ? '' : `${frame.chunk}:${frame.line}: `
}

/** The position of the innermost Lua function where a JavaScript error was made. */
export function positionOfError(error: Error): string {
  for (const site of sitesOf(error)) {
    const chunk = chunkOf(site.getFileName() ?? '')
    if (chunk !== undefined) return `${chunk.name}:${site.getLineNumber() ?? 0}: `
  }
  return ''
}

/** The traceback as `lua` prints it, from `level` on. */
export function traceback(level: number): string {
  const lines = ['stack traceback:']
  for (const frame of luaFrames().slice(level - 1)) {
    if (frame.line === 0) continue
    lines.push(`\t${frame.chunk}:${frame.line}: in ${described(frame.name)}`)
  }
  return lines.join('\n')
}

function described(name: string): string {
  if (name === 'main') return 'main chunk'
  const metamethod = /^__([a-z]+)$/.exec(name)
  return metamethod === null ? `function '${name}'` : `metamethod '${metamethod[1]}'`
}

/**
 * Does the innermost Lua function call `name` as a method where it stands? Judged by the line's
 * text, because generated code does not keep how a function was called; only messages depend on it.
 */
export function calledAsMethod(name: string): boolean {
  const frame = luaFrames()[0]
  if (frame === undefined || frame.line === 0) return false
  const chunk = chunkOf(bytesToText(frame.chunk))
  if (chunk === undefined) return false
  const line = chunk.source.split(/\r\n|\n|\r/, frame.line)[frame.line - 1] ?? ''
  return new RegExp(`:\\s*${name}\\b`).test(line) && !new RegExp(`\\.\\s*${name}\\b`).test(line)
}
