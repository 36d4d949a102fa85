// sessions: the connections, all or those that match.
import { limits } from '../../base/limits.ts'
import type { SessionReport } from '../admin-host.ts'
import { command } from '../command.ts'
import { showBytes, showSeconds, textTable } from '../text-table.ts'

interface SessionList {
  readonly sessions: readonly SessionReport[]
  readonly total: number
}

export const sessions = command({
  name: 'sessions',
  summary: 'lists sessions',
  arguments: [
    {
      name: 'match',
      type: 'text',
      isPositional: true,
      help: 'part of the uid or of the address, or a session id',
    },
    { name: 'lane', type: 'integer', max: limits.lanesMax, help: 'only those of this lane' },
    {
      name: 'limit',
      type: 'integer',
      min: 1,
      max: limits.adminSessionsMax,
      otherwise: 50,
      help: 'how many to list',
    },
  ],
  example: 'sessions 127.0.0.1 --limit 10',
  run: (args, host) =>
    host.sessions({
      match: args.text('match'),
      lane: args.integer('lane'),
      limit: args.needInteger('limit'),
    }),
  text: listText,
})

function listText({ sessions: listed, total }: SessionList): string {
  const table = textTable(
    ['session', 'uid', 'state', 'lane', 'via', 'address', 'open', 'in', 'under way', 'buffered'],
    listed.map((each) => [
      each.sid,
      each.uid || '-',
      each.paused ? `${each.state}, paused` : each.state,
      each.lane,
      each.transport,
      each.ip,
      showSeconds(each.openedMs / 1000),
      each.packagesIn,
      each.inFlight,
      showBytes(each.bufferedBytes),
    ]),
  )
  return listed.length < total ? `${table}\n(${listed.length} of ${total})` : table
}
