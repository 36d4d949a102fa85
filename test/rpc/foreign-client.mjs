// A program that knows nothing of Moonwheel but its .proto files: protobufjs and a socket.
//
//   node foreign-client.mjs PORT rpc.proto bag.proto TOKEN     prints what it got as JSON

import { connect } from 'node:net'
import protobuf from 'protobufjs'

const [port, rpcProto, gameProto, token] = process.argv.slice(2)
const rpc = await protobuf.load(rpcProto)
const game = await protobuf.load(gameProto)
const type = (name) => rpc.lookupType(`moonwheel.${name}`)
const [Request, Response, Hello, LuaValues] = ['Request', 'Response', 'Hello', 'LuaValues'].map(
  type,
)
const [Grant, Granted] = ['Grant', 'Granted'].map((name) => game.lookupType(name))

const socket = connect(Number(port), '127.0.0.1')
let waiting = Buffer.alloc(0)
const answers = new Map()
socket.on('data', (chunk) => {
  waiting = Buffer.concat([waiting, chunk])
  while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE(0)) {
    const end = 4 + waiting.readUInt32BE(0)
    const response = Response.decode(waiting.subarray(4, end))
    waiting = waiting.subarray(end)
    answers.get(response.id)?.(response)
  }
})

function call(fields) {
  const message = Request.encode(Request.create(fields)).finish()
  const head = Buffer.alloc(4)
  head.writeUInt32BE(message.length)
  socket.write(Buffer.concat([head, message]))
  return new Promise((resolve) => answers.set(fields.id ?? 0, resolve))
}

await call({ requestProto: Hello.encode(Hello.create({ node: 'foreign', token })).finish() })
const grant = Grant.encode(Grant.create({ uid: 'mei', item: 7, count: 3 })).finish()
const [declared, generic, failed] = await Promise.all([
  call({
    id: 1,
    serviceName: 'bag',
    methodName: 'grant_item',
    requestProto: grant,
    timeoutMs: 5000,
  }),
  call({
    id: 2,
    serviceName: 'bag',
    methodName: 'echo',
    requestProto: LuaValues.encode(
      LuaValues.fromObject({ values: [{ integer: 5 }, { string: Buffer.from('five') }] }),
    ).finish(),
  }),
  call({ id: 3, serviceName: 'bag', methodName: 'nothing' }),
])
const plain = (message) => message.$type.toObject(message, { longs: Number, bytes: String })
console.log(
  JSON.stringify({
    declared: plain(Granted.decode(declared.responseProto)),
    generic: plain(LuaValues.decode(generic.responseProto)).values,
    failed: failed.errorCode,
  }),
)
socket.end()
