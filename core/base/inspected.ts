// Was this process started to be looked into with the Node inspector? Any thread.
//
// A debugger stops a lane for as long as a person thinks. So with `--inspect` nobody ends a lane that
// stands still, and scripts carry source maps. Opening the inspector later (SIGUSR1) changes neither.

const flag = /(?:^|\s)--inspect(?:-brk)?(?:=|\s|$)/

const inspected =
  process.execArgv.some((arg) => flag.test(arg)) || flag.test(process.env.NODE_OPTIONS ?? '')

/** True with `node --inspect …` or NODE_OPTIONS=--inspect; worker threads inherit both. */
export function isInspected(): boolean {
  return inspected
}
