// session: all about one connection.
import type { SessionDetail } from '../admin-host.ts'
import { command } from '../command.ts'
import { showBytes, showSeconds, textPairs } from '../text-table.ts'

export const session = command({
  name: 'session',
  summary: 'shows one session',
  arguments: [
    {
      name: 'session',
      type: 'text',
      isPositional: true,
      isRequired: true,
      help: 'uid or session id',
    },
  ],
  example: 'session 1048576',
  run: (args, host) => host.session(args.needText('session')),
  text: (one: SessionDetail) =>
    textPairs([
      ['session', one.sid],
      ['uid', one.uid || '-'],
      ['state', one.state],
      [
        'lane',
        one.movingToLane === undefined ? one.lane : `${one.lane}, moving to ${one.movingToLane}`,
      ],
      ['address', `${one.ip}, ${one.transport}`],
      [
        'client',
        one.client === undefined ? '-' : `${one.client.dialect} ${one.client.type}`.trim(),
      ],
      ['open for', showSeconds(one.openedMs / 1000)],
      ['packages in', one.packagesIn],
      ['under way', one.paused ? `${one.inFlight}, not read from` : one.inFlight],
      ['buffered', showBytes(one.bufferedBytes)],
      ['silent beats', one.silentBeats],
      ['channels', one.channels.length === 0 ? '-' : one.channels.join(', ')],
    ]),
})
