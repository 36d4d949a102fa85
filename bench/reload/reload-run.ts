// One reload run: players send all the time, the code is reloaded again and again under them.
//
// Main thread of the benchmark. Each player sends, waits for the answer, thinks, sends again; a part
// of the messages waits in the middle of its handler, so that reloads find coroutines that wait. A
// reload goes the operator's way: new files, then `reload bag` over the admin socket. The next one
// begins when every lane has answered with the last one's version.

import { hashText } from '../../core/base/hash.ts'
import { Histogram } from '../../core/base/histogram.ts'
import { type BenchHost, startBenchHost } from '../host/bench-host.ts'
import { openPlayers, type Player } from '../host/player.ts'
import { gameFiles, versionFiles } from './game.ts'
import { type Answer, Judge } from './judge.ts'

export interface ReloadRunOptions {
  readonly engine: string
  readonly lanes: number
  readonly players: number
  readonly reloads: number
  /** Between an answer and the next request of a player, on average. */
  readonly thinkMs: number
  /** Seconds without a reload at the start, to compare with. */
  readonly quietS: number
}

export interface ReloadRunResult {
  readonly judge: Judge
  /** Connections that ended. */
  readonly closed: readonly string[]
  /** Times of the reloads as the operator saw them, in microseconds. */
  readonly reloadUs: Histogram
  readonly quietUs: Histogram
  readonly duringUs: Histogram
  readonly seconds: number
  /** Lanes that answered with each version; all of them, or the run would not have gone on. */
  readonly lanesPerVersion: number
}

/** How long the lanes may take to show a version to players who ask all the time. */
const showMsMax = 20_000

/** @throws Error when the host refuses a reload, or a version does not show in every lane */
export async function runReloads(options: ReloadRunOptions): Promise<ReloadRunResult> {
  const host = await startBenchHost(gameFiles(options.engine, options.lanes))
  try {
    return await play(host, options)
  } finally {
    await host.stop()
  }
}

async function play(host: BenchHost, options: ReloadRunOptions): Promise<ReloadRunResult> {
  const uids = Array.from({ length: options.players }, (_, i) => `player${i}`)
  const players = await openPlayers(host.tcpPort, uids, 'login.handler.as')
  const crowd = new Crowd(players, options)
  crowd.start()
  await new Promise((resolve) => setTimeout(resolve, options.quietS * 1000))
  const quietUs = crowd.latencyUs
  crowd.latencyUs = new Histogram()
  const reloadUs = new Histogram()
  const beganMs = performance.now()
  for (let version = 2; version <= options.reloads + 1; version++) {
    for (const [path, text] of Object.entries(versionFiles(version))) host.write(path, text)
    const askedMs = performance.now()
    await host.admin('reload', { names: ['bag'] })
    reloadUs.record((performance.now() - askedMs) * 1000)
    // From here on no lane may answer with older code.
    crowd.judge.seen = version
    await crowd.shown(version)
  }
  const seconds = (performance.now() - beganMs) / 1000
  await crowd.stop()
  const closed = players.flatMap(({ ended }) => ended ?? [])
  for (const player of players) player.close()
  return {
    judge: crowd.judge,
    closed,
    reloadUs,
    quietUs,
    duringUs: crowd.latencyUs,
    seconds,
    lanesPerVersion: options.lanes,
  }
}

/** The players, sending. */
class Crowd {
  readonly judge = new Judge()
  /** From a request to its answer, without what the handler was told to wait. */
  latencyUs = new Histogram()
  readonly #players: readonly Player[]
  readonly #options: ReloadRunOptions
  /** The latest version that each lane has answered with. */
  readonly #laneVersions: number[]
  #isStopping = false
  #look: () => void = () => {}

  constructor(players: readonly Player[], options: ReloadRunOptions) {
    this.#players = players
    this.#options = options
    this.#laneVersions = Array.from({ length: options.lanes }, () => 0)
  }

  start(): void {
    for (const [index, player] of this.#players.entries()) this.#think(player, index)
  }

  /** Settles when every lane has answered with this version. */
  async shown(version: number): Promise<void> {
    await this.#until(
      () => this.#laneVersions.every((each) => each >= version),
      () => `version ${version} does not show in all lanes: ${this.#laneVersions.join(', ')}`,
    )
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const waiting = (): number => this.#players.reduce((sum, each) => sum + each.underWay, 0)
    await this.#until(
      () => waiting() === 0,
      () => `${waiting()} requests were never answered`,
    )
  }

  #until(test: () => boolean, words: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(words())), showMsMax)
      this.#look = () => {
        if (!test()) return
        clearTimeout(timer)
        this.#look = () => {}
        resolve()
      }
      this.#look()
    })
  }

  #think(player: Player, index: number): void {
    const ms = 2 * this.#options.thinkMs * Math.random()
    setTimeout(() => this.#send(player, index), ms)
  }

  #send(player: Player, index: number): void {
    if (this.#isStopping || player.ended !== undefined) return
    const ms = index % 10 === 0 ? 20 : 0
    const floor = this.judge.seen
    const sentMs = performance.now()
    player.send('bag.handler.look', { ms }, (body) => {
      if (ms === 0) this.latencyUs.record((performance.now() - sentMs) * 1000)
      const answer = JSON.parse(body.toString('utf8')) as Answer
      const version = this.judge.take(player.uid, floor, answer)
      const lane = hashText(player.uid) % this.#options.lanes
      this.#laneVersions[lane] = Math.max(this.#laneVersions[lane] ?? 0, version)
      this.#look()
      if (!this.#isStopping) this.#think(player, index)
    })
  }
}
