// `npm run spool`: looks into the spool: is it whole, what is in it, who changed a row.
//
// Main thread of its own process. It only reads, also while a host writes, and reads the archive
// first. Exit codes: 0 done; 2 wrong arguments, or the spool is damaged (one message on stderr).
//
//   npm run spool -- verify | cat [--from SEQ] [--to SEQ]
//                  | trace [--uid U] [--route R] [--request ID] [--table T] [--key K]
//                          [--since TIME] [--until TIME] | stats
//   all of them: [--json] [--node NAME] [--root FOLDER] [--dir sql-spool/NODE]

import { existsSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { exitCodes, HostError } from '../core/base/errors.ts'
import { loadConfig } from '../core/config/load.ts'
import { ArchivedFiles } from '../core/drain/archived-files.ts'
import { decodeOrigin, type SpoolTransaction, statementsOf } from '../core/spool/format.ts'
import { SpoolReader } from '../core/spool/reader.ts'
import { spoolFolder } from '../core/spool/spool-service.ts'
import { tableOf, trace } from '../core/spool/trace.ts'

interface Options {
  readonly root: string
  readonly node?: string
  readonly dir?: string
  readonly json?: boolean
  readonly from?: number
  readonly to?: number
  readonly uid?: string
  readonly route?: string
  readonly request?: string
  readonly table?: string
  readonly key?: string
  readonly since?: number
  readonly until?: number
}

/** @throws HostError NOT_FOUND when nothing is there: an empty answer would look like a whole spool */
function folderOf(options: Options): string {
  const folder = namedFolder(options)
  if (existsSync(folder)) return folder
  const why = 'its host has written nothing yet, or --node, --root or --dir name another one'
  throw new HostError('NOT_FOUND', `there is no spool in ${folder}: ${why}`)
}

function namedFolder(options: Options): string {
  if (options.dir !== undefined) return resolve(options.dir)
  const node = options.node === undefined ? {} : { node: options.node }
  const config = loadConfig({ root: resolve(options.root), ...node })
  return spoolFolder(resolve(config.root, config.spool.folder), config.node.name)
}

function* transactionsOf(options: Options): Generator<SpoolTransaction> {
  if (options.from !== undefined && options.to !== undefined && options.from > options.to) {
    throw new HostError('NOT_FOUND', `--from ${options.from} is behind --to ${options.to}`)
  }
  const from = options.from === undefined ? {} : { from: options.from }
  const reader = new SpoolReader({ folder: folderOf(options), files: new ArchivedFiles(), ...from })
  try {
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      if (options.to !== undefined && next.sequence > options.to) return
      yield next
    }
  } finally {
    reader.close()
  }
}

/** Writes all of a text, or ends in order when nobody reads it any more (`| head`). */
function out(text: string | Buffer): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(exitCodes.ok)
      if (code !== 'EAGAIN') throw error
    }
  }
}

const isoOf = (ms: number) => new Date(ms).toISOString()

function verify(options: Options): void {
  let count = 0
  let statements = 0
  let first = 0
  let last = 0
  for (const { sequence, statements: of } of transactionsOf(options)) {
    if (count === 0) first = sequence
    last = sequence
    count++
    statements += of
  }
  const found = { transactions: count, statements, first, last }
  if (options.json === true) return out(`${JSON.stringify(found)}\n`)
  const range = count === 0 ? '' : `, seq ${first} to ${last}`
  out(
    `${count} transactions, ${statements} statements${range}: every byte and the chain are right\n`,
  )
}

function cat(options: Options): void {
  let count = 0
  for (const each of transactionsOf(options)) {
    count++
    if (options.json !== true) {
      out(each.bytes.subarray(each.start, each.end))
      continue
    }
    const { sequence, timeMs, origin } = each
    const by = Object.fromEntries(decodeOrigin(origin))
    const statements = [...statementsOf(each)].map((bytes) => bytes.toString('utf8').trimEnd())
    out(`${JSON.stringify({ sequence, timeMs, by, statements })}\n`)
  }
  if (count === 0)
    process.stderr.write('spool: there are no such transactions (npm run spool -- verify)\n')
}

function showTrace(options: Options): void {
  const { uid, route, request, table, key, since: fromMs, until: untilMs } = options
  const query = { uid, route, request, table, key, fromMs, untilMs }
  let count = 0
  for (const each of transactionsOf(options)) {
    const found = trace(each, query)
    if (found === undefined) continue
    count++
    if (options.json === true) {
      out(`${JSON.stringify(found)}\n`)
      continue
    }
    const by = Object.entries(found.by).map(([name, value]) => `${name}=${value}`)
    out(`${isoOf(found.timeMs)}  seq ${found.sequence}  ${by.join(' ')}\n`)
    for (const statement of found.statements) out(`    ${statement}\n`)
  }
  if (options.json !== true && count === 0)
    out('nothing in the spool or its archive is about that\n')
}

/** Counts by name. */
class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string | undefined): void {
    if (name !== undefined) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  top(count: number): [string, number][] {
    return [...this.#counts].sort((a, b) => b[1] - a[1]).slice(0, count)
  }
}

function stats(options: Options): void {
  const [tables, routes, uids] = [new Tally(), new Tally(), new Tally()]
  let transactions = 0
  let statements = 0
  let bytes = 0
  let firstMs = Number.POSITIVE_INFINITY
  let lastMs = 0
  for (const each of transactionsOf(options)) {
    transactions++
    statements += each.statements
    bytes += each.end - each.start
    firstMs = Math.min(firstMs, each.timeMs)
    lastMs = Math.max(lastMs, each.timeMs)
    const by = decodeOrigin(each.origin)
    routes.add(by.get('route'))
    uids.add(by.get('uid'))
    for (const statement of statementsOf(each)) tables.add(tableOf(statement.toString('utf8')))
  }
  const top = { tables: tables.top(10), routes: routes.top(10), uids: uids.top(10) }
  const from = transactions === 0 ? null : isoOf(firstMs)
  const to = transactions === 0 ? null : isoOf(lastMs)
  if (options.json === true) {
    return out(`${JSON.stringify({ transactions, statements, bytes, from, to, ...top })}\n`)
  }
  out(`transactions  ${transactions}\nstatements    ${statements}\nbytes         ${bytes}\n`)
  if (from !== null) out(`from          ${from}\nto            ${to}\n`)
  for (const [name, counts] of Object.entries(top)) {
    if (counts.length > 0)
      out(`\n${name} by ${name === 'tables' ? 'statements' : 'transactions'}\n`)
    for (const [each, count] of counts) out(`  ${String(count).padStart(10)}  ${each}\n`)
  }
}

function sequence(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a sequence number')
}

function time(text: string): number {
  const ms = /^\d{10,15}$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isNaN(ms)) return ms
  throw new InvalidArgumentError(
    'must be a time: 2026-01-31, 2026-01-31T12:00:00Z, or milliseconds',
  )
}

function run(action: (options: Options) => void): (options: object, command: Command) => void {
  return (_options, command) => {
    try {
      action(command.optsWithGlobals<Options>())
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      process.stderr.write(`spool: ${error.message}\n`)
      process.exitCode = exitCodes.usage
    }
  }
}

const program = new Command('spool')
  .description('Looks into the spool and its archive. Changes nothing.')
  .showHelpAfterError('(npm run spool -- --help lists the commands)')
  .option('--root <folder>', "the game's folder", '.')
  .option('--node <name>', "another node's spool than that of config/host.lua")
  .option('--dir <folder>', 'a spool folder itself, without any configuration')
  .option('--json', 'one JSON object a line')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
program.command('verify').description('checks every byte').action(run(verify))
program
  .command('cat')
  .description('prints transactions as they stand in the files')
  .option('--from <seq>', 'the first one', sequence)
  .option('--to <seq>', 'the last one', sequence)
  .action(run(cat))
program
  .command('trace')
  .description('who changed what, when, in which request')
  .option('--uid <uid>', "one player's")
  .option('--route <route>', "one handler's")
  .option('--request <id>', "one request's")
  .option('--table <name>', 'statements that write to a table')
  .option('--key <value>', 'statements that name a value, as the key of a row')
  .option('--since <time>', 'not earlier', time)
  .option('--until <time>', 'not later', time)
  .action(run(showTrace))
program.command('stats').description('how much, by whom, into which tables').action(run(stats))
program.parse()
