// The game of the reload benchmark: a service and a module, each of which says its version.
//
// A message's answer shows every version that the handler has met: at its begin and its end, of the
// service and of the module, by a local of the file and by way of a function. All of them are one
// number, or two codes have met in one message. `state` counts each uid's calls.

import { loginService } from '../host/login-service.ts'

const bag = (version: number) => `
local bag = service "bag"
local rules = require "shared.rules"
local S = state "bag"
S.calls = S.calls or {}
local version = ${version}
local function current() return version end
function bag.handler.look(session, msg)
  local uid = session.uid
  local calls = (S.calls[uid] or 0) + 1
  S.calls[uid] = calls
  local before, rules_before = version, rules.version()
  if msg.ms > 0 then sleep(msg.ms) end
  return { code = 200, calls = calls, versions = { before, rules_before, current(), rules.version() } }
end
return bag`

const rules = (version: number) => `
local rules = {}
local version = ${version}
function rules.version() return version end
return rules`

/** The files that a version changes. */
export function versionFiles(version: number): Readonly<Record<string, string>> {
  return { 'lua/services/bag.lua': bag(version), 'lua/shared/rules.lua': rules(version) }
}

export function gameFiles(engine: string, lanes: number): Readonly<Record<string, string>> {
  return {
    'config/host.lua': `return {
  node = { name = "reload" },
  lanes = { count = ${lanes}, memory_mb = 256 },
  lua = { engine = "${engine}" },
  listen = { ws = false, http = false },
  gate = { public_routes = { "login.*" } },
  log = { level = "info", pretty = false },
}
`,
    'config/services.lua': 'return { { name = "login" }, { name = "bag" } }\n',
    'lua/services/login.lua': loginService,
    ...versionFiles(1),
  }
}
