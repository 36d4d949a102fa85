// Ending a run from outside: the kill flag and the step limit. Lanes.
//
// Generated code looks at the flag at each loop turn and function entry, and calls `stop` when it is
// up or the steps are used up. LuaKilled passes every pcall.

import { LuaKilled } from '../../engine.ts'
import { vm } from './state.ts'
import { traceback } from './traceback.ts'

/** What the look at the budget reads in generated code. */
export const budgetMark = '$stop()'

/** Ends the run if there is a reason to. */
export function stop(): void {
  if (vm.realm.interrupt[0] !== 0) {
    throw new LuaKilled('it was ended from outside', traceback(1))
  }
  if (vm.steps < 0)
    throw new LuaKilled(`it took more than ${vm.realm.stepsMax} steps`, traceback(1))
}
