// How a call ended, on both sides of the wire. Core thread.

import { type ErrorCode, errorCodes } from '../base/errors.ts'

export interface Outcome {
  /** 0: it worked. Else a number as HTTP's: of errorCodes, or chosen by the method. */
  readonly code: number
  /** For people; '' when it worked. */
  readonly error: string
  /** The results as they travel; who keeps them longer than a moment copies them. */
  readonly body: Uint8Array
  /** The method was not started. */
  readonly notRun: boolean
  /** A bug and no answer: not for the eyes of players. */
  readonly internal: boolean
}

const nothing = new Uint8Array(0)

export function succeeded(body: Uint8Array): Outcome {
  return { code: 0, error: '', body, notRun: false, internal: false }
}

/** @param code of the host's own table */
export function failed(
  code: ErrorCode,
  error: string,
  marks: { notRun?: boolean; internal?: boolean } = {},
): Outcome {
  const { notRun = false, internal = false } = marks
  return { code: errorCodes[code], error, body: nothing, notRun, internal }
}
