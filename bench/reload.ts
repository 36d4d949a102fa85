// `npm run bench:reload [-- --quick]`: 1,000 players send while the code is reloaded 100 times.
//
// Prints what the players met and exits 1 when a request failed, two versions met in one message,
// older code answered after newer had been seen, a count in `state` was lost, or a connection ended.

import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import type { Histogram } from '../core/base/histogram.ts'
import { type ReloadRunResult, runReloads } from './reload/reload-run.ts'

const ms = (us: number): string => `${(us / 1000).toFixed(1)} ms`
const spread = (times: Histogram): string =>
  `p50 ${ms(times.percentile(0.5))}, p99 ${ms(times.percentile(0.99))}, max ${ms(times.max)}`

function report({ judge, closed, ...run }: ReloadRunResult): string {
  const { answers, failed, mixed, stale, miscounted, firstFault } = judge
  return [
    `answers      ${answers} in all, ${Math.round(run.duringUs.count / run.seconds)}/s during the reloads`,
    `reloads      ${run.reloadUs.count} in ${run.seconds.toFixed(1)} s, each shown by all ${run.lanesPerVersion} lanes: ${spread(run.reloadUs)}`,
    `latency      before ${spread(run.quietUs)}`,
    `             during ${spread(run.duringUs)}`,
    `failed       ${failed}`,
    `mixed        ${mixed}`,
    `stale        ${stale}`,
    `state lost   ${miscounted}`,
    `closed       ${closed.length}`,
    ...(firstFault === undefined ? [] : [`first fault  ${firstFault}`]),
    ...(closed[0] === undefined ? [] : [`first close  ${closed[0]}`]),
  ].join('\n')
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    engine: { type: 'string', default: 'v8' },
    lanes: { type: 'string', default: '3' },
  },
})
const players = values.quick ? 100 : 1000
const reloads = values.quick ? 10 : 100
const { model = 'unknown' } = cpus()[0] ?? {}
console.info(`node ${process.version}, ${cpus().length} x ${model}`)
console.info(`${players} players, ${reloads} reloads, ${values.lanes} lanes, ${values.engine}`)
const result = await runReloads({
  engine: values.engine,
  lanes: Number(values.lanes),
  players,
  reloads,
  thinkMs: 300,
  quietS: values.quick ? 1 : 5,
})
console.info(report(result))
process.exitCode = result.judge.faults + result.closed.length === 0 ? 0 : 1
