// The running host as admin commands see it, and the faces through which they come.
//
// Core thread; a part of the composition root, so it knows every room and keeps no rule of its own.
// What takes a lane's word (eval, gc, profile) is asked by ring and has a time limit; the rest is
// read where it stands.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  AdminHost,
  ClusterReport,
  DrainNodeReport,
  EvalReport,
  GcReport,
  LogLevel,
  ProfileReport,
  ServiceReport,
  SessionDetail,
  SessionFilter,
  SessionReport,
  TraceEvent,
  TraceFilter,
} from '../admin/admin-host.ts'
import { MessageTracer } from '../admin/message-tracer.ts'
import { type CpuProfile, summarizeProfile } from '../admin/profile-report.ts'
import { publicConfig } from '../admin/public-config.ts'
import { listSessions, sessionDetail, sessionReport } from '../admin/session-report.ts'
import type { HostStatus } from '../admin/status.ts'
import type { StatusGatherer } from '../admin/status-gatherer.ts'
import type { Clock } from '../base/clock.ts'
import { HostError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { OpenLog } from '../base/log.ts'
import { hostSchema } from '../config/host-schema.ts'
import type { HostConfig } from '../config/types.ts'
import type { Gate } from '../gate/gate.ts'
import type { Session } from '../gate/session.ts'
import type { CodeBook } from '../lane/code-book.ts'
import type { LaneEvalAnswer, LaneGcAnswer } from '../lane/lane-inspection.ts'
import type { LaneQuestions } from '../lane/lane-questions.ts'
import type { ReloadControl, ReloadReport, ReloadTarget } from '../lane/reload-control.ts'
import { collectGarbage, RunningProfile } from '../thread/self-inspection.ts'

/** What a lane may take to answer, beyond what it was asked to do. */
const answerMs = 5000

export interface HostAdminParts {
  readonly config: () => HostConfig
  readonly gate: Gate
  readonly questions: LaneQuestions
  readonly reload: ReloadControl
  readonly book: CodeBook
  readonly status: StatusGatherer
  readonly log: OpenLog
  readonly clock: Clock
  readonly stop: (reason: string) => void
  readonly drainNode: () => DrainNodeReport
  readonly cluster: () => ClusterReport
}

export class HostAdmin implements AdminHost {
  readonly #parts: HostAdminParts
  readonly #tracer: MessageTracer
  #isProfilingCore = false

  constructor(parts: HostAdminParts) {
    this.#parts = parts
    this.#tracer = new MessageTracer(parts.gate, parts.clock)
  }

  status(): HostStatus {
    return this.#parts.status.status()
  }

  services(): ServiceReport[] {
    const { book } = this.#parts
    return book.services.map(({ name, lanes, module, version }) => ({
      name,
      file: module.path,
      lanes,
      version,
      routes: book.codes.filter((route) => route.startsWith(`${name}.`)).sort(),
    }))
  }

  sessions(filter: SessionFilter): { sessions: SessionReport[]; total: number } {
    const { gate, clock } = this.#parts
    return listSessions(gate.sessions, filter, clock.monotonicMs())
  }

  session(which: string): SessionDetail {
    return sessionDetail(this.#find(which), this.#parts.clock.monotonicMs())
  }

  kick(which: string, reason: string): SessionReport {
    const session = this.#find(which)
    const report = sessionReport(session, this.#parts.clock.monotonicMs())
    this.#parts.gate.kick(session, reason)
    return report
  }

  reload(target: ReloadTarget): Promise<ReloadReport> {
    return this.#parts.reload.reload(target)
  }

  rollback(name: string): Promise<ReloadReport> {
    return this.#parts.reload.rollback(name)
  }

  config(): Record<string, unknown> {
    const config: object = this.#parts.config()
    const sections = Object.entries(config).filter(([name]) => Object.hasOwn(hostSchema, name))
    return publicConfig(Object.fromEntries(sections))
  }

  logLevel(): LogLevel {
    return this.#parts.log.log.level as LogLevel
  }

  setLogLevel(level: LogLevel): void {
    this.#parts.log.log.level = level
  }

  recentLog(): readonly string[] {
    return this.#parts.log.tap.recent()
  }

  tailLog(sink: (line: string) => void): () => void {
    return this.#parts.log.tap.watch(sink)
  }

  trace(filter: TraceFilter, sink: (event: TraceEvent) => void): () => void {
    return this.#tracer.watch(filter, sink)
  }

  async eval(lane: number, source: string, limitMs: number): Promise<EvalReport> {
    const { admin, lanes } = this.#parts.config()
    if (!admin.eval) {
      throw new HostError('FORBIDDEN', 'eval is off: set admin.eval = true in config/host.lua')
    }
    const waitMs = limitMs + lanes.runBudgetMs + limits.laneYieldMs + answerMs
    const text = await this.#ask(lane, { ask: 'eval', source, limitMs }, waitMs)
    const { values, durationMs } = JSON.parse(text) as LaneEvalAnswer
    return { lane, values, durationMs }
  }

  async gc(): Promise<GcReport[]> {
    const reports: GcReport[] = []
    for (let lane = 0; lane < this.#parts.config().lanes.count; lane++) {
      const text = await this.#ask(lane, { ask: 'gc' }, answerMs)
      reports.push({ thread: `lane ${lane}`, ...(JSON.parse(text) as LaneGcAnswer) })
    }
    return [...reports, { thread: 'core', ...collectGarbage() }]
  }

  async profile(where: number | 'core', durationMs: number): Promise<ProfileReport> {
    const text =
      where === 'core'
        ? await this.#profileCore(durationMs)
        : await this.#ask(where, { ask: 'profile', durationMs }, durationMs + answerMs)
    const { root, node } = this.#parts.config()
    const at = new Date(this.#parts.clock.wallMs()).toISOString().replace(/[-:.Z]/g, '')
    const thread = where === 'core' ? 'core' : `lane${where}`
    const folder = 'data/profiles'
    const file = `${folder}/${node.name}-${thread}-${at}.cpuprofile`
    await mkdir(join(root, folder), { recursive: true, mode: 0o700 })
    await writeFile(join(root, file), text, { mode: 0o600 })
    return { file, ...summarizeProfile(JSON.parse(text) as CpuProfile) }
  }

  cluster(): ClusterReport {
    return this.#parts.cluster()
  }

  drainNode(): DrainNodeReport {
    return this.#parts.drainNode()
  }

  stop(reason: string): void {
    this.#parts.stop(reason)
  }

  async #profileCore(durationMs: number): Promise<string> {
    if (this.#isProfilingCore) {
      throw new HostError('SCRIPT', 'the core is being profiled already')
    }
    this.#isProfilingCore = true
    try {
      const profile = new RunningProfile()
      await new Promise((resolve) => setTimeout(resolve, durationMs))
      return profile.stop()
    } finally {
      this.#isProfilingCore = false
    }
  }

  #ask(lane: number, question: Parameters<LaneQuestions['ask']>[1], ms: number): Promise<string> {
    const { count } = this.#parts.config().lanes
    if (lane >= count) {
      throw new HostError('NOT_FOUND', `there is no lane ${lane}: they are 0 to ${count - 1}`)
    }
    return this.#parts.questions.ask(lane, question, ms)
  }

  /** By uid, or else by session id. */
  #find(which: string): Session {
    const { sessions } = this.#parts.gate
    const byId = /^\d{1,10}$/.test(which) ? sessions.get(Number(which)) : undefined
    const found = sessions.byUid(which) ?? byId
    if (found !== undefined) return found
    throw new HostError('NOT_FOUND', `there is no session with the uid or id '${which}'`)
  }
}
