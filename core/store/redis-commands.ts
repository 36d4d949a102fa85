// Which Redis commands a game may send over the one connection that all of its lanes share.
//
// Core thread; data. Refused is what would hold up everybody behind it (blocking reads), what changes
// the connection for everybody (another database, transactions, subscriber mode), and what ends the
// server. The refusal says what to do instead.

const blocking =
  'BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF MONITOR DEBUG'
const subscribing = 'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE'
const transactions = 'MULTI EXEC DISCARD WATCH UNWATCH'
const connection =
  'SELECT AUTH HELLO QUIT RESET CLIENT READONLY READWRITE ASKING SYNC PSYNC REPLCONF SHUTDOWN'

const refusals = new Map<string, string>()
function refuse(names: string, why: string): void {
  for (const name of names.split(' ')) refusals.set(name, why)
}
refuse(blocking, 'it would hold up all other commands; ask again after a sleep')
refuse(subscribing, 'use channel.subscribe')
refuse(transactions, 'all coroutines share one connection; use EVAL, which is atomic')
refuse(connection, 'it would change the connection that everybody shares')

/**
 * @param name of the command, in any case
 * @param args its arguments, as Redis gets them
 * @returns why a game may not send it; undefined when it may
 */
export function redisRefusal(name: string, args: readonly Buffer[]): string | undefined {
  const upper = name.toUpperCase()
  const why = refusals.get(upper)
  if (why !== undefined) return why
  if (upper !== 'XREAD' && upper !== 'XREADGROUP') return undefined
  const words = args.map((arg) => (arg.length < 16 ? arg.toString('latin1').toUpperCase() : ''))
  const streams = words.indexOf('STREAMS')
  const block = words.indexOf('BLOCK')
  return block >= 0 && (streams < 0 || block < streams) ? refusals.get('BLPOP') : undefined
}
