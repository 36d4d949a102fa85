// What the server's process costs, read from /proc on Linux: CPU time and resident memory.
//
// Load client only. CPU comes in clock ticks (10 ms), which is fine over seconds. Elsewhere than on
// Linux, or when the process is gone, there is no figure, and the report says so.

import { readFileSync } from 'node:fs'

/** Linux reports CPU time in ticks of 1/100 s to user space on every architecture that Node runs on. */
const ticksPerSecond = 100

export interface ProcessUse {
  readonly cpuMs: number
  readonly rssBytes: number
}

/** The process's use so far, or undefined when it cannot be read. */
export function probeProcess(pid: number): ProcessUse | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command may hold blanks and brackets: fields are counted from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const rssKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
    if (Number.isNaN(ticks + rssKib)) return undefined
    return { cpuMs: (ticks * 1000) / ticksPerSecond, rssBytes: rssKib * 1024 }
  } catch {
    return undefined // no such process, or no /proc: the caller reports the missing figure
  }
}
