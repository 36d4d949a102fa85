// Who uses which Lua modules, and what a change of some of them reaches. Core thread; pure.
//
//   service bag ──▶ shared.damage ──▶ shared.math        a change of shared.math reaches
//   service shop ─────────────────────────┘              shared.damage, bag and shop

import type { ReloadAnswer } from './reload-plan.ts'

export class UseGraph {
  readonly #uses = new Map<string, Set<string>>()
  readonly #loaded = new Set<string>()

  /** @param surveys what each lane has told */
  constructor(surveys: readonly ReloadAnswer[]) {
    for (const survey of surveys) {
      for (const [user, module] of survey.uses ?? []) this.add(user, module)
      for (const module of survey.loaded ?? []) this.#loaded.add(module)
    }
  }

  add(user: string, module: string): void {
    const known = this.#uses.get(user)
    if (known === undefined) this.#uses.set(user, new Set([module]))
    else known.add(module)
  }

  isLoaded(module: string): boolean {
    return this.#loaded.has(module)
  }

  /** All modules that these users require, and those that these require, and so on. */
  reach(users: Iterable<string>): Set<string> {
    const reached = new Set<string>()
    const todo = [...users]
    for (let user = todo.pop(); user !== undefined; user = todo.pop()) {
      for (const module of this.#uses.get(user) ?? []) {
        if (reached.has(module)) continue
        reached.add(module)
        todo.push(module)
      }
    }
    return reached
  }

  /** Whoever has one of these modules in its reach: `service NAME`s and modules. */
  usersOf(modules: ReadonlySet<string>): Set<string> {
    const users = new Set<string>()
    for (const user of this.#uses.keys()) {
      for (const module of this.reach([user])) {
        if (!modules.has(module)) continue
        users.add(user)
        break
      }
    }
    return users
  }
}

/** The modules that a source requires by plain names; what it computes is found when it runs. */
export function requiredNames(source: Uint8Array): string[] {
  const text = Buffer.from(source).toString('latin1')
  return [...text.matchAll(/\brequire\s*\(?\s*["']([\w.]+)["']/g)].map((found) => found[1] ?? '')
}
