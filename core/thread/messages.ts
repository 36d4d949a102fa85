// Every message that crosses a ring: its kind, its fields, its direction.
//
// Any thread. A message is a ring record { kind, length, a, b, payload } (ring.ts). `sid` is a session
// id (gate/session-table.ts), `wait` the number under which a lane parks a coroutine. Texts are UTF-8;
// "short text" is a u8 length and that many bytes; LuaValue is the encoding of lua/value-codec.ts.
//
//   core → lane         a       b            payload
//   sessionOpen         sid     0            u32 JSON length | JSON { ip, transport, uid, user?,
//                                            attached? } | for a moved session: LuaValue data
//   request             sid     message id   u16 route code | body
//   notify              sid     0            u16 route code | body
//   sessionClose        sid     0            reason
//   bindResult          wait    status       status 0: u16 lane that owns the uid; else the reason
//   rpcRequest          call    origin*      u32 ms that it may take | short service | short method |
//                                            LuaValue arguments
//   rpcResult           call    status       status 0: LuaValue results; else the error's message (its
//                                            code, + 0x10000 for a bug that no client is told of)
//   waitResult          wait    status       u32 number
//   stop                0       grace ms     —
//   nodeAnswer          call    status       as rpcResult, with results as they travel between hosts
//                                            (lane/call-bodies.ts)
//   nodeRequest         call    flags        u32 ms that it may take | short service | short method |
//                                            short trace id | arguments as they travel
//   laneLost            lane    0            — (calls that wait for that lane will not be answered)
//   adminCall           call    0            JSON question          (lane/lane-inspection.ts)
//   queryResult         query   status       status 0: LuaValue rows; else the error's code | message
//   entityChanged       0       0            short table | LuaValue key: read it anew
//   topicMessage        0       0            short topic | LuaValue list of one
//   (rpcResult also answers redisCall, cacheCall and clusterCall)
//
//   lane → core
//   reply               sid     message id   body
//   replyError          sid     message id   u16 code from 400 on | body
//   done                sid     0            — (a notify has been handled)
//   push                sid     0            short route | body
//   pushUid             0       0            short uid | short route | body
//   broadcast           sid*    0            short channel | short route | body   (* left out, or 0)
//   channelJoin         sid     0            channel
//   channelLeave        sid     0            channel
//   channelCount        wait    0            channel                (answered by waitResult)
//   bind                sid     wait         uid
//   kick                sid     0            reason
//   kickUid             0       0            short uid | reason
//   sessionMove         sid     0            LuaValue data: the lane has let go of this session
//   rpcRequest          call    target lane  as above
//   rpcResult           call    origin*      u32 status | as above
//   nodeCall            call    0            u32 ms that the caller waits | short service |
//                                            short method | short node | short key |
//                                            short idempotency key | short trace id | arguments
//                                            as they travel
//   nodeReply           call    status       as nodeAnswer
//   log                 level   0            JSON
//   stopped             0       0            —
//   reloadAnswer        id      0            JSON (lane/reload-plan.ts)
//   spoolMark           ticket  own ticket   — (what follows waits for it: lane/ack-hold.ts)
//   query               query   ticket**     u8 flags | SQL with its values in place
//   entityChanged       lane    0            as above; for the lane that owns the entity
//   redisCall           wait    0            short command | n × { u32 length | argument }
//   cacheCall           wait°   op           short key | f64 ttl ms | f64 by | LuaValue list of one
//   topicPublish        0       0            short topic | LuaValue list of one
//   clusterCall         wait    op           place: short uid | u8 isWs | LuaValue list of one;
//                                            accept: token            (cluster/cluster-messages.ts)
//   topicSubscribe      on      0            topic                  (on: 1, off: 0)
//
//   ° 0: nobody waits. op: store/store-messages.ts
//
//   * origin: the lane that asked | its life << 8, given back as it came: an answer for a lane that
//   was replaced meanwhile is recognised and dropped.
//   ** what the session last wrote, or 0: the query sees it.
//   adminResult         call    answer kind  JSON, or a part of it; the reason of a refusal
//
//   lane, core → timer  (layout and use: timer/timer-port.ts)
//   timerAdd            slot    generation   f64 due ms | u32 period ms | u32 0
//   timerCancel         slot    generation   —
//   timerReset          0       epoch        —
//
//   core ↔ SQLite reader
//   sqlRead             read    timeout ms   SQL
//   sqlRows             read    status       status 0: LuaValue rows; else the error's message
//
//   timer → lane, core
//   timerFired          0       epoch        n × { u32 slot | u32 generation }
//
//   lane → spool        (layout and use: spool/spool-client.ts)
//   spoolTransaction    ticket  statements   u32 epoch | u16 length of origin | tail
//
//   spool → core
//   log                 level   0            JSON { text, ... }

export const message = {
  sessionOpen: 1,
  request: 2,
  notify: 3,
  sessionClose: 4,
  bindResult: 5,
  rpcRequest: 6,
  rpcResult: 7,
  waitResult: 8,
  stop: 9,
  laneLost: 10,
  nodeAnswer: 12,
  nodeRequest: 13,
  adminCall: 24,
  queryResult: 26,
  topicMessage: 25,

  reply: 32,
  done: 33,
  push: 34,
  pushUid: 35,
  broadcast: 36,
  channelJoin: 37,
  channelLeave: 38,
  channelCount: 39,
  bind: 40,
  kick: 41,
  kickUid: 42,
  sessionMove: 43,
  log: 44,
  stopped: 45,
  replyError: 46,
  nodeCall: 48,
  nodeReply: 49,
  reloadAnswer: 47,
  adminResult: 60,
  spoolMark: 52,
  query: 53,
  entityChanged: 54,
  redisCall: 56,
  cacheCall: 57,
  topicPublish: 58,
  topicSubscribe: 59,
  clusterCall: 62,

  timerAdd: 64,
  timerCancel: 65,
  timerReset: 66,
  timerFired: 67,

  spoolTransaction: 80,

  sqlRead: 90,
  sqlRows: 91,
} as const

/** Flags of a nodeRequest. */
export const nodeRequestFlag = {
  /** The arguments are JSON, and so will be the results. */
  json: 1,
  /** Only a method that is marked as safe may run. */
  safeOnly: 2,
} as const

/** What a lane tells the core that no client and no other lane sees: it never waits for the disk. */
export const passesHold: ReadonlySet<number> = new Set([
  message.log,
  message.reloadAnswer,
  message.adminResult,
  message.spoolMark,
  message.query,
])
