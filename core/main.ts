// The host's main: `npm start`. Reads the command line and the config, starts the host, waits for the
// end. Prints each address on a line of its own, then `ready`.
//
// Exit codes: 0 after Ctrl-C or SIGTERM; 1 for a bug; 2 for what the user can mend (one message on
// stderr); more in base/errors.ts. With --supervise, those of the child (supervisor.ts).

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { exitCodes, HostError } from './base/errors.ts'
import { loadConfig } from './config/load.ts'
import type { HostConfig } from './config/types.ts'
import { type Host, startHost } from './host/host.ts'
import { installFolder } from './host/lane-start.ts'
import { onSupervisorGone, supervise } from './supervisor.ts'

interface Options {
  readonly node?: string
  readonly config?: string
  readonly portBase?: number
  readonly root: string
  readonly adminSocket?: string
  readonly supervise?: boolean
  readonly dev?: boolean
}

/** How long an orderly stop may take before the process ends anyway. */
const stopMsMax = 8000

function version(): string {
  const text = readFileSync(join(installFolder, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function readOptions(): Options {
  const program = new Command('npm start --')
    .description('Starts the Moonwheel host.')
    .option('--node <name>', 'name of this host; overrides node.name of config/host.lua')
    .option('--config <folder>', 'the config folder', 'config')
    .option(
      '--port-base <port>',
      'listen on this port (TCP), the next (WebSocket) and the one after (http); 0: any free ports',
      portArgument,
    )
    .option('--root <folder>', 'the folder of the game', process.cwd())
    .option('--admin-socket <path>', 'the admin socket; overrides admin.socket of config/host.lua')
    .option('--supervise', 'run the host as a child and start it again after a crash')
    .option('--dev', 'reload files under lua/ and config/ when they are saved')
    .version(version())
    .allowExcessArguments(false)
    .configureOutput({ outputError: (text) => process.stderr.write(`moonwheel: ${text}`) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage))
  return program.parse().opts<Options>()
}

function portArgument(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65533) return port
  throw new InvalidArgumentError('expected a number from 0 to 65533.')
}

function readConfig(options: Options): HostConfig {
  const base = options.portBase
  const next = (offset: number) => (base === 0 ? 0 : (base ?? 0) + offset)
  const { adminSocket } = options
  return loadConfig({
    root: resolve(options.root),
    ...(options.config === undefined ? {} : { configFolder: options.config }),
    ...(options.node === undefined ? {} : { node: options.node }),
    overrides: {
      ...(base === undefined ? {} : { listen: { tcp: next(0), ws: next(1), http: next(2) } }),
      ...(adminSocket === undefined ? {} : { admin: { socket: adminSocket } }),
    },
  })
}

/** One clear message for what the user can mend; a bug keeps its stack. */
function fail(error: unknown): never {
  if (error instanceof HostError) {
    process.stderr.write(`moonwheel: ${error.message}\n`)
    process.exit(exitCodes.usage)
  }
  process.stderr.write(`moonwheel: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(exitCodes.bug)
}

function endWhenAsked(host: Host): void {
  let stopping = false
  const stop = (why: string, reason = 'the server is shutting down'): void => {
    if (stopping) {
      process.stderr.write('moonwheel: stopped at once\n')
      process.exit(exitCodes.bug)
    }
    stopping = true
    host.log.info(`${why}: stopping`)
    // It also keeps the process alive while the last of it closes.
    setTimeout(() => process.exit(exitCodes.bug), stopMsMax)
    host.stop(reason).then(() => process.exit(exitCodes.ok), fail)
  }
  process.on('SIGINT', () => stop('Ctrl-C'))
  process.on('SIGTERM', () => stop('SIGTERM'))
  onSupervisorGone(() => stop('the supervisor is gone'))
  void host.stopAsked.then((reason) => stop('an operator asked for it', reason))
}

/** Runs this command without --supervise as a child, again and again if need be. */
function superviseThis(): Promise<number> {
  const [, script = '', ...args] = process.argv
  const rest = args.filter((arg) => arg !== '--supervise')
  return supervise({
    command: process.execPath,
    args: [...process.execArgv, script, ...rest],
    say: (text) => void process.stderr.write(`moonwheel supervisor: ${text}\n`),
  })
}

async function serve(options: Options): Promise<void> {
  const read = () => readConfig(options)
  const host = await startHost(read(), version(), {
    readConfig: read,
    ...(options.config === undefined ? {} : { configFolder: options.config }),
  })
  endWhenAsked(host)
  for (const address of host.addresses) process.stdout.write(`${address}\n`)
  if (options.dev === true) {
    const { watchGame } = await import('./dev-watch.ts')
    await watchGame(resolve(options.root), host.reload, (line) => {
      process.stdout.write(`${line}\n`)
    })
  }
  process.stdout.write('ready\n')
  host.broken.then(async (reason) => {
    await host.stop('the server has failed')
    fail(reason)
  }, fail)
}

try {
  const options = readOptions()
  if (options.supervise === true) process.exit(await superviseThis())
  await serve(options)
} catch (error) {
  fail(error)
}
