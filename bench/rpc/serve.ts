// The server's process of the RPC benchmark: starts what its first argument names, prints the port, and
// ends when its parent does.

import { contenders } from './contenders.ts'

const contender = contenders.find(({ name }) => name === process.argv[2])
if (contender === undefined) throw new Error(`no contender '${process.argv[2]}'`)
process.stdin.on('end', () => process.exit(0)).resume()
process.stdout.write(`port ${await contender.serve()}\n`)
