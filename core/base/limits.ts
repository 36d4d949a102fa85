// Every limit of the host in one place: what it bounds, and its default. Any thread.
//
// Units are in the name. A limit that operators may change is a field of config/host.lua with the
// same name, and its default comes from here; the others are fixed.

export const limits = {
  /** Nesting of JSON values, both ways. */
  jsonDepthMax: 64,
  /** Longest string that a Lua library call may build. */
  luaStringBytesMax: 16 * 1024 * 1024,
  /** The same for the stand-alone interpreter. */
  luaToolStringBytesMax: 256 * 1024 * 1024,
  /** Texts given to `load` whose compiled form is kept for the next time, and all their characters. */
  luaRecentChunksMax: 256,
  luaRecentChunkCharactersMax: 512 * 1024,
  /** Chunks made by `load` that tracebacks know at one time. */
  luaPassingChunksMax: 10_000,
  /** Channels that one session may be in. */
  channelsPerSessionMax: 64,
  /** One encoded list of Lua values: a call's arguments or results, a session's data. */
  valueBytesMax: 1024 * 1024,
  /** Items of one table's sequence: 512 MiB of them, more than a lane's memory. A power of two. */
  luaArrayItemsMax: 2 ** 26,
  /** Loop turns and calls that a config file may take. */
  configStepsMax: 10_000_000,
  /** Timers that may wait at once in the whole process. */
  timersMax: 16_000_000,
  /** Timers that one thread (a lane, the core) may have waiting. */
  timersPerThreadMax: 2_000_000,
  /** Commands of one thread that the timer thread takes in before it looks at the others again. */
  timerCommandsPerTurnMax: 4096,
  /** Firings in one message from the timer thread. */
  timerFiringsPerMessageMax: 1024,
  /** Each of the two rings between a thread and the timer thread. */
  timerRingBytes: 256 * 1024,
  /** Characters of a cron expression. */
  cronCharsMax: 256,
  /** How often the watchdog looks at the lanes. */
  watchdogLookMs: 100,
  /** From the interrupt of a run that took too long until its lane is replaced. */
  laneYieldMs: 500,
  /** One file's top level, or one uninterrupted piece of an `init`, while a lane starts. */
  laneLoadBudgetMs: 10_000,
  /** A lane's start, `init` of all its services included. */
  laneStartMs: 60_000,
  /** Deaths of one lane in a minute that are followed by a new start at once; then it is delayed. */
  laneQuickStartsMax: 5,
  /** That delay. */
  laneStartDelayMs: 1000,
  /** Times in a row that a lane may fail to start before the process gives up. */
  laneStartFailuresMax: 8,
  /** For how long all lanes must have been well before a spare one is started. */
  laneSpareCalmMs: 2000,
  /** How long a lane may take to compile what a reload brings. */
  reloadPrepareMs: 10_000,
  /** How long lanes stand still for each other at a reload; then it is called off. */
  reloadStageMs: 3000,
  /** Tables of `state` that a failed reload can put back as they were. */
  reloadUndoTablesMax: 20_000,
  /** From a change of a file to the reload in development: editors write in several steps. */
  watchQuietMs: 60,
  /** The supervisor's first pause before it starts the host again; it doubles up to the next. */
  superviseFirstMs: 500,
  superviseDelayMsMax: 30_000,
  /** A host that ran for this long had started well: the pauses begin anew. */
  superviseHealthyMs: 60_000,
  /** Error codes of one route that are counted apart; the rest are counted together. */
  errorCodesPerRouteMax: 64,
  /** Redis commands of game code that may be under way at once. */
  redisInFlightMax: 10_000,
  /** How often overdue ones are looked for. */
  redisLookMs: 100,
  /** From the start of a connection attempt to its end. */
  redisConnectMs: 5000,
  redisKeepAliveMs: 10_000,
  /** The longest pause between two attempts. */
  redisRetryMsMax: 2000,
  /** One Redis command's arguments together. */
  redisCommandBytesMax: 1024 * 1024,
  /** One Redis reply as it comes; what a lane gets of it is bounded by valueBytesMax. */
  redisReplyBytesMax: 16 * 1024 * 1024,
  /** Players who are on their way to one slave. */
  clusterPreparedMax: 100_000,
  /** From a token's use to `session:bind`. */
  clusterArrivalMs: 10_000,
  /** One call between master and slave. */
  clusterCallMs: 2000,
  /** How long a slave that stops waits for the master to hear of it. */
  clusterLeaveMs: 500,
  /** Slaves that are asked to take one player. */
  clusterPlaceTriesMax: 3,
  /** How long a login waits for a master that still learns who is where, and how often it looks. */
  clusterFormMs: 5000,
  clusterFormLookMs: 50,
  /** Lives of slaves that a master remembers to be over. */
  clusterLivesMax: 10_000,
  /** Seconds without a sign after which the registry forgets a node's name. */
  registryForgetS: 24 * 3600,
  /** How long the registry refuses a lease to an incarnation that was given up. */
  registryOverMs: 600_000,
  /** Topics that one host may be subscribed to. */
  topicsMax: 10_000,
  /** Messages that wait for a lane that is behind; beyond it a topic's message is dropped. */
  topicHeldMessagesMax: 4096,
  /** Browsers' connections to the playground page at once. */
  playgroundConnectionsMax: 256,
  /** How long one of them may take to send its request. */
  playgroundHeadersTimeoutMs: 10_000,
  /** The statements of one transaction, as SQL text. */
  spoolTransactionBytesMax: 1024 * 1024,
  /** Statements in one transaction. */
  spoolStatementsMax: 10_000,
  /** Who caused a transaction: its fields as they stand in the header line. */
  spoolOriginBytesMax: 1024,
  /** One segment of the spool; the next one begins before it grows longer. */
  spoolSegmentBytesMax: 64 * 1024 * 1024,
  /** What the spool thread gathers before it writes a group. */
  spoolGroupBytesMax: 4 * 1024 * 1024,
  /** The ring from a lane to the spool thread: it takes the longest transaction, and some more. */
  spoolRingBytes: 4 * 1024 * 1024,
  /** How long a lane stands still for a spool thread that does not keep up. */
  spoolFullWaitMs: 200,
  /** How often a spool that ran out of disk looks whether there is room again. */
  spoolProbeMs: 250,
  /** How often a reader looks for more, beside the system's notices. */
  spoolFollowMs: 500,
  /** Statement texts that a lane keeps checked. */
  sqlStatementsCachedMax: 2048,
  /** Operators' connections to the admin socket at once. */
  adminConnectionsMax: 32,
  /** One admin request: the command and its arguments, as JSON. */
  adminRequestBytesMax: 256 * 1024,
  /** How long an operator's connection may take to send it. */
  adminRequestMs: 5000,
  /** Bytes that wait for an operator who watches a stream; beyond, events are left out. */
  adminStreamBytesMax: 1024 * 1024,
  /** The path of a Unix socket: what the kernel has room for (108 bytes with the final zero). */
  socketPathBytesMax: 107,
  /** The longest that Lua from `admin eval` may take, waits included. */
  adminEvalMsMax: 60_000,
  /** The longest CPU profile. */
  adminProfileMsMax: 60_000,
  /** Sessions that one `admin sessions` lists. */
  adminSessionsMax: 10_000,
  /** Lines of the log that `admin log` can look back. */
  logTapLinesMax: 200,
  logTapLineCharsMax: 16 * 1024,

  /** Messages of one run that wait for the end of its transaction. */
  deferredBytesMax: 4 * 1024 * 1024,
  /** Messages of one lane that wait for the disk; over it the lane is not read. */
  ackHoldBytesMax: 16 * 1024 * 1024,
  /** One RPC message: a body of valueBytesMax, and what is around it. */
  rpcFrameBytesMax: 1024 * 1024 + 64 * 1024,
  /** Calls under way on one RPC connection, at either end; more are refused. */
  rpcInFlightMax: 16_384,
  /** Bytes that wait to leave on one RPC connection before it is given up. */
  rpcQueueBytesMax: 64 * 1024 * 1024,
  /** RPC connections that a host accepts. */
  rpcConnectionsMax: 1024,
  /** A call that says nothing else waits this long. */
  rpcTimeoutMs: 5000,
  /** The longest that a call may ask for. */
  rpcTimeoutMsMax: 600_000,
  rpcConnectMs: 3000,
  /** Between two heartbeats; a connection on which nothing comes for three of them is given up. */
  rpcHeartbeatMs: 2000,
  /** An accepted connection on which nothing comes for this long is ended. */
  rpcSilentMs: 60_000,
  /** The first pause before a node is connected to again; it doubles up to the next. */
  rpcReconnectFirstMs: 50,
  rpcReconnectMsMax: 5000,
  /** How exactly deadlines of calls are kept. */
  rpcTickMs: 5,
  /** A call with an idempotency key is sent again when nothing came for this long, or for a quarter
   * of its time if that is longer; the pause doubles each time. */
  rpcAttemptMs: 500,
  /** Times that one call is sent, at most. */
  rpcAttemptsMax: 5,
  /** Sending again: earned by each call, so that it adds no more than a fifth to the load ... */
  rpcRetryShare: 0.19,
  /** ... and saved up to this many, for quiet hours. */
  rpcRetriesSavedMax: 10,
  /** Failures in a row, or half of the last calls, that open a node's circuit ... */
  rpcFailuresInRowMax: 8,
  rpcFailureWindow: 32,
  /** ... for this long at first; it doubles up to the next. */
  rpcCircuitOpenMs: 1000,
  rpcCircuitOpenMsMax: 30_000,
  /** How long an HTTP client may take to send its call. */
  rpcHttpRequestMs: 10_000,
  /** Parameters of a GET. */
  rpcQueryFieldsMax: 256,
  /** Methods whose calls are counted apart; the rest are counted together. */
  rpcMethodsCountedMax: 4096,
  /** Answers kept for calls with an idempotency key: how long, how many, how many bytes ... */
  onceKeptMs: 24 * 3600 * 1000,
  onceEntriesMax: 200_000,
  onceBytesMax: 64 * 1024 * 1024,
  /** ... and how long for certain; new calls are refused rather than drop one that is younger. */
  onceKeptMsMin: 60_000,
  /** SQL that the drainer sends in one transaction of the database. */
  batchBytesMax: 4 * 1024 * 1024,
  /** The drainer's first pause before it tries a database again; it doubles up to the next. */
  drainRetryFirstMs: 100,
  drainRetryMsMax: 10_000,
  /** How often a drainer that stands before a dead letter looks for a decision. */
  drainLookMs: 250,
  /** How often a host looks at what a drainer that is not its own has written of itself. */
  drainFollowMs: 50,
  /** How often a drainer that works writes its status. */
  drainStatusMs: 500,
  /** How long the host waits for its drainer to finish when it stops; how long one without a host goes on. */
  drainStopMs: 20_000,
  /** How long the drainer waits for a connection to the database. */
  databaseConnectMs: 5000,
  /** How long it waits for the answer to a batch; then the connection counts as dead. */
  databaseReplyMs: 60_000,
  /** How long a migration may take: it may have to copy a table. */
  databaseMigrateMs: 3600 * 1000,
  /** How long a statement of the drainer may wait for a lock of somebody else. */
  databaseLockMs: 10_000,

  // Defaults of config/host.lua, under the names of its fields.
  /** Lanes of one host. */
  lanesMax: 64,
  /** Heap of one lane. */
  laneMemoryMb: 512,
  /** One request, from its start to its reply, waits included. */
  requestTimeoutMs: 10_000,
  /** One run of Lua code between two waits. */
  runBudgetMs: 500,
  /** Messages of one session that wait for its coroutine. */
  inboxMessagesMax: 32,
  /** Seconds between two heartbeats of a client. */
  heartbeatS: 30,
  connectionsMax: 10_000,
  /** From the first byte of a connection to its handshake's end. */
  handshakeTimeoutMs: 10_000,
  frameBytesMaxBeforeBind: 4 * 1024,
  frameBytesMax: 64 * 1024,
  /** Bytes that wait for a slow client. */
  outQueueBytesMax: 256 * 1024,
  /** How long those bytes may stand still before the client is kicked. */
  outStallMs: 2000,
  /** One Redis command, from its call to its answer. */
  redisTimeoutMs: 2000,
  /** How long a slave is believed to live without a renewal. */
  clusterLeaseMs: 3000,
  /** How long a client has to come to its slave. */
  clusterTokenMs: 30_000,
  /** How long the registry believes that a node lives without a renewal. */
  registryLeaseMs: 6000,
  /** The cache of one host. */
  cacheBytes: 64 * 1024 * 1024,
  /** Transactions of the spool that the drainer applies in one transaction of the database. */
  batchTransactionsMax: 2000,
  /** Days that drained segments stay in the archive; 0 is for ever. */
  archiveDays: 0,
  /** One query of a read, waiting for a connection included. */
  queryTimeoutMs: 3000,
  /** Connections of one host to the database, for reads. */
  poolConnectionsMax: 8,
  /** Rows that one query may return. */
  resultRowsMax: 10_000,
  /** Queries of all lanes that are under way or wait for the drainer. */
  queriesMax: 4096,
  /** A query that takes longer, its wait for the drainer included, is counted as slow. */
  querySlowMs: 500,
  /** SQL text of one query, its values included. */
  querySqlBytesMax: 256 * 1024,
  /** Prepared statements that one reading connection to MySQL keeps; the server's own limit is 16,382
   * for all connections. */
  mysqlStatementsPreparedMax: 64,
  /** How long a connection to a database server may take to be made. */
  connectTimeoutMs: 3000,
  /** The most that `resultBytesMax` may be set to: one message of a ring. */
  resultBytesMost: 2 * 1024 * 1024 - 4096,
  /** Memory of one lane for the entities that it has loaded. */
  entityBytesMax: 64 * 1024 * 1024,
  /** How long a query waits for what the spool held at the start, when that is not in the database. */
  backlogTimeoutMs: 30_000,
  /** From the begin of a stop until it waits no more for the drainer to bring in the rest. */
  drainFinishMs: 4500,
  /** What the drainer has for that at least, when services took long to stop. */
  drainFinishMsMin: 300,
  /** Bytes that one query may return. */
  resultBytesMax: 1024 * 1024,
} as const
