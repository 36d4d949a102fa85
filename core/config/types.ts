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

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  readonly pretty: boolean | 'auto'
}

/** The sections of config/host.lua. */
export interface HostSections {
  readonly node: NodeConfig
  readonly lanes: LanesConfig
  readonly lua: LuaConfig
  readonly listen: ListenConfig
  readonly gate: GateConfig
  readonly log: LogConfig
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

export interface HostConfig extends HostSections {
  /** The folder that paths are relative to; absolute. */
  readonly root: string
  readonly services: readonly ServiceConfig[]
  readonly tables: readonly TableConfig[]
}

/** Values that a command line puts over those of host.lua, by section and camelCase field. */
export type HostOverrides = {
  readonly [S in keyof HostSections]?: Partial<HostSections[S]>
}
