// Random Lua programs, one for each seed: the material of differential testing.
//
// Programs end by construction (loops have small bounds, recursion counts down) and print as they
// go, through `show`, which hides addresses and the sign of NaN. `Y(v)` gives v back after a yield
// when the program runs in a coroutine of the driver, so that every expression is a place where a
// program is parked and resumed. What the manual leaves open is kept out: an expression never calls
// what assigns to a variable that the same expression reads.

import { idiom } from './idioms.ts'
import { block, line, type Program, type Statement } from './program.ts'
import { Random } from './random.ts'

type Kind = 'int' | 'num' | 'str' | 'tab' | 'obj' | 'bool' | 'any'

interface Variable {
  readonly name: string
  readonly kind: Kind
  readonly constant: boolean
}

interface Fn {
  readonly name: string
  readonly params: number
}

const integers = [
  ...['0', '1', '-1', '2', '3', '7', '10', '-5', '255', '1000003', '2147483647', '-2147483648'],
  ...['4294967296', '9007199254740991', '9007199254740992', '-9007199254740993', '1 << 62'],
  ...['math.maxinteger', 'math.mininteger', '0x7fffffffffffffff', '0xffffffffffffffff'],
]
const floats = [
  ...['0.5', '-0.5', '1.0', '-1.0', '0.0', '-0.0', '2.5', '1e15', '1e100', '3.0', '0x1p53', '2^53'],
  ...['1e308 * 10', '-1e308 * 10', '0/0', '0.1', '1e-7', '2^63', '-(2^63)', '123456.75', '100.0'],
]
const strings = [
  ...['""', '"a"', '"abc"', '"10"', '"0x10"', '"1e1"', '" 5 "', '"hello world"', '"x=1, y=2"'],
  ...['"\\0z"', '"%d"', '"-7"', '"3.0"', '"aXbXc"', '"\\u{e9}"'],
]
const keys = ['x', 'y', 'z', 'n', 'name']
const arithmetic = ['+', '-', '*', '/', '//', '%', '^']
/** For these V8's power is C's to the last bit; for others it need not be, and `%5.1f` shows that. */
const exactExponents = [
  ...['2', '2', '2.0', '"2"', 'Y(2)', '0', '1', '(-0.0)', '(0/0)', '(1e308 * 10)'],
  ...['(-1e308 * 10)', 'nil'],
]
const plainArithmetic = ['+', '-', '*', '+', '-', '*', '/', '//', '%']
const bitwise = ['&', '|', '~', '<<', '>>']
const comparisons = ['==', '~=', '<', '<=', '>', '>=']

/** The program of a seed. @param withIdioms some of its parts are larger pieces (idioms.ts) */
export function generate(seed: number, withIdioms = false): Program {
  return new Generator(new Random(seed), withIdioms).program()
}

class Generator {
  private readonly random: Random
  private readonly withIdioms: boolean
  private readonly variables: Variable[] = []
  private readonly functions: Fn[] = []
  /** Locals that lua5.4 may fold. */
  private readonly constants = new Set<string>()
  private names = 0
  private loopDepth = 0
  private depth = 0
  /** Are we in a vararg function? The chunk itself is one. */
  private varargs = true
  private inCoroutine = false

  constructor(random: Random, withIdioms: boolean) {
    this.random = random
    this.withIdioms = withIdioms
  }

  program(): Program {
    const list: Statement[] = []
    const count = this.random.between(3, 9)
    for (let i = 0; i < count; i++) list.push(...this.statement())
    list.push(...this.showAll())
    return list
  }

  private fresh(prefix: string): string {
    return `${prefix}${++this.names}`
  }

  private showAll(): Statement[] {
    const shown = this.variables.slice(-6).map((v) => v.name)
    return shown.length === 0 ? [] : [line(`show(${shown.join(', ')})`)]
  }

  /** A body with its own scope. */
  private body(most: number, prepare?: () => void): Statement[] {
    const variables = this.variables.length
    const functions = this.functions.length
    this.depth++
    prepare?.()
    const list: Statement[] = []
    const count = this.random.between(1, this.depth > 3 ? 1 : most)
    for (let i = 0; i < count; i++) list.push(...this.statement())
    if (this.random.chance(0.5)) list.push(...this.showAll())
    this.depth--
    this.variables.length = variables
    this.functions.length = functions
    return list
  }

  private declare(name: string, kind: Kind, constant = false): void {
    this.variables.push({ name, kind, constant })
  }

  private variable(...kinds: Kind[]): Variable | undefined {
    const fitting = this.variables.filter((v) => kinds.includes(v.kind))
    return fitting.length === 0 ? undefined : this.random.pick(fitting)
  }

  // ---- expressions -------------------------------------------------------------------------

  private expression(kind: Kind, deep = 0): string {
    const { random } = this
    // Now and then something of the wrong kind: errors are part of the language.
    if (random.chance(0.008)) return this.wrong()
    const text = this.plain(kind, deep)
    return random.chance(0.12) ? `Y(${text})` : text
  }

  /** An expression whose value is not nil. */
  private some(kind: 'int' | 'num', deep = 0): string {
    return `Some(${this.expression(kind, deep)})`
  }

  private wrong(): string {
    return this.random.pick([
      '(nil)',
      '({})',
      '(true)',
      '("zz")',
      'print',
      '(2^53)',
      'undefinedName',
      '(0/0)',
    ])
  }

  private plain(kind: Kind, deep: number): string {
    switch (kind) {
      case 'int':
        return this.integer(deep)
      case 'num':
        return this.number(deep)
      case 'str':
        return this.string(deep)
      case 'bool':
        return this.boolean(deep)
      case 'tab':
        return this.table(deep)
      case 'obj':
        return this.object()
      case 'any':
        return this.expression(this.random.pick(['int', 'num', 'str', 'bool', 'tab', 'int']), deep)
    }
  }

  private integer(deep: number): string {
    const { random } = this
    const known = this.variable('int')
    if (known !== undefined && random.chance(0.45)) return known.name
    if (deep > 2 || random.chance(0.4)) return `(${random.pick(integers)})`
    const a = () => this.expression('int', deep + 1)
    switch (random.between(0, 9)) {
      case 0:
        return `#${this.expression('str', deep + 1)}`
      case 1:
        return `(${a()} ${random.pick(bitwise)} ${a()})`
      case 2:
        return `(~${a()})`
      case 3:
        return `(-${a()})`
      case 4:
        return `Len(${this.expression('tab', deep + 1)})`
      case 5:
        return `select("#", ${a()}, ${this.varargs ? '...' : 'nil'})`
      case 6:
        return `math.${random.pick(['max', 'min'])}(${a()}, ${a()})`
      default:
        return this.arithmetic(a(), random.pick(['+', '-', '*', '//', '%']), a())
    }
  }

  private number(deep: number): string {
    const { random } = this
    const known = this.variable('num', 'int')
    if (known !== undefined && random.chance(0.45)) return known.name
    if (deep > 2 || random.chance(0.4))
      return `(${random.pick(random.chance(0.7) ? floats : integers)})`
    const a = () => this.expression(random.chance(0.1) ? 'str' : 'num', deep + 1)
    switch (random.between(0, 7)) {
      case 0:
        return `(-${a()})`
      case 1:
        return `math.${random.pick(['floor', 'ceil', 'abs', 'sqrt', 'tointeger'])}(${a()})`
      case 2:
        return `tonumber(${this.expression('str', deep + 1)})`
      case 3:
        return `(${a()} ${random.chance(0.5) ? 'and' : 'or'} ${a()})`
      default:
        return this.arithmetic(a(), random.pick(arithmetic), a())
    }
  }

  /** An argument of string.format or tostring; addresses, which differ from run to run, are not. */
  private formatted(deep: number): string {
    const text = this.expression(this.random.pick<Kind>(['int', 'num', 'str']), deep)
    return text === '({})' || text === 'print' ? '(nil)' : text
  }

  /**
   * lua5.4 adds -0 where a constant 0 is subtracted, which is another number for -0.0: what it would
   * fold does not stand on the right of a minus, but for numerals that are not 0. Of powers only
   * those that are exact.
   */
  private arithmetic(left: string, operator: string, right: string): string {
    if (operator === '^') return `(${left} ^ ${this.random.pick(exactExponents)})`
    const names = right.match(/\b[A-Za-z]\w*/g) ?? []
    const isFolded = names.every((name) => this.constants.has(name))
    const isNumeral = Math.abs(Number(right.replace(/[()]/g, ''))) > 0
    const isSafe = operator !== '-' || !isFolded || isNumeral
    return `(${left} ${operator} ${isSafe ? right : '(1)'})`
  }

  private string(deep: number): string {
    const { random } = this
    const known = this.variable('str')
    if (known !== undefined && random.chance(0.45)) return known.name
    if (deep > 2 || random.chance(0.35)) return `(${random.pick(strings)})`
    const s = () => this.expression('str', deep + 1)
    const i = () => String(random.between(-4, 6))
    switch (random.between(0, 9)) {
      case 0:
        return `(${s()} .. Sure(${this.expression(random.pick(['str', 'int', 'num']), deep + 1)}))`
      case 1:
        return `${s()}:sub(${i()}, ${i()})`
      case 2:
        return `${s()}:rep(${random.between(0, 3)}, ",")`
      case 3:
        return `string.format("%${random.pick(['d', '5.1f', 's', 'x', '-8s', '.3g', 'q', 'i'])}", Sure(${this.formatted(deep + 1)}))`
      case 4:
        return `(${s()}:gsub(${random.pick(['"%a"', '"[%d.]+"', '"X"', '"(.)(.)"', '"^%s*"', '""'])}, ${random.pick(['"<%0>"', '"%1"', '""', 'string.upper', '{ a = "A", X = 1 }'])}))`
      case 5:
        return `tostring(Sure(${random.chance(0.2) ? this.boolean(deep + 1) : this.formatted(deep + 1)}))`
      case 6:
        return `table.concat({ ${s()}, Sure(${this.expression('int', deep + 1)}), ${s()} }, ${s()})`
      case 7:
        // A short subject: `.-X` takes time by its square, which lua5.4 does not count as steps.
        return `(${s()}:sub(1, 99):match(${random.pick(['"%w+"', '"(%d+)"', '".-X"', '"()"', '"^(.-)%s*$"'])}) or ${s()})`
      default:
        return `${s()}:${random.pick(['upper', 'lower', 'reverse'])}()`
    }
  }

  private boolean(deep: number): string {
    const { random } = this
    const kind = random.pick<Kind>(['int', 'num', 'str'])
    switch (random.between(0, 5)) {
      case 0:
        return `(not ${this.expression('any', deep + 1)})`
      case 1:
        return `(${this.boolean(deep + 1)} ${random.pick(['and', 'or'])} ${deep > 2 ? 'true' : this.boolean(deep + 1)})`
      case 2:
        return `rawequal(${this.expression('any', deep + 1)}, ${this.expression('any', deep + 1)})`
      default:
        return `(${this.expression(kind, deep + 1)} ${random.pick(comparisons)} ${this.expression(kind, deep + 1)})`
    }
  }

  private table(deep: number): string {
    const { random } = this
    const known = this.variable('tab')
    if (known !== undefined && random.chance(0.6)) return known.name
    if (deep > 2) return '{}'
    const fields: string[] = []
    const count = random.between(0, 4)
    for (let i = 0; i < count; i++) {
      const value = this.expression('any', deep + 1)
      if (random.chance(0.5)) fields.push(value)
      else if (random.chance(0.7)) fields.push(`${random.pick(keys)} = ${value}`)
      else fields.push(`[${this.key(deep + 1)}] = ${value}`)
    }
    if (this.varargs && random.chance(0.15)) fields.push('...')
    return `{ ${fields.join(', ')} }`
  }

  private key(deep = 1): string {
    const { random } = this
    if (random.chance(0.5)) return String(random.between(-1, 5))
    if (random.chance(0.5)) return `"${random.pick(keys)}"`
    const kind = random.pick<Kind>(['int', 'num', 'str', 'bool'])
    const text = this.expression(kind, deep + 1)
    // A comparison as key of a table that is an upvalue: lua5.4.4 reads the wrong register.
    return kind === 'bool' ? `rawequal(${text}, true)` : `(${text})`
  }

  /** A table with a metatable that has all operators. */
  private object(): string {
    const known = this.variable('obj')
    if (known !== undefined && this.random.chance(0.8)) return known.name
    return `Obj(${this.expression('int', 2)})`
  }

  // ---- statements --------------------------------------------------------------------------

  private statement(): Statement[] {
    const { random } = this
    const roll = random.between(0, this.depth > 3 ? 9 : this.withIdioms ? 31 : 27)
    switch (roll) {
      case 0:
      case 1:
      case 2:
        return this.localStatement()
      case 3:
      case 4:
        return this.assignment()
      case 5:
      case 6:
        return this.tableStatement()
      case 7:
        return [line(`show(${this.expression('any')}, ${this.expression('any')})`)]
      case 8:
        return this.objectStatement()
      case 9:
        return this.callStatement()
      case 10:
      case 11:
        return this.ifStatement()
      case 12:
      case 13:
        return this.numericFor()
      case 14:
        return this.genericFor()
      case 15:
        return this.whileStatement()
      case 16:
      case 17:
        return this.functionStatement()
      case 18:
      case 19:
        return this.pcallStatement()
      case 20:
      case 21:
        return this.coroutineStatement()
      case 22:
        return this.gotoStatement()
      case 23:
        return this.closeStatement()
      case 24:
        return this.closureLoop()
      case 25:
      case 26:
        return this.floatRun()
      case 27:
        return this.tableLibrary()
      case 28:
      case 29:
      case 30:
      case 31:
        return this.idiom()
      default:
        throw new Error(`no statement has the number ${roll}`)
    }
  }

  private idiom(): Statement[] {
    return idiom({
      random: this.random,
      fresh: (prefix) => this.fresh(prefix),
      // Idioms put expressions into functions of their own, which are not vararg.
      expression: (kind) => this.withoutVarargs(() => this.expression(kind)),
      some: (kind) => this.withoutVarargs(() => this.some(kind)),
    })
  }

  private withoutVarargs(make: () => string): string {
    const outer = this.varargs
    this.varargs = false
    const text = make()
    this.varargs = outer
    return text
  }

  private localStatement(): Statement[] {
    const { random } = this
    const kind = random.pick<Kind>(['int', 'num', 'str', 'tab', 'obj', 'bool'])
    const name = this.fresh('v')
    const value = this.expression(kind)
    if (random.chance(0.12)) {
      const other = this.fresh('v')
      const rest = random.pick([`Two(${value})`, `${value}, 1, 2`, this.varargs ? '...' : 'nil'])
      this.declare(name, 'any')
      this.declare(other, 'any')
      return [line(`local ${name}, ${other} = ${rest}`)]
    }
    const constant = random.chance(0.1)
    if (constant) this.constants.add(name)
    this.declare(name, kind, constant)
    return [line(`local ${name}${constant ? ' <const>' : ''} = ${value}`)]
  }

  private assignment(): Statement[] {
    const target = this.variables.filter((v) => !v.constant)
    if (target.length === 0) return this.localStatement()
    const a = this.random.pick(target)
    const b = this.random.pick(target)
    if (a.name !== b.name && this.random.chance(0.25)) {
      return [line(`${a.name}, ${b.name} = ${this.expression(a.kind)}, ${this.expression(b.kind)}`)]
    }
    return [line(`${a.name} = ${this.expression(a.kind)}`)]
  }

  private tableStatement(): Statement[] {
    const { random } = this
    const t = this.variable('tab')
    if (t === undefined) return this.localStatement()
    const place = random.chance(0.5) ? `${t.name}.${random.pick(keys)}` : `${t.name}[${this.key()}]`
    if (random.chance(0.3)) return [line(`show(${place})`)]
    return [line(`${place} = ${random.chance(0.15) ? 'nil' : this.expression('any')}`)]
  }

  private objectStatement(): Statement[] {
    const { random } = this
    const a = this.object()
    const b = random.chance(0.6)
      ? this.object()
      : this.expression(random.pick(['int', 'num', 'str']))
    const operators = [...arithmetic, ...bitwise, ...comparisons, '..']
    switch (random.between(0, 5)) {
      case 0:
        return [line(`show(#${a}, -${a}, ~${a})`)]
      case 1:
        return [
          line(
            `show(${a}(${this.expression('int')}, 2), ${a}.missing, ${a}[${random.between(0, 3)}])`,
          ),
        ]
      case 2:
        return [line(`${a}.${random.pick(keys)} = ${this.expression('any')}`)]
      default:
        return [
          line(
            `show(${random.chance(0.5) ? `${a} ${random.pick(operators)} ${b}` : `${b} ${random.pick(operators)} ${a}`})`,
          ),
        ]
    }
  }

  private callStatement(): Statement[] {
    const { random } = this
    if (this.functions.length === 0) return [line(`show(Two(${this.expression('any')}))`)]
    const fn = random.pick(this.functions)
    const args: string[] = []
    for (let i = random.between(0, fn.params + 1); i > 0; i--) args.push(this.expression('int'))
    if (this.varargs && random.chance(0.2)) args.push('...')
    const call = `${fn.name}(${args.join(', ')})`
    const name = this.fresh('v')
    this.declare(name, 'any')
    return [line(`local ${name} = ${call}`), line(`show(${name})`)]
  }

  private ifStatement(): Statement[] {
    const condition = this.expression('bool')
    const first = this.body(3)
    if (this.random.chance(0.5)) return [block([`if ${condition} then`, 'end'], first)]
    const middle = `elseif ${this.expression('bool')} then`
    return [
      block([`if ${condition} then`, middle, 'else', 'end'], first, this.body(2), this.body(2)),
    ]
  }

  private numericFor(): Statement[] {
    const { random } = this
    const name = this.fresh('i')
    const bounds = random.pick([
      `${random.between(-2, 2)}, ${random.between(1, 4)}`,
      `${random.between(3, 6)}, 1, -${random.between(1, 3)}`,
      '1.0, 2.5, 0.5',
      '1, 3.7',
      'math.maxinteger - 2, math.maxinteger',
      'math.mininteger + 1, math.mininteger, -1',
      '3, 0',
      random.chance(0.2) ? '1, 0, 0' : '1, 0',
      '0.1, 0.35, 0.1',
      'math.maxinteger - 1, math.huge, 1',
      `1, ${this.expression('int')} % 4`,
    ])
    if (this.loopDepth > 1) return [line('show("deep")')]
    this.loopDepth++
    const inner = this.body(3, () => this.declare(name, 'num', true))
    this.loopDepth--
    const leave = random.chance(0.25) ? [line(`if ${name} == 2 then break end`)] : []
    return [block([`for ${name} = ${bounds} do`, 'end'], [...leave, ...inner])]
  }

  /** Arithmetic among a few locals that are always numbers, most of them always floats. */
  private floatRun(): Statement[] {
    const { random } = this
    if (this.loopDepth > 1) return [line('show("deep")')]
    const x = this.fresh('f')
    const y = this.fresh('f')
    const k = this.fresh('f')
    const i = this.fresh('i')
    const first = random.chance(0.9) ? random.pick(floats) : random.pick(integers)
    const run = (deep: number): string => {
      if (deep > 2 || random.chance(0.3)) {
        return random.pick([x, y, x, y, k, i, `(${random.pick(floats)})`, '2', '3'])
      }
      if (random.chance(0.1)) return `(-${run(deep + 1)})`
      if (random.chance(0.1)) return `(${run(deep + 1)} ^ 2)`
      return this.arithmetic(run(deep + 1), random.pick(plainArithmetic), run(deep + 1))
    }
    const compared = `${run(1)} ${random.pick(comparisons)} ${run(1)}`
    const steps = [
      line(`${x} = ${run(0)}`),
      line(`${x}, ${y} = ${run(1)}, ${run(1)}`),
      line(`if ${compared} then show(${run(1)}, Sure(${x}) .. "") end`),
      line(`local t = { ${y}, [${x} ~= ${x} and 1 or ${x}] = ${run(1)} } show(t[1], t[${x}])`),
      line(`show(Y(${y}), ${run(1)}, math.type(${x}))`),
      line(`local function inner() return ${i} * ${k} end show(inner())`),
    ]
    this.declare(y, 'num', random.chance(0.7))
    const chosen = steps.filter(() => random.chance(0.5))
    const outside = random.chance(0.2) ? [line(`${x} = ${this.expression('num')}`)] : []
    return [
      line(`local ${x}, ${y} = ${first}, ${random.pick(floats)}`),
      line(`local ${k} = ${random.pick(random.chance(0.5) ? floats : integers)}`),
      block([`for ${i} = 1, ${random.between(1, 4)} do`, 'end'], [...chosen, ...outside]),
      line(`show(${x}, ${y}, ${x} == ${y})`),
    ]
  }

  private genericFor(): Statement[] {
    const { random } = this
    if (this.loopDepth > 1) return [line('show("deep")')]
    const k = this.fresh('k')
    const v = this.fresh('v')
    this.loopDepth++
    const inner = this.body(2, () => {
      this.declare(k, 'int', true)
      this.declare(v, 'any')
    })
    this.loopDepth--
    const source = random.pick([
      'ipairs({ 10, 20, 30 })',
      `ipairs(Tab(${this.expression('tab')}))`,
      'Count(3)',
      'string.gmatch("a1b22", "(%a)(%d+)")',
      'pairs({ 5 })',
      'next, { 7 }',
      'Closing(2)',
    ])
    return [block([`for ${k}, ${v} in ${source} do`, 'end'], [line(`show(${k}, ${v})`), ...inner])]
  }

  private whileStatement(): Statement[] {
    const { random } = this
    if (this.loopDepth > 1) return [line('show("deep")')]
    const name = this.fresh('w')
    this.loopDepth++
    const inner = this.body(2)
    this.loopDepth--
    const start = line(`local ${name} = ${random.between(1, 3)}`)
    const count = line(`${name} = ${name} - 1`)
    if (random.chance(0.5)) {
      return [
        block(['do', 'end'], [start, block([`while ${name} > 0 do`, 'end'], [count, ...inner])]),
      ]
    }
    const last = line(`local done = ${name} <= 0`)
    const until = `until done or ${name} < -5`
    return [block(['do', 'end'], [start, block(['repeat', until], [count, ...inner, last])])]
  }

  private functionStatement(): Statement[] {
    const { random } = this
    const name = this.fresh('f')
    const params: string[] = []
    for (let i = random.between(0, 3); i > 0; i--) params.push(this.fresh('p'))
    const outerVarargs = this.varargs
    const outerLoop = this.loopDepth
    this.varargs = random.chance(0.3)
    const inner = this.body(3, () => {
      for (const p of params) this.declare(p, random.pick<Kind>(['int', 'any', 'num']))
    })
    const result = this.functionEnd(params)
    const header = [...params, ...(this.varargs ? ['...'] : [])].join(', ')
    this.varargs = outerVarargs
    this.loopDepth = outerLoop
    this.functions.push({ name, params: params.length })
    const guard = line('if Deep() then return 0 end')
    return [block([`local function ${name}(${header})`, 'end'], [guard, ...inner, result])]
  }

  private functionEnd(params: readonly string[]): Statement {
    const { random } = this
    const value = params.length === 0 ? this.expression('int') : random.pick(params)
    return line(
      random.pick([
        `return ${value}`,
        `return ${value}, ${this.expression('any')}`,
        `return Two(${value})`,
        `return (Two(${value}))`,
        'return',
        this.varargs ? 'return ...' : 'return nil, nil',
        this.varargs ? `return select(2, ${value}, ...)` : `return Y(${value})`,
      ]),
    )
  }

  private pcallStatement(): Statement[] {
    const { random } = this
    const outerVarargs = this.varargs
    this.varargs = false
    const inner = this.body(3)
    const raise = random.pick([
      line(`error(${this.expression('any')})`),
      line(`error("boom" .. ${this.expression('int')}, ${random.between(0, 1)})`),
      line(`error({ code = ${this.expression('int')} })`),
      line(`local _ = ${this.expression('num')} + nil`),
      line(`local _ = (${this.expression('any')}).x.y`),
      line(`return ${this.expression('any')}, 2`),
      line('error()'),
      line(`Y(1)`),
    ])
    this.varargs = outerVarargs
    const handled = random.chance(0.3)
    const open = handled ? 'show(xpcall(function()' : 'show(pcall(function()'
    const close = handled ? 'end, function(e) return "handled " .. Text(e) end))' : 'end))'
    return [block([open, close], [...inner, raise])]
  }

  private coroutineStatement(): Statement[] {
    const { random } = this
    if (this.inCoroutine) return [line(`show(Y(${this.expression('int')}))`)]
    const co = this.fresh('c')
    const outerVarargs = this.varargs
    this.varargs = true
    this.inCoroutine = true
    const yields = [
      line(`show("in", coroutine.yield(${this.expression('any')}))`),
      line(`local got, more = coroutine.yield(${this.expression('int')}, 2)`),
      line('show(got, more, coroutine.isyieldable(), coroutine.status(coroutine.running()))'),
      line(
        'show(pcall(function() local r = coroutine.yield("deep") return r, coroutine.yield() end))',
      ),
      line('show(select("#", coroutine.yield()))'),
    ]
    const inner = [...this.body(2), ...yields.slice(0, random.between(1, yields.length))]
    if (random.chance(0.3)) inner.push(line(`error(${this.expression('str')})`))
    else inner.push(line(`return ${this.expression('any')}, "end"`))
    this.inCoroutine = false
    this.varargs = outerVarargs
    const list = [block([`local ${co} = coroutine.create(function(...)`, 'end)'], inner)]
    for (let i = random.between(1, 5); i > 0; i--) {
      list.push(line(`show(coroutine.resume(${co}, ${this.expression('int')}, ${i}))`))
    }
    list.push(line(`show(coroutine.status(${co}))`))
    if (random.chance(0.5)) list.push(line(`show(coroutine.close(${co}), coroutine.status(${co}))`))
    return list
  }

  private gotoStatement(): Statement[] {
    const label = this.fresh('l')
    const name = this.fresh('g')
    const inner = this.body(2)
    const back = [
      line(`${name} = ${name} + 1`),
      line(`if ${name} == 2 then goto skip_${label} end`),
      block(['do', 'end'], inner),
      line(`::skip_${label}::`),
      line(`show("goto", ${name})`),
      line(`if ${name} < 3 then goto ${label} end`),
    ]
    return [block(['do', 'end'], [line(`local ${name} = 0`), line(`::${label}::`), ...back])]
  }

  private closeStatement(): Statement[] {
    const name = this.fresh('x')
    const other = this.fresh('x')
    const outerVarargs = this.varargs
    this.varargs = false
    const inner = this.body(2)
    this.varargs = outerVarargs
    const open = line(`local ${name} <close> = Closer("${name}")`)
    const second = line(
      `local ${other} <close> = ${this.random.pick(['nil', 'false', `Closer("${other}")`, `Closer("${other}", true)`])}`,
    )
    const leave = this.random.pick([
      line('return 1, 2'),
      line('error("leaving")'),
      line('show("falls through")'),
      line('do return Two(3) end'),
    ])
    return [block(['show(pcall(function()', 'end))'], [open, ...inner, second, leave])]
  }

  /** Closures made in a loop: each turn has its own variables. */
  private closureLoop(): Statement[] {
    const fns = this.fresh('t')
    const { random } = this
    const loop = random.pick(['for i = 1, 3 do', 'for _, i in ipairs({ 4, 5, 6 }) do'])
    return [
      line(`local ${fns} = {}`),
      block(
        [loop, 'end'],
        [
          line(`local up = i * ${random.between(1, 4)}`),
          line(`${fns}[#${fns} + 1] = function(by) up = up + by i = i + 1 return up, i end`),
          line(`${fns}[#${fns} + 1] = function() return up, i end`),
        ],
      ),
      line(`show(${fns}[1](2))`),
      line(`show(${fns}[2]())`),
      line(`show(${fns}[${random.between(1, 6)}](1))`),
      line(`show(${fns}[4]())`),
    ]
  }

  private tableLibrary(): Statement[] {
    const { random } = this
    const t = this.fresh('t')
    const list: Statement[] = [
      // Without holes: which border # answers is open.
      line(`local ${t} = { ${[1, 2, 3, 4].map(() => this.some('int', 1)).join(', ')} }`),
    ]
    for (let i = random.between(1, 4); i > 0; i--) {
      list.push(
        line(
          random.pick([
            `table.insert(${t}, ${this.expression('int')})`,
            `table.insert(${t}, ${random.between(0, 5)}, ${this.some('int')})`,
            `show(table.remove(${t}))`,
            `show(table.remove(${t}, ${random.between(0, 5)}))`,
            `table.sort(${t})`,
            `table.sort(${t}, function(a, b) return a > b end)`,
            `show(table.unpack(${t}, ${random.between(-1, 3)}, ${random.between(0, 5)}))`,
            // Not "-", which would look like the sign of a NaN.
            `show(table.concat(${t}, ";"))`,
            `if #${t} > 3 then table.move(${t}, 1, ${random.between(0, 3)}, ${random.between(1, 4)}) end`,
            `show(#${t}, next(${t}))`,
            `show(table.pack(Two(${t}[1])).n)`,
          ]),
        ),
      )
    }
    list.push(line(`show(#${t}, table.unpack(${t}))`))
    this.declare(t, 'tab')
    return list
  }
}
