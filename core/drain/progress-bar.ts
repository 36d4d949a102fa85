// One line on a terminal that says how far a drain has come; nothing where no person watches.

import type { Clock } from '../base/clock.ts'

const widthCells = 28
const everyMs = 100

export class ProgressBar {
  readonly #stream: NodeJS.WriteStream
  readonly #clock: Clock
  readonly #startMs: number
  #first: number | undefined
  #drawnMs = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(stream: NodeJS.WriteStream, clock: Clock) {
    this.#stream = stream
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
  }

  /** @param done and `total` are sequences; the first `done` counts as the start */
  draw(done: number, total: number): void {
    this.#first ??= done
    const nowMs = this.#clock.monotonicMs()
    if (!this.#stream.isTTY || nowMs - this.#drawnMs < everyMs) return
    this.#drawnMs = nowMs
    this.#isDrawn = true
    const share = total <= this.#first ? 1 : (done - this.#first) / (total - this.#first)
    const full = Math.min(widthCells, Math.round(share * widthCells))
    const bar = '█'.repeat(full) + '░'.repeat(widthCells - full)
    const perSecond = Math.round((done - this.#first) / ((nowMs - this.#startMs) / 1000 || 1))
    const words = `${done} of ${total}, ${perSecond.toLocaleString('en')}/s`
    this.#stream.write(`\r${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${words}\x1b[K`)
  }

  /** Takes the line away, for other words. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\x1b[K')
    this.#isDrawn = false
  }
}
