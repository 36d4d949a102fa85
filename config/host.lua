-- The host's settings. Everything here is optional: what you leave out has the value that is shown.
-- `npm run check` reads this file and tells you what is wrong with it, with the line.
--
-- A setting can come from the environment:  tcp = env("GAME_TCP_PORT", 7300)

return {
  -- Who this host is among the hosts of your game.
  node = {
    name = "node1", -- in logs and file names
    id = 1, -- 0..1023; part of every id that id.next() makes, so each host needs its own
  },

  -- Lanes are the threads that run Lua. A player stays in one lane.
  lanes = {
    -- count = 3,             -- how many; one less than the machine has cores when left out
    memory_mb = 512, -- Lua data of one lane; a lane that needs more is stopped and started anew
    request_timeout_ms = 10000, -- a handler that takes longer, waits included, is ended
    run_budget_ms = 500, -- a handler that computes for longer without a wait is killed
    inbox_messages_max = 32, -- messages of one player that may wait; then we stop reading from him
  },

  lua = {
    engine = env("MOONWHEEL_LUA_ENGINE", "v8"), -- "v8" (fast) or "fengari" (the reference)
    string_bytes_max = 16 * 1024 * 1024, -- the longest text that string.rep and the like may build
  },

  -- Where clients connect. 0 is any free port (it is printed at start), false is off.
  listen = {
    host = "127.0.0.1", -- "0.0.0.0" lets other machines in
    tcp = 7300,
    ws = 7301,
    http = 7302, -- the playground page
  },

  -- The gate checks what comes from clients before any Lua sees it.
  gate = {
    heartbeat_s = 30, -- seconds between heartbeats; a client that misses two is disconnected
    connections_max = 10000,
    handshake_timeout_ms = 10000, -- from connecting to the end of the handshake
    frame_bytes_max_before_bind = 4096, -- the largest message before login
    frame_bytes_max = 65536, -- and after
    out_queue_bytes_max = 262144, -- bytes that may wait for a slow client
    out_stall_ms = 2000, -- how long they may stand still; then the client is kicked
    -- What a client may call before it has logged in. Everything else is refused.
    public_routes = { "login.*", "echo.*" },
  },

  -- What db.exec and entities write goes to files first: readable SQL, safe on the disk before the
  -- player is answered. A process of its own then brings it into the database.
  spool = {
    folder = "sql-spool",
    policy = "fdatasync", -- "write" is faster, and loses the last moments when the power fails
    segment_bytes_max = 64 * 1024 * 1024, -- of one file
  },
  drain = {
    auto = true, -- started and watched by this host; false: you run `npm run drain -- --follow`
    batch_transactions_max = 2000, -- as many go into the database at once
    archive_days = 0, -- how long drained files are kept; 0 is for ever
  },

  -- The game's database; config/schema says which tables it has.
  db = {
    -- "mysql://user:password@127.0.0.1:3306/game" (MariaDB too), "postgres://user@127.0.0.1/game"
    url = env("MOONWHEEL_DB_URL", "sqlite:data/game.db"),
    query_timeout_ms = 3000,
    pool_connections_max = 8, -- for reads, of this host
    result_rows_max = 10000, -- a query that finds more is an error
    result_bytes_max = 1024 * 1024,
    entity_bytes_max = 64 * 1024 * 1024, -- rows that each lane keeps in memory for entity.load
  },

  -- Redis is for what several hosts share: redis.call, and topics (channel.publish) between them.
  redis = {
    url = env("GAME_REDIS_URL", ""), -- such as "redis://127.0.0.1:6379"; "" is off
    prefix = "moonwheel:", -- before the names of what the host itself keeps there
    timeout_ms = 2000, -- one command, from its call to its answer
  },

  -- cache.get and cache.set: this host's memory, for all of its lanes.
  cache = {
    bytes_max = 64 * 1024 * 1024, -- beyond it, what was used longest ago goes
  },

  -- Calls between hosts (docs/RPC.md). Which hosts there are says config/routes.lua.
  rpc = {
    host = "127.0.0.1", -- where other hosts connect; an address of your inner network, never a public one
    port = false, -- of the listener; a cluster needs one for each host
    http_port = false, -- the same services over HTTP, for tools
    token = env("MOONWHEEL_RPC_TOKEN", ""), -- what callers must know; "" lets everybody in
    timeout_ms = 5000, -- how long a call waits when it says nothing else
    lease_ms = 6000, -- with Redis, hosts find each other; one that is silent for so long is left out
  },

  log = {
    level = "info", -- trace, debug, info, warn, error
    pretty = "auto", -- true: for people; false: one JSON object a line; "auto": people on a terminal
  },

  -- What `npm run admin -- help` lists.
  admin = {
    socket = "data/admin-{node}.sock", -- only its owner may use it; false is off
    http = true, -- POST /admin/<command> on listen.http, from this machine and with the token only
    eval = false, -- true lets an operator run Lua in a lane
  },
}
