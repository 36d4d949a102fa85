// The lane's part in a reload: takes commands from its mailbox, answers them, stands still when asked.
//
// Lane thread. `look` is called between two messages (Lane.atBoundary) and once per turn of the loop;
// it costs one load when there is nothing. Between `stage` and `commit` or `abort` the lane runs
// nothing: `look` sleeps on the lane's bell in there. It still counts turns, so the watchdog sees a
// lane that waits, not one that hangs. An error in new code is an answer and never ends the lane.

import { receiveMessageOnPort } from 'node:worker_threads'
import { HostError } from '../base/errors.ts'
import type { Doorbell } from '../thread/doorbell.ts'
import { message } from '../thread/messages.ts'
import type { Lane } from './lane.ts'
import type { LuaTimers } from './lua-timers.ts'
import type { LuaTopics } from './lua-topics.ts'
import type { ReloadAnswer, ReloadCommand } from './reload-plan.ts'
import type { Compiled, Services } from './services.ts'

/** While it waits, the lane looks up this often, so that the inspector can reach it. */
const waitMs = 50

export class LaneReload {
  readonly #lane: Lane
  readonly #services: Services
  readonly #timers: LuaTimers
  readonly #topics: LuaTopics
  readonly #bell: Doorbell
  #seen = 0
  #compiled: Compiled | undefined
  #isHeld = false
  /** Lua work that was asked for before the new code ran. */
  #laterBefore = 0

  constructor(
    lane: Lane,
    services: Services,
    timers: LuaTimers,
    topics: LuaTopics,
    bell: Doorbell,
  ) {
    this.#lane = lane
    this.#services = services
    this.#timers = timers
    this.#topics = topics
    this.#bell = bell
  }

  /** Between two messages: does what the core has asked for. */
  look(): void {
    if (this.#lane.activity.asked === this.#seen) return
    this.#takeCommands()
    while (this.#isHeld) {
      this.#lane.activity.turn()
      const ticket = this.#bell.ticket()
      if (this.#lane.activity.asked === this.#seen) this.#bell.wait(ticket, waitMs)
      this.#takeCommands()
    }
  }

  #takeCommands(): void {
    this.#seen = this.#lane.activity.asked
    for (;;) {
      const received = receiveMessageOnPort(this.#lane.start.mailbox)
      if (received === undefined) return
      this.#obey(received.message as ReloadCommand)
    }
  }

  #obey(command: ReloadCommand): void {
    switch (command.kind) {
      case 'survey':
        return this.#answer(command.id, {
          problems: [],
          warnings: [],
          uses: this.#services.uses,
          loaded: this.#services.loadedModules,
        })
      case 'prepare': {
        const { compiled, problems } = this.#services.compile(command.plan)
        this.#compiled = compiled
        return this.#answer(command.id, { problems, warnings: [] })
      }
      case 'stage':
        return this.#stage(command.id)
      case 'commit':
        return this.#commit(command.id, command.codes)
      case 'abort':
        return this.#abort()
    }
  }

  #stage(id: number): void {
    const compiled = this.#compiled
    if (compiled === undefined) return
    this.#isHeld = true
    this.#laterBefore = this.#lane.laterCount
    this.#timers.begin()
    this.#topics.begin()
    try {
      const routes = this.#services.stage(compiled)
      this.#answer(id, { problems: [], warnings: [], routes })
    } catch (error) {
      if (!(error instanceof HostError)) throw error
      this.#answer(id, { problems: [error.message], warnings: [] })
    }
  }

  #commit(id: number, codes: readonly string[]): void {
    const { plan } = this.#compiled as Compiled
    this.#services.commit(codes)
    const rerun = new Set(plan.rerun)
    const files = new Set(plan.services.map((service) => service.module.path))
    for (const name of rerun) {
      const path = this.#services.module(name)?.path
      if (path !== undefined) files.add(path)
    }
    const warnings = this.#timers.commit(files)
    this.#topics.commit()
    this.#finish()
    this.#answer(id, { problems: [], warnings })
  }

  #abort(): void {
    if (this.#isHeld) {
      this.#services.abort()
      this.#timers.abort()
      this.#topics.abort()
      this.#lane.forgetLater(this.#laterBefore)
    }
    this.#finish()
  }

  #finish(): void {
    this.#compiled = undefined
    this.#isHeld = false
  }

  #answer(id: number, answer: ReloadAnswer): void {
    const { port } = this.#lane
    port.bytes(message.reloadAnswer, id, 0, Buffer.from(JSON.stringify(answer)))
    port.flush()
  }
}
