// The timer benchmark: `npm run bench:timer [-- --quick]`. Guards the wheel and the timer thread.
//
// Prints what an add, a cancel and a firing cost with 1,000,000 timers waiting, and how late timers
// fire idle and at 100,000 a second, each beside a binary heap and Node's setTimeout under the same
// load in the same run. Exits 1 when a target is missed. `--quick` runs a tenth of the load.

import { cpus } from 'node:os'
import { benchFiring } from './timer/firing.ts'
import { benchOperations } from './timer/operations.ts'

const isQuick = process.argv.includes('--quick')
const waiting = isQuick ? 200_000 : 1_000_000

console.info(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
const operationsOk = benchOperations(waiting, isQuick ? 1 : 3)
const firingOk = await benchFiring({
  waiting,
  perSecond: isQuick ? 10_000 : 100_000,
  seconds: isQuick ? 1 : 3,
  rounds: isQuick ? 1 : 3,
})
process.exitCode = operationsOk && firingOk ? 0 : 1
