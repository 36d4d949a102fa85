// `npm run check`: reads the configuration and loads every service, without serving anything.
//
// Main thread of its own process. Prints a short summary and exits 0, or prints everything that is
// wrong and exits 2. The services are loaded in a lane as a start would (core/host/check.ts); no
// `init` runs.
//
//   npm run check -- [--root FOLDER] [--config FOLDER] [--node NAME]

import { parseArgs } from 'node:util'
import { exitCodes, HostError, messageOf } from '../core/base/errors.ts'
import { loadConfig } from '../core/config/load.ts'
import type { HostConfig } from '../core/config/types.ts'
import { checkServices } from '../core/host/check.ts'

function summary(config: HostConfig, routes: readonly string[]): string {
  const services = config.services.map(({ name }) => name).join(', ')
  const tables = config.tables.map(({ name, rowCount }) =>
    rowCount === undefined ? name : `${name} (${rowCount} ${rowCount === 1 ? 'row' : 'rows'})`,
  )
  const lanes = `${config.lanes.count} ${config.lanes.count === 1 ? 'lane' : 'lanes'}`
  return [
    `config    ok: node '${config.node.name}', ${lanes}, ${config.lua.engine} engine`,
    `services  ok: ${services === '' ? 'none' : services}`,
    `routes    ok: ${routes.length} for clients`,
    `schema    ok: ${config.schema.length === 0 ? 'none' : config.schema.map(({ name }) => name).join(', ')}`,
    `tables    ok: ${tables.length === 0 ? 'none' : tables.join(', ')}`,
  ].join('\n')
}

function fail(lines: readonly string[]): number {
  for (const line of lines) console.error(line)
  console.error(`\n${lines.length} ${lines.length === 1 ? 'problem' : 'problems'} found.`)
  return exitCodes.usage
}

async function main(): Promise<number> {
  let values: {
    root?: string | undefined
    config?: string | undefined
    node?: string | undefined
  }
  try {
    const options = {
      root: { type: 'string' },
      config: { type: 'string' },
      node: { type: 'string' },
    } as const
    values = parseArgs({ options }).values
  } catch (thrown) {
    console.error(
      `${messageOf(thrown)}\nusage: npm run check -- [--root FOLDER] [--config FOLDER] [--node NAME]`,
    )
    return exitCodes.usage
  }
  try {
    const folder = values.config === undefined ? {} : { configFolder: values.config }
    const node = values.node === undefined ? {} : { node: values.node }
    const config = loadConfig({ root: values.root ?? process.cwd(), ...folder, ...node })
    const routes = await checkServices(config)
    console.log(summary(config, routes))
    return exitCodes.ok
  } catch (thrown) {
    if (!(thrown instanceof HostError)) throw thrown
    if (thrown.code === 'CONFIG') return fail(thrown.message.split('\n'))
    if (thrown.code === 'SCRIPT') {
      console.error(thrown.message)
      return exitCodes.usage
    }
    throw thrown
  }
}

process.exitCode = await main()
