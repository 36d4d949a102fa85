// The table library: fengari's sort and utf8, the rest our own, so that a loop over a huge range
// counts its steps and a long concatenation meets the cap.
//
// Runs inside a Lua call. As in Lua 5.4, the functions respect metamethods; a plain table takes the
// raw way.

import {
  addFunctions,
  arg,
  argCount,
  argError,
  checkInteger,
  checkLength,
  checkTable,
  isString,
  numberText,
  optInteger,
  optString,
  push,
  pushString,
  pushValue,
  runErrorAt,
  setField,
  spend,
  typeName,
} from './stack.ts'
import {
  type CFunction,
  type LState,
  lauxlib,
  libraries,
  lua,
  newTable,
  type Table,
  type TString,
  TV,
  type TValue,
  tableGetKey,
  tableLength,
  tableSet,
  tag,
  textOf,
} from './vm.ts'

const integerMax = 2147483647

function lengthOf(L: LState, i: number): number {
  const table = checkTable(L, i)
  return table.metatable === null ? tableLength(table) : lauxlib.luaL_len(L, i)
}

/** t[key] for the table at stack index `i`. */
function get(L: LState, i: number, key: number): TValue {
  spend(L, 1)
  const table = arg(L, i).value as Table
  const raw = tableGetKey(table, key)
  if (raw.type !== tag.nil || table.metatable === null) return raw
  lua.lua_geti(L, i, key | 0)
  return L.stack[--L.top] as TValue
}

function set(L: LState, i: number, key: number, value: TValue): void {
  const table = arg(L, i).value as Table
  if (table.metatable === null) {
    tableSet(L, table, new TV((key | 0) === key ? tag.integer : tag.float, key), value)
    return
  }
  pushValue(L, value)
  lua.lua_seti(L, i, key | 0)
}

function insert(L: LState): number {
  const end = lengthOf(L, 1) + 1
  const n = argCount(L)
  if (n === 2) {
    set(L, 1, end, arg(L, 2))
    return 0
  }
  if (n !== 3) return runErrorAt(L, "wrong number of arguments to 'insert'")
  const at = checkInteger(L, 2)
  if (at < 1 || at > end) return argError(L, 2, 'position out of bounds')
  for (let i = end; i > at; i--) set(L, 1, i, get(L, 1, i - 1))
  set(L, 1, at, arg(L, 3))
  return 0
}

function remove(L: LState): number {
  const size = lengthOf(L, 1)
  let at = optInteger(L, 2, size)
  if (argCount(L) > 1 && size + 1 !== at && (at < 1 || at > size + 1)) {
    if (!(size === 0 && at === 0)) return argError(L, 2, 'position out of bounds')
  }
  const removed = get(L, 1, at)
  const result = new TV(removed.type, removed.value)
  for (; at < size; at++) set(L, 1, at, get(L, 1, at + 1))
  set(L, 1, at, new TV(tag.nil, null))
  pushValue(L, result)
  return 1
}

function concat(L: LState): number {
  const length = lengthOf(L, 1)
  const separator = optString(L, 2, '')
  const from = optInteger(L, 3, 1)
  const to = optInteger(L, 4, length)
  let out = ''
  for (let i = from; i <= to; i++) {
    const v = get(L, 1, i)
    if (isString(v)) out += textOf(v.value as TString)
    else if ((v.type & 15) === 3) out += numberText(v)
    else {
      const what = typeName(v)
      return runErrorAt(L, `invalid value (at index ${i}) in table for 'concat' (a ${what})`)
    }
    if (i < to) out += separator
    checkLength(L, out.length)
  }
  pushString(L, out)
  return 1
}

function pack(L: LState): number {
  const n = argCount(L)
  const table = newTable(L)
  for (let i = 1; i <= n; i++) tableSet(L, table, new TV(tag.integer, i), arg(L, i))
  setField(L, table, 'n', new TV(tag.integer, n))
  push(L, tag.table, table)
  return 1
}

function unpack(L: LState): number {
  const from = optInteger(L, 2, 1)
  const to = arg(L, 3).type === tag.nil ? lengthOf(L, 1) : checkInteger(L, 3)
  if (from > to) return 0
  const n = to - from + 1
  if (n >= integerMax || !lua.lua_checkstack(L, n)) {
    return runErrorAt(L, 'too many results to unpack')
  }
  for (let i = from; i <= to; i++) pushValue(L, get(L, 1, i))
  return n
}

function move(L: LState): number {
  const from = checkInteger(L, 2)
  const to = checkInteger(L, 3)
  const at = checkInteger(L, 4)
  const target = arg(L, 5).type === tag.nil ? 1 : 5
  checkTable(L, 1)
  checkTable(L, target)
  if (to >= from) {
    if (from <= 0 && to >= integerMax + from) return argError(L, 3, 'too many elements to move')
    if (at > integerMax - (to - from)) return argError(L, 4, 'destination wrap around')
    const same = arg(L, 1).value === arg(L, target).value
    if (at > to || at <= from || !same) {
      for (let i = 0; i <= to - from; i++) set(L, target, at + i, get(L, 1, from + i))
    } else {
      for (let i = to - from; i >= 0; i--) set(L, target, at + i, get(L, 1, from + i))
    }
  }
  pushValue(L, arg(L, target))
  return 1
}

/** The functions that fengari's library `open` would define. */
function theirLibrary(L: LState, open: CFunction): Table {
  open(L)
  const table = (L.stack[L.top - 1] as TValue).value as Table
  lua.lua_pop(L, 1)
  return table
}

/** Opens `table` and `utf8` into `globals`. */
export function openTable(L: LState, globals: Table): void {
  const table = newTable(L)
  const sort = tableGetKey(theirLibrary(L, libraries.luaopen_table), 'sort').value as CFunction
  addFunctions(L, table, { concat, insert, move, pack, remove, sort, unpack })
  setField(L, globals, 'table', new TV(tag.table, table))

  const utf8 = newTable(L)
  const theirs = theirLibrary(L, libraries.luaopen_utf8)
  for (const name of ['char', 'codepoint', 'codes', 'len', 'offset']) {
    addFunctions(L, utf8, { [name]: tableGetKey(theirs, name).value as CFunction })
  }
  setField(L, utf8, 'charpattern', tableGetKey(theirs, 'charpattern'))
  setField(L, globals, 'utf8', new TV(tag.table, utf8))
}
