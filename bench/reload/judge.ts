// Judges the answers of a reload run: each by itself, in its player's order, and against all others.
//
// Main thread of the benchmark; pure. `seen` is the highest version that any answer has shown to any
// player. A request that was sent after that must not be answered by older code, in whichever lane:
// that is what "at once everywhere" means to a player. One player's answers never go back, and his
// calls count up by one.

export interface Answer {
  readonly code?: number
  readonly calls?: number
  readonly versions?: readonly number[]
}

/** What is known of one player. */
interface Known {
  calls: number
  version: number
}

export class Judge {
  /** The highest version that was shown, or reported by the host as swapped everywhere. */
  seen = 1
  answers = 0
  /** Error replies, and what is no answer at all. */
  failed = 0
  /** Two versions in one message. */
  mixed = 0
  /** Older code than some player had met before this request was sent. */
  stale = 0
  /** A player's calls did not count up by one: state was lost, or a message was. */
  miscounted = 0
  /** The first fault in words, for the report. */
  firstFault: string | undefined
  readonly #players = new Map<string, Known>()

  /** @param floor `seen` when the request was sent @returns the answer's version; 0 for none */
  take(uid: string, floor: number, { code, calls, versions = [] }: Answer): number {
    this.answers++
    const [version] = versions
    if (code !== 200 || version === undefined || calls === undefined) {
      this.failed++
      this.#fault(`${uid} got code ${code}`)
      return 0
    }
    if (versions.some((each) => each !== version)) {
      this.mixed++
      this.#fault(`${uid} met versions ${versions.join(', ')} in one message`)
    }
    const known = this.#players.get(uid) ?? { calls: 0, version: 1 }
    this.#players.set(uid, known)
    if (version < floor || version < known.version) {
      this.stale++
      this.#fault(`${uid} was answered by version ${version} after ${floor} was seen`)
    }
    if (calls !== known.calls + 1) {
      this.miscounted++
      this.#fault(`${uid}: call ${calls} came after call ${known.calls}`)
    }
    known.calls = calls
    known.version = version
    this.seen = Math.max(this.seen, version)
    return version
  }

  get faults(): number {
    return this.failed + this.mixed + this.stale + this.miscounted
  }

  #fault(text: string): void {
    this.firstFault ??= text
  }
}
