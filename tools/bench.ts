// `npm run bench`: the load client's command line. A thin main over bench/load.
//
// Own process, main thread. Exit codes: 0 the run ended; 1 with --strict, when anything was lost,
// failed or closed; 2 when the arguments are wrong or the connections could not be opened.

import { Command, InvalidArgumentError, Option } from 'commander'
import type { Target } from '../bench/load/connection.ts'
import { templateFault } from '../bench/load/frame.ts'
import { runLoad } from '../bench/load/load-run.ts'
import { formatReport, makeReport } from '../bench/load/report.ts'
import { exitCodes, messageOf } from '../core/base/errors.ts'

interface Flags {
  readonly proto: 'tcp' | 'ws'
  readonly host: string
  readonly port?: number
  readonly url?: URL
  readonly conns: number
  readonly rate: number
  readonly secs: number
  readonly route: string[]
  readonly body: string[]
  readonly login: string | false
  readonly ramp: number
  readonly pid?: number
  readonly json?: true
  readonly strict?: true
}

/** A number option within its bounds. */
function within(min: number, max: number, whole = true): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))) {
      return value
    }
    throw new InvalidArgumentError(`must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.port && ['ws:', 'tcp:'].includes(url.protocol)) return url
  throw new InvalidArgumentError('must look like tcp://host:port or ws://host:port/path')
}

function parseBody(text: string, before: string[] | undefined): string[] {
  const fault = templateFault(text)
  if (fault !== undefined) throw new InvalidArgumentError(fault)
  return [...(before ?? []), text]
}

const command: Command = new Command('bench')
  .description('Plays many game clients against a running host, on a fixed schedule.')
  .addOption(new Option('--proto <proto>', 'transport').choices(['tcp', 'ws']).default('tcp'))
  .option('--host <host>', 'the server', '127.0.0.1')
  .option('--port <port>', "the server's port for that transport", within(1, 65535))
  .option('--url <url>', 'instead of the three above: tcp://host:port or ws://host:port', parseUrl)
  .option('--conns <n>', 'connections', within(1, 60_000), 2000)
  .option('--rate <n>', 'requests a second of each', within(0.01, 10_000, false), 20)
  .option('--secs <n>', 'how long', within(0.1, 86_400, false), 60)
  .option('--route <routes>', 'taken in turn', (text) => text.split(','), ['echo.handler.echo'])
  .option(
    '--body <json>',
    'body of a request; repeat it for each route. {{n}} counts, {{rand:100}} is 0..99, ' +
      '{{uid}} {{peer}} {{conn}}: its own uid, the next one, its number',
    parseBody,
  )
  .option('--login <route>', 'first request of each', 'login.handler.guest')
  .option('--no-login', 'send requests right after the handshake')
  .option('--ramp <n>', 'connections opened a second', within(1, 100_000), 500)
  .option('--pid <pid>', "the server's process, to report its CPU and memory", within(1, 2 ** 31))
  .option('--json', 'print the report as one JSON object')
  .option('--strict', 'exit 1 when anything was lost, failed or closed')
  .configureOutput({ writeErr: (text) => process.stderr.write(text) })
  .exitOverride((exit) => process.exit(exit.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
  .parse()

function targetOf(flags: Flags): Target {
  if (flags.url !== undefined) {
    const { protocol, hostname, port, pathname } = flags.url
    const path = pathname === '' ? '/' : pathname
    const host = hostname.replace(/^\[|\]$/g, '') // an IPv6 address comes in brackets
    return { webSocket: protocol === 'ws:', host, port: Number(port), path }
  }
  if (flags.port === undefined) command.error('error: say --port or --url')
  return { webSocket: flags.proto === 'ws', host: flags.host, port: flags.port, path: '/' }
}

async function main(): Promise<number> {
  const flags = command.opts<Flags>()
  const bodies = flags.body ?? ['{}']
  if (bodies.length !== 1 && bodies.length !== flags.route.length) {
    command.error(`error: ${bodies.length} bodies for ${flags.route.length} routes`)
  }
  const options = {
    target: targetOf(flags),
    conns: flags.conns,
    ratePerS: flags.rate,
    secs: flags.secs,
    routes: flags.route,
    bodies,
    loginRoute: flags.login === false ? undefined : flags.login,
    rampPerS: flags.ramp,
    pid: flags.pid,
    graceMs: 5000,
    openTimeoutMs: 30_000,
    onPhase: (line: string) => process.stderr.write(`${line}\n`),
  }
  const report = makeReport(options, await runLoad(options))
  console.log(flags.json ? JSON.stringify(report) : formatReport(report))
  return flags.strict && !report.clean ? exitCodes.bug : exitCodes.ok
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`bench: ${messageOf(error)}\n`)
  process.exitCode = exitCodes.usage
}
