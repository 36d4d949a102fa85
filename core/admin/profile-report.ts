// What a .cpuprofile says in short: the functions in which the samples fell. Any thread; pure.
//
// Nodes of V8's call tree that are the same function at the same place are one, whoever called it;
// Lua functions have their Lua names.

import { luaName } from '../lua/v8/run/function-name.ts'
import type { ProfiledFunction } from './admin-host.ts'

const topCount = 12

/** The part of V8's profile format that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      /** From 0. */
      readonly lineNumber: number
    }
  }[]
  /** Microseconds. */
  readonly startTime: number
  readonly endTime: number
  /** The node of each sample. */
  readonly samples?: readonly number[]
}

/** The functions with the most samples of their own, and how many samples there are. */
export function summarizeProfile(profile: CpuProfile): {
  samples: number
  durationMs: number
  top: ProfiledFunction[]
} {
  const samples = profile.samples ?? []
  const counts = new Map<number, number>()
  for (const id of samples) counts.set(id, (counts.get(id) ?? 0) + 1)
  const byFunction = new Map<string, { name: string; place: string; count: number }>()
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame
    const name = shownName(functionName, url)
    const place = url === '' ? '' : `${url.replace(/^file:\/\/.*\/dist\//, '')}:${lineNumber + 1}`
    const key = `${name} ${place}`
    const entry = byFunction.get(key) ?? { name, place, count: 0 }
    entry.count += counts.get(id) ?? 0
    byFunction.set(key, entry)
  }
  const top = [...byFunction.values()]
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, topCount)
    .map(({ name, place, count }) => ({
      name,
      place,
      percent: Math.round((1000 * count) / samples.length) / 10,
    }))
  return {
    samples: samples.length,
    durationMs: (profile.endTime - profile.startTime) / 1000,
    top,
  }
}

/**
 * The Lua name of the compiling engine's functions: so one and what stands for it until its first call
 * are one.
 */
function shownName(functionName: string, url: string): string {
  if (functionName === '') return '(no name)'
  return url.endsWith('.lua') ? luaName(functionName) : functionName
}
