// `npm run check`: reads the configuration and compiles every service, without serving anything.
//
// Main thread of its own process. Prints a short summary and exits 0, or prints everything that is
// wrong, one line each, and exits 2. It opens no socket, starts no thread and runs no service.
//
//   npm run check -- [--root FOLDER] [--config FOLDER]

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { exitCodes, HostError, messageOf } from '../core/base/errors.ts'
import { limits } from '../core/base/limits.ts'
import { loadConfig } from '../core/config/load.ts'
import type { HostConfig } from '../core/config/types.ts'
import { LuaError } from '../core/lua/engine.ts'
import { createFengariEngine } from '../core/lua/fengari/engine.ts'

/** The syntax errors of all services; each is one line that names file and line. */
function compileServices(config: HostConfig): string[] {
  const engine = createFengariEngine({
    print: () => {},
    wallMs: () => 0,
    seed: [0n, 0n],
    stringBytesMax: limits.luaStringBytesMax,
  })
  const errors: string[] = []
  for (const { file } of config.services) {
    try {
      engine.load(readFileSync(join(config.root, file)), file)
    } catch (thrown) {
      if (!(thrown instanceof LuaError)) throw thrown
      errors.push(thrown.message)
    }
  }
  return errors
}

function summary(config: HostConfig): string {
  const services = config.services.map(({ name }) => name).join(', ')
  const tables = config.tables.map(({ name, rowCount }) =>
    rowCount === undefined ? name : `${name} (${rowCount} ${rowCount === 1 ? 'row' : 'rows'})`,
  )
  const lanes = `${config.lanes.count} ${config.lanes.count === 1 ? 'lane' : 'lanes'}`
  return [
    `config    ok: node '${config.node.name}', ${lanes}, ${config.lua.engine} engine`,
    `services  ok: ${services === '' ? 'none' : services}`,
    `schema    ok: ${config.schema.length === 0 ? 'none' : config.schema.map(({ name }) => name).join(', ')}`,
    `tables    ok: ${tables.length === 0 ? 'none' : tables.join(', ')}`,
  ].join('\n')
}

function fail(lines: readonly string[]): number {
  for (const line of lines) console.error(line)
  console.error(`\n${lines.length} ${lines.length === 1 ? 'problem' : 'problems'} found.`)
  return exitCodes.usage
}

function main(): number {
  let values: { root?: string | undefined; config?: string | undefined }
  try {
    const options = { root: { type: 'string' }, config: { type: 'string' } } as const
    values = parseArgs({ options }).values
  } catch (thrown) {
    console.error(`${messageOf(thrown)}\nusage: npm run check -- [--root FOLDER] [--config FOLDER]`)
    return exitCodes.usage
  }
  try {
    const folder = values.config === undefined ? {} : { configFolder: values.config }
    const config = loadConfig({ root: values.root ?? process.cwd(), ...folder })
    const errors = compileServices(config)
    if (errors.length > 0) return fail(errors)
    console.log(summary(config))
    return exitCodes.ok
  } catch (thrown) {
    if (thrown instanceof HostError && thrown.code === 'CONFIG') {
      return fail(thrown.message.split('\n'))
    }
    throw thrown
  }
}

process.exitCode = main()
