// trace: the messages of one session or one route, as they pass the gate.
import { HostError } from '../../base/errors.ts'
import type { TraceEvent } from '../admin-host.ts'
import { command } from '../command.ts'
import { streamLimits, streamWithin } from '../stream-limits.ts'
import { showUs } from '../text-table.ts'

interface TraceResult {
  readonly messages: number
  readonly dropped: number
}

export const trace = command({
  name: 'trace',
  summary: "shows one session's or one route's messages, live",
  arguments: [
    { name: 'session', type: 'integer', min: 1, help: 'a session id' },
    { name: 'uid', type: 'text', help: 'the session of this uid, also when it comes back' },
    { name: 'route', type: 'text', help: 'a whole route, such as chat.handler.send' },
    ...streamLimits,
  ],
  example: 'trace --route hello.handler.hi',
  run: async (args, host, stream): Promise<TraceResult> => {
    const filter = {
      session: args.integer('session'),
      uid: args.text('uid'),
      route: args.text('route'),
    }
    if (filter.session === undefined && filter.uid === undefined && filter.route === undefined) {
      throw new HostError('BAD_REQUEST', 'say what to trace: --session, --uid or --route')
    }
    const messages = await streamWithin(args, stream, (event) => host.trace(filter, event))
    return { messages, dropped: stream.dropped }
  },
  text: ({ messages, dropped }: TraceResult) =>
    `(${messages} messages${dropped === 0 ? '' : `, ${dropped} of them left out: too slow`})`,
  eventText: (event: TraceEvent) => {
    const at = new Date(event.timeMs).toISOString().slice(11, 23)
    const id = event.id === 0 ? '' : ` #${event.id}`
    const took = event.latencyUs === undefined ? '' : ` ${showUs(event.latencyUs)}`
    const who = event.uid === '' ? `${event.sid}` : `${event.sid} ${event.uid}`
    return `${at} ${event.what.padEnd(7)} ${who} ${event.route}${id}${took} ${event.body}`
  },
})
