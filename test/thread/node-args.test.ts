// A thread that fills its memory takes one core: the options that hosts are started with see to it.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { hostNodeArgs } from '../../core/thread/node-args.ts'

/** Fills 120 MB; prints the processor time of all other threads as a share of its own. */
const hog = `
const { readdirSync, readFileSync } = require('node:fs')
const times = () => readdirSync('/proc/self/task').map((id) => ({
  isMain: Number(id) === process.pid,
  ns: Number(readFileSync('/proc/self/task/' + id + '/schedstat', 'latin1').split(' ')[0]),
}))
const sum = (isMain) => times().reduce((all, each) => all + (each.isMain === isMain ? each.ns : 0), 0)
const before = [sum(true), sum(false)]
const all = []
while (process.memoryUsage().heapUsed < 120e6) {
  for (let i = 0; i < 10000; i++) all.push([i, String(i), [i]])
}
console.log((sum(false) - before[1]) / (sum(true) - before[0]))
`

function othersShare(args: readonly string[]): number {
  return Number(execFileSync(process.execPath, [...args, '-e', hog], { encoding: 'utf8' }))
}

it('leaves the other cores alone, which without them it does not', () => {
  expect(othersShare(hostNodeArgs)).toBeLessThan(0.2)
  expect(othersShare([])).toBeGreaterThan(0.2)
}, 120_000)

it.each(['start', 'dev', 'debug'])('npm run %s has them', (script) => {
  const path = new URL('../../package.json', import.meta.url)
  const { scripts } = JSON.parse(readFileSync(path, 'utf8')) as { scripts: Record<string, string> }
  expect(scripts[script]).toMatch(new RegExp(`^node (--inspect )?${hostNodeArgs.join(' ')} `))
})
