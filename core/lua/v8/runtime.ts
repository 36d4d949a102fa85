// What generated code may call: the names that its prologue takes from here. Lanes.
//
// Each name stands in generated code with a `$` before it. Hot: functions here are small, so that V8
// inlines them.

import { LuaFloat } from '../engine.ts'
import { select } from './lib/base-lib.ts'
import { luaError } from './lib/protected-call.ts'
import { getField, index, setField, setIndex } from './run/access.ts'
import { first, regs, results, ret0, ret2, ret3, retArray, toArray } from './run/answer.ts'
import { add, div, floatMod, idiv, mod, mul, pow, power, sub, unm } from './run/arith.ts'
import { band, bnot, bor, bxor, shl, shr } from './run/bitwise.ts'
import { closeDown, closeReturn, toBeClosed } from './run/close.ts'
import { concat, eq, le, len, lt } from './run/compare.ts'
import { registerClosure } from './run/debug-upvalues.ts'
import { fieldOf } from './run/field.ts'
import { forLimit, forPrepare, forState, forValue } from './run/for-loop.ts'
import { hookCount, hookEnter, hookedCall, hookedTail, hookLine, hookReturn } from './run/hooks.ts'
import { generate, repark } from './run/lua-frame.ts'
import { toDouble } from './run/number.ts'
import { shapeOf } from './run/rec-shape.ts'
import { vm } from './run/state.ts'
import { Table } from './run/table.ts'
import { callAt, tailCall } from './run/tail-call.ts'
import { makeFloat, type Ret, type Value } from './run/value.ts'

/** Value `i` of a MULTI answer. */
function at(i: number): Value {
  return i < results.n ? regs[i] : undefined
}

/** The first of a MULTI answer. */
function firstOfMulti(): Value {
  return results.n > 0 ? regs[0] : undefined
}

/** The truth of a late answer. */
function truth(r: Ret): boolean {
  const value = first(r)
  return value !== undefined && value !== false
}

/** The items of a table constructor: a sequence has no nil at its end. */
function trim(items: Value[]): Value[] {
  let n = items.length
  while (n > 0 && items[n - 1] === undefined) n--
  items.length = n
  return items
}

/** Everything by the name that generated code uses, but for what belongs to one chunk. */
export const runtime: Readonly<Record<string, unknown>> = {
  $Float: LuaFloat,
  $makeFloat: makeFloat,
  $Table: Table,
  $shapeOf: shapeOf,
  $fieldOf: fieldOf,
  $vm: vm,
  $add: add,
  $sub: sub,
  $mul: mul,
  $div: div,
  $mod: mod,
  $idiv: idiv,
  $pow: pow,
  $power: power,
  $floatMod: floatMod,
  $toDouble: toDouble,
  $unm: unm,
  $band: band,
  $bor: bor,
  $bxor: bxor,
  $shl: shl,
  $shr: shr,
  $bnot: bnot,
  $concat: concat,
  $eq: eq,
  $lt: lt,
  $le: le,
  $len: len,
  $index: index,
  $getField: getField,
  $setIndex: setIndex,
  $setField: setField,
  $callAt: callAt,
  $tailCall: tailCall,
  $at: at,
  $first: firstOfMulti,
  $v1: first,
  $truth: truth,
  $list: toArray,
  $trim: trim,
  $ret0: ret0,
  $ret2: ret2,
  $ret3: ret3,
  $retArray: retArray,
  $toBeClosed: toBeClosed,
  $closeDown: closeDown,
  $closeReturn: closeReturn,
  $forLimit: forLimit,
  $forPrepare: forPrepare,
  $forValue: forValue,
  $for: forState,
  $generate: generate,
  $error: luaError,
  $select: select,
  $repark: repark,
  $upvalues: registerClosure,
  $hookCount: hookCount,
  $hookEnter: hookEnter,
  $hookLine: hookLine,
  $hookReturn: hookReturn,
  $hookedCall: hookedCall,
  $hookedTail: hookedTail,
}
