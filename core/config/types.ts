// The typed, frozen configuration that the rest of the host sees; see config/host.lua for meanings.
//
// Any thread; plain data, so it can be sent to a worker as it is. A field is snake_case in Lua and
// camelCase here; units are in the names. Made by load.ts and by nothing else.

/** false is off; 0 is any free port. */
export type Port = number | false

export interface NodeConfig {
  readonly name: string
  /** 0..1023; part of every snowflake id. */
  readonly id: number
}

export interface LanesConfig {
  readonly count: number
  readonly memoryMb: number
  readonly requestTimeoutMs: number
  readonly runBudgetMs: number
  readonly inboxMessagesMax: number
}

export interface LuaConfig {
  readonly engine: 'fengari' | 'v8'
  readonly stringBytesMax: number
}

export interface ListenConfig {
  readonly host: string
  readonly tcp: Port
  readonly ws: Port
  readonly http: Port
}

export interface GateConfig {
  readonly heartbeatS: number
  readonly connectionsMax: number
  readonly handshakeTimeoutMs: number
  readonly frameBytesMaxBeforeBind: number
  readonly frameBytesMax: number
  readonly outQueueBytesMax: number
  readonly outStallMs: number
  /** Patterns of routes that a client may call before bind: `login.*` or a whole route. */
  readonly publicRoutes: readonly string[]
}

export interface RedisConfig {
  /** `redis://host:port/database`; '' is off. */
  readonly url: string
  /** Before the names of everything that the host itself keeps there. */
  readonly prefix: string
  readonly timeoutMs: number
}

export interface CacheConfig {
  readonly bytesMax: number
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  readonly pretty: boolean | 'auto'
}

export interface SpoolConfig {
  /** Where SQL records are written, from the root folder; each host has a folder of its name in it. */
  readonly folder: string
  /** `fdatasync` survives a power failure, `write` only the end of the process. */
  readonly policy: 'fdatasync' | 'write'
  readonly segmentBytesMax: number
}

export interface DrainConfig {
  /** The host runs the drainer as a supervised child. */
  readonly auto: boolean
  /** Transactions that go into the database in one of its transactions. */
  readonly batchTransactionsMax: number
  /** Days that drained segments are kept in the archive; 0 is for ever. */
  readonly archiveDays: number
}

export interface DbConfig {
  /** `sqlite:data/game.db`, `mysql://user:password@host/name`, `postgres://...`: database-url.ts. */
  readonly url: string
  readonly queryTimeoutMs: number
  /** Connections for reads, of each host. */
  readonly poolConnectionsMax: number
  readonly resultRowsMax: number
  readonly resultBytesMax: number
  /** Of each lane: rows that it keeps in memory. */
  readonly entityBytesMax: number
}

export interface AdminConfig {
  /** Path of the Unix socket, from the root; `{node}` stands for the node's name. False: none. */
  readonly socket: string | false
  /** Whether `POST /admin/<command>` is answered on the playground's port, to this machine only. */
  readonly http: boolean
  /** Whether an operator may run Lua in a lane. */
  readonly eval: boolean
}

export interface RpcConfig {
  /** How long the registry in Redis believes that a node lives without a renewal. */
  readonly leaseMs: number
  /** Where other nodes connect; not where players do. */
  readonly host: string
  /** Of the RPC listener (TCP). */
  readonly port: Port
  /** Of its HTTP face. */
  readonly httpPort: Port
  /** What callers must say; '' lets everybody in who can connect. */
  readonly token: string
  /** How long a call waits when it says nothing else. */
  readonly timeoutMs: number
}

/** The sections of config/host.lua. */
export interface HostSections {
  readonly node: NodeConfig
  readonly lanes: LanesConfig
  readonly lua: LuaConfig
  readonly listen: ListenConfig
  readonly gate: GateConfig
  readonly spool: SpoolConfig
  readonly drain: DrainConfig
  readonly db: DbConfig
  readonly redis: RedisConfig
  readonly cache: CacheConfig
  readonly log: LogConfig
  readonly rpc: RpcConfig
  readonly admin: AdminConfig
}

/** How one of several nodes is chosen for a call. */
export const balanceNames = ['round_robin', 'random', 'weighted', 'least_loaded', 'hash'] as const
export type BalanceName = (typeof balanceNames)[number]

export interface NodeRoute {
  readonly name: string
  readonly host: string
  /** Of its RPC listener. */
  readonly port: number
  /** Its share of the calls under `weighted` and `hash`. */
  readonly weight: number
}

export interface ServiceNodes {
  readonly service: string
  readonly nodes: readonly string[]
  readonly balance: BalanceName | undefined
}

export interface RoutesConfig {
  readonly nodes: readonly NodeRoute[]
  readonly services: readonly ServiceNodes[]
}

/** A file of config/proto. */
export interface ProtoFile {
  /** From the root folder: `config/proto/bag.proto`. */
  readonly path: string
  readonly text: string
}

export interface ServiceConfig {
  readonly name: string
  /** Path from the root folder: `lua/services/login.lua`. */
  readonly file: string
  /** In every lane, or in exactly one. */
  readonly lanes: 'all' | 'one'
}

/**
 * Data that a Lua file returned, as JSON knows it; text is UTF-16, as everywhere in TypeScript. A
 * table with keys 1..n is an array, one with text keys an object. JSON has no other keys, so any
 * other table is `{ $pairs: [[key, value], ...] }`: lua-values.ts makes both ways.
 */
export type PlainValue =
  | boolean
  | number
  | string
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue }

/** One file of config/tables, validated. A schema's rows are keyed by their key column. */
export interface TableConfig {
  /** The file's name without `.lua`; Lua sees it as `config.tables[name]`. */
  readonly name: string
  /** Path from the root folder: `config/tables/skills.lua`. */
  readonly file: string
  readonly value: PlainValue
  /** Rows of a table with a schema; undefined for free-form data. */
  readonly rowCount: number | undefined
}

/** What a column holds; core/config/database-schema.ts says what each kind means. */
export const columnKinds = ['int', 'float', 'text', 'blob', 'json', 'bool', 'time'] as const
export type ColumnKind = (typeof columnKinds)[number]

export interface DatabaseColumn {
  readonly name: string
  readonly kind: ColumnKind
  /** It may be NULL. */
  readonly optional: boolean
  /** Characters (code points) of a text; undefined: no limit of its own. */
  readonly lengthMax: number | undefined
  readonly default: boolean | number | string | undefined
}

export interface DatabaseIndex {
  readonly name: string
  readonly columns: readonly string[]
  readonly unique: boolean
}

/** One file of config/schema, validated: a table of the game's database. */
export interface DatabaseTable {
  readonly name: string
  /** Path from the root folder: `config/schema/role.lua`. */
  readonly file: string
  /** The columns of the primary key, in its order. */
  readonly key: readonly string[]
  /** The key's first, then the others as the file has them. */
  readonly columns: readonly DatabaseColumn[]
  readonly indexes: readonly DatabaseIndex[]
}

/** A host of a cluster: a row of config/cluster.lua. */
export interface ClusterNode {
  readonly name: string
  readonly role: 'master' | 'slave'
  /** Where other nodes and clients reach it. */
  readonly host: string
  readonly id: number
  readonly rpc: number
  readonly tcp: Port
  readonly ws: Port
  readonly http: Port
}

export interface ClusterConfig {
  readonly secret: string
  readonly leaseMs: number
  readonly tokenMs: number
  /** What a client calls on the slave, with its token. */
  readonly route: string
  readonly nodes: readonly ClusterNode[]
  readonly self: ClusterNode
  readonly master: ClusterNode
}

export interface HostConfig extends HostSections {
  /** The folder that paths are relative to; absolute. */
  readonly root: string
  readonly services: readonly ServiceConfig[]
  /** Undefined without config/cluster.lua. */
  readonly cluster: ClusterConfig | undefined
  readonly tables: readonly TableConfig[]
  /** config/routes.lua: which other nodes there are, and what they serve. */
  readonly routes: RoutesConfig
  /** config/proto/*.proto, as text. */
  readonly protos: readonly ProtoFile[]
  /** The database's tables, by name in order of the alphabet. */
  readonly schema: readonly DatabaseTable[]
}

/** Values that a command line puts over those of host.lua, by section and camelCase field. */
export type HostOverrides = {
  readonly [S in keyof HostSections]?: Partial<HostSections[S]>
}
