// `npm run drain`: brings the spool into the database, and everything else that a drainer is asked for.
//
// Main thread of its own process. Exit codes: 0 done; 1 a bug; 2 what the user can mend (one message on
// stderr); 3 the database refuses a transaction, which `skip` or `retry` decide. With --json, stdout
// has one JSON object a line and nothing else.
//
//   npm run drain -- [--once | --follow | --status] [--batch N] [--json]
//   npm run drain -- migrate [--plan] | skip SEQ --reason TEXT | retry [SEQ] | archive
//                  | rebuild --until TIME --into URL | adopt --reason TEXT
//   all of them: [--node NAME] [--root FOLDER] [--config FOLDER]

import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../core/base/clock.ts'
import { exitCodes, HostError } from '../core/base/errors.ts'
import { databaseAddress, databaseUrlProblem, shownUrl } from '../core/config/database-url.ts'
import { loadConfig } from '../core/config/load.ts'
import type { HostConfig } from '../core/config/types.ts'
import { archiveSegments } from '../core/drain/archive.ts'
import { DeadLetters } from '../core/drain/dead-letters.ts'
import { Drainer } from '../core/drain/drainer.ts'
import { carryOut, lookAndPlan } from '../core/drain/migrate.ts'
import { openTarget } from '../core/drain/open-target.ts'
import { ProgressBar } from '../core/drain/progress-bar.ts'
import { rebuild } from '../core/drain/rebuild.ts'
import { runningDrainer, statusWriter } from '../core/drain/status.ts'
import { noProgress, type Progress, type Target } from '../core/drain/target.ts'
import { readDurableMark } from '../core/spool/durable-mark.ts'
import { SpoolReader } from '../core/spool/reader.ts'
import { settleSpool } from '../core/spool/settle-spool.ts'

interface Options {
  readonly root: string
  readonly config?: string
  readonly node?: string
  readonly json?: boolean
  readonly once?: boolean
  readonly follow?: boolean
  readonly status?: boolean
  readonly batch?: number
}

/** Where a command works. */
interface Place {
  readonly config: HostConfig
  readonly node: string
  readonly folder: string
  readonly target: Target
  readonly options: Options
}

function place(options: Options): Place {
  const config = loadConfig({
    root: resolve(options.root),
    ...(options.config === undefined ? {} : { configFolder: options.config }),
    ...(options.node === undefined ? {} : { node: options.node }),
    ...(options.batch === undefined
      ? {}
      : { overrides: { drain: { batchTransactionsMax: options.batch } } }),
  })
  const node = config.node.name
  const folder = resolve(config.root, config.spool.folder, node)
  const target = openTarget(databaseAddress(config.db.url, config.root))
  return { config, node, folder, target, options }
}

function print(options: Options, value: object, words: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : `${words}\n`)
}

// --- draining

async function drain(at: Place): Promise<number> {
  const { config, node, folder, target, options } = at
  const follow = options.follow === true
  const other = runningDrainer(folder)
  if (other !== undefined) {
    const words = `process ${other.pid} drains ${node} already: ${other.state}, at ${other.applied}`
    const cure = 'a host does it by itself, unless drain.auto is false'
    throw new HostError('CONFLICT', `${words}; ${cure} (npm run drain -- --status)`)
  }
  // One that follows may be there before its host; but a name that is misspelt gets no row of its own.
  if (!existsSync(folder) && (!follow || options.node !== undefined)) throw noSpool(folder)
  // Of a spool whose host is gone, what it left may still have a torn end.
  settleSpool(folder)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const bar = new ProgressBar(process.stderr, systemClock)
  const write = statusWriter(folder, systemClock)
  const drainer = new Drainer({
    node,
    folder,
    target,
    batchTransactionsMax: config.drain.batchTransactionsMax,
    clock: systemClock,
    random: Math.random,
    say: (words) => {
      bar.clear()
      process.stderr.write(`drain: ${words}\n`)
    },
    onStatus: (status) => {
      // A host that starts no drainer of its own reads it (core/drain/followed.ts).
      if (follow || status.transactions > 0 || status.state === 'down') write(status)
      if (options.json !== true) bar.draw(status.applied ?? 0, status.durable)
    },
  })
  const startMs = systemClock.monotonicMs()
  const end = await drainer.drain(follow, stop.signal)
  bar.clear()
  await target.close()
  const { transactions, applied, stoppedAt } = drainer.status
  const seconds = (systemClock.monotonicMs() - startMs) / 1000
  const summary = `${transactions} transactions of ${node} in ${seconds.toFixed(1)} s; the database is at ${applied ?? 'an unknown place'}`
  print(options, { end, node, transactions, applied, stoppedAt, seconds }, summary)
  if (end !== 'stopped') return exitCodes.ok
  process.stderr.write(
    `drain: stands before transaction ${stoppedAt}: see ${folder}/dead-letter, then\n` +
      `  npm run drain -- retry ${stoppedAt}                  when you have mended the database\n` +
      `  npm run drain -- skip ${stoppedAt} --reason "..."    to do without it\n`,
  )
  return exitCodes.stopped
}

function noSpool(folder: string): HostError {
  const why = 'its host has written nothing yet, or --node, --root or --config name another one'
  return new HostError('NOT_FOUND', `there is no spool in ${folder}: ${why}`)
}

async function showStatus({ config, node, folder, target, options }: Place): Promise<number> {
  if (!existsSync(folder)) throw noSpool(folder)
  const durable = readDurableMark(folder)?.sequence ?? 0
  const drainer = runningDrainer(folder)
  let applied: number | undefined
  let problem: string | undefined
  try {
    await target.connect()
    applied = (await target.progress(node)).sequence
  } catch (thrown) {
    if (!(thrown instanceof HostError)) throw thrown
    // A database that no drainer has seen yet has no row, and may have no table for it.
    if (thrown.code === 'DATABASE_DOWN') problem = thrown.message
    else applied = 0
  }
  await target.close()
  const letters = new DeadLetters(folder).list().filter(({ state }) => state !== 'applied')
  const behind = applied === undefined ? undefined : durable - applied
  const url = shownUrl(config.db.url)
  print(
    options,
    { node, database: url, durable, applied, behind, problem, drainer, deadLetters: letters },
    [
      `node       ${node}`,
      `database   ${url}${problem === undefined ? '' : `: ${problem}`}`,
      `spool      ${durable} transactions on disk`,
      `applied    ${applied ?? 'unknown'}${behind === undefined ? '' : `, ${behind} to go`}`,
      `drainer    ${drainer === undefined ? 'none is running' : `${drainer.state}, process ${drainer.pid}`}${
        drainer?.message === undefined ? '' : `: ${drainer.message}`
      }`,
      ...letters.map((each) => `${each.state.padEnd(10)} ${each.sequence}: ${each.error}`),
    ].join('\n'),
  )
  return exitCodes.ok
}

// --- the other commands

async function migrate({ config, target, options }: Place, planOnly: boolean): Promise<number> {
  await target.connect()
  const plan = await lookAndPlan(target, config.schema)
  const lines = plan.steps.map(({ words, sql }) => `${words}\n  ${sql.replaceAll('\n', '\n  ')}`)
  const words = lines.length === 0 ? 'nothing to do' : lines.join('\n')
  print(options, { ...plan, done: !planOnly && plan.refusals.length === 0 }, words)
  if (planOnly) for (const refusal of plan.refusals) process.stderr.write(`refused: ${refusal}\n`)
  else await carryOut(target, plan)
  await target.close()
  return planOnly && plan.refusals.length > 0 ? exitCodes.usage : exitCodes.ok
}

function decide(at: Place, sequence: number | undefined, reason: string | undefined): number {
  const letters = new DeadLetters(at.folder)
  const stopped = letters.list().findLast(({ state }) => state === 'stopped')?.sequence
  const which = sequence ?? stopped
  if (which === undefined) {
    throw new HostError('NOT_FOUND', 'no transaction is refused: there is nothing to decide')
  }
  const state = reason === undefined ? 'retry' : 'skip'
  const letter = letters.decide(which, state, new Date(), reason)
  const then = runningDrainer(at.folder)
    ? 'the drainer that is running does it now'
    : 'npm run drain does it'
  print(at.options, letter, `transaction ${which}: ${state}; ${then}`)
  return exitCodes.ok
}

async function archive({ config, node, folder, target, options }: Place): Promise<number> {
  await target.connect()
  await target.prepare(node)
  await target.settle()
  const { sequence } = await target.progress(node)
  await target.close()
  const { archiveDays: keepDays } = config.drain
  const done = await archiveSegments({ folder, applied: sequence, keepDays, nowMs: Date.now() })
  const words = `${done.packed.length} segments packed, ${done.dropped.length} old ones dropped`
  print(options, done, words)
  return exitCodes.ok
}

async function rebuildInto(at: Place, until: number, into: string): Promise<number> {
  const { config, options } = at
  const problem = databaseUrlProblem(into)
  if (problem !== undefined) throw new HostError('CONFIG', `--into: ${problem}`)
  const target = openTarget(databaseAddress(into, config.root))
  await target.connect()
  const parent = resolve(config.root, config.spool.folder)
  if (!existsSync(parent)) throw new HostError('NOT_FOUND', `there is no spool in ${parent}`)
  const nodes = readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [name, join(parent, name)] as const)
  const count = await rebuild({
    nodes: new Map(nodes),
    target,
    schema: config.schema,
    untilMs: until,
    batchTransactionsMax: config.drain.batchTransactionsMax,
  })
  await target.settle()
  await target.close()
  const words = `${count} transactions, up to ${new Date(until).toISOString()}`
  print(options, { transactions: count, until, into: shownUrl(into) }, words)
  return exitCodes.ok
}

/** Begins with another spool: the operator says that the one drained before is gone for good. */
async function adopt(at: Place, reason: string): Promise<number> {
  const { node, folder, target, options } = at
  await target.connect()
  await target.prepare(node)
  const before = await target.progress(node)
  const reader = new SpoolReader({ folder })
  const first = reader.next()
  const spool = reader.preamble?.spool ?? ''
  reader.close()
  const to: Progress =
    first === undefined ? noProgress : { spool, sequence: first.sequence - 1, chain: first.prev }
  if (spool === before.spool) {
    throw new HostError('CONFLICT', `${folder} is the spool that the database has transactions of`)
  }
  await target.setProgress(node, to)
  await target.close()
  const note = { at: new Date().toISOString(), before, to, reason }
  appendFileSync(join(folder, 'adopted.log'), `${JSON.stringify(note)}\n`)
  const words = `the database was at ${before.sequence} of another spool, and begins at ${to.sequence} of this one`
  print(options, note, words)
  return exitCodes.ok
}

// --- the command line

function sequenceArgument(text: string): number {
  if (/^\d{1,15}$/.test(text) && Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('expected the number of a transaction.')
}

function batchArgument(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('expected a number of transactions.')
}

function timeArgument(text: string): number {
  const ms = /^\d{12,14}$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw new InvalidArgumentError('expected a time such as 2026-05-01T12:00:00Z.')
}

async function main(): Promise<number> {
  let code: number = exitCodes.ok
  const program = new Command('npm run drain --')
    .description('Brings what the game has written (sql-spool) into its database.')
    .option('--once', 'what is there now (this is what it does by itself)')
    .option('--follow', 'what is there, and what comes, until Ctrl-C')
    .option('--status', 'how far the database is')
    .option('--json', 'the answer as JSON')
    .option('--batch <n>', 'transactions in one transaction of the database', batchArgument)
    .option('--node <name>', 'the host whose spool it is; node.name when left out')
    .option('--root <folder>', 'the folder of the game', process.cwd())
    .option('--config <folder>', 'the config folder')
    .allowExcessArguments(false)
    .configureOutput({ outputError: (text) => process.stderr.write(`drain: ${text}`) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
  const here = (): Place => place(program.opts<Options>())
  program.argument('[command]').action(async (word: string | undefined) => {
    const { once, follow, status } = program.opts<Options>()
    if (word !== undefined) program.error(`error: unknown command '${word}'; --help lists them`)
    if ([once, follow, status].filter((each) => each === true).length > 1) {
      program.error('error: only one of --once, --follow and --status can be done at a time')
    }
    const at = here()
    code = at.options.status === true ? await showStatus(at) : await drain(at)
  })
  const command = (name: string, words: string): Command =>
    program.command(name).description(words).allowExcessArguments(false)
  command('migrate', 'makes tables, columns and indexes of config/schema that are missing')
    .option('--plan', 'only says what it would do')
    .action(async ({ plan }: { plan?: boolean }) => {
      code = await migrate(here(), plan === true)
    })
  command('skip', 'does without a transaction that the database refuses')
    .argument('<seq>', 'its number', sequenceArgument)
    .requiredOption('--reason <text>', 'why; it is kept with the transaction')
    .action((sequence: number, { reason }: { reason: string }) => {
      code = decide(here(), sequence, reason)
    })
  command('retry', 'tries a transaction again that the database refused')
    .argument('[seq]', 'its number', sequenceArgument)
    .action((sequence: number | undefined) => {
      code = decide(here(), sequence, undefined)
    })
  command(
    'archive',
    'packs segments that are in the database, and drops those that are too old',
  ).action(async () => {
    code = await archive(here())
  })
  command('rebuild', 'makes the data as it was at a time, in an empty database')
    .requiredOption('--until <time>', 'the time, such as 2026-05-01T12:00:00Z', timeArgument)
    .requiredOption('--into <url>', 'the empty database, as in db.url')
    .action(async ({ until, into }: { until: number; into: string }) => {
      code = await rebuildInto(here(), until, into)
    })
  command('adopt', 'begins with this spool in the place of one that is gone for good')
    .requiredOption('--reason <text>', 'why; it is noted in adopted.log')
    .action(async ({ reason }: { reason: string }) => {
      code = await adopt(here(), reason)
    })
  await program.parseAsync()
  return code
}

try {
  process.exitCode = await main()
} catch (thrown) {
  if (thrown instanceof HostError) {
    process.stderr.write(`drain: ${thrown.message}\n`)
    process.exit(exitCodes.usage)
  }
  process.stderr.write(`drain: ${thrown instanceof Error ? thrown.stack : String(thrown)}\n`)
  process.exit(exitCodes.bug)
}
