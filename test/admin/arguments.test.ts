// Arguments of commands: from words, from JSON, checked at their limits.
import { describe, expect, it } from 'vitest'
import {
  type ArgumentSpec,
  parseWords,
  readArguments,
  usageOf,
} from '../../core/admin/arguments.ts'

const specs: readonly ArgumentSpec[] = [
  { name: 'who', type: 'text', isPositional: true, isRequired: true, help: '' },
  { name: 'rest', type: 'list', isPositional: true, help: '' },
  { name: 'count', type: 'integer', min: 1, max: 5, otherwise: 3, help: '' },
  { name: 'level', type: 'text', choices: ['low', 'high'], help: '' },
  { name: 'all', type: 'flag', help: '' },
]
const read = (...words: string[]) => readArguments(specs, parseWords(specs, words)).record()

describe('words of a command line', () => {
  it('are taken by place and by name, in any order', () => {
    expect(read('mei')).toEqual({ who: 'mei', count: 3 })
    expect(read('--count', '5', 'mei', 'a', '--all', 'b', '--level=high')).toEqual({
      who: 'mei',
      rest: ['a', 'b'],
      count: 5,
      level: 'high',
      all: true,
    })
    expect(read('--', '--mei', '--count')).toEqual({ who: '--mei', rest: ['--count'], count: 3 })
    expect(read('a=b', '--level=low')).toMatchObject({ who: 'a=b' })
  })

  it.each([
    [[], '<who> is missing'],
    [['mei', '--count', '0'], '--count: expected a whole number from 1 to 5, got "0"'],
    [['mei', '--count', '6'], '--count: expected a whole number from 1 to 5, got "6"'],
    [['mei', '--count', '1.5'], '--count: expected a whole number from 1 to 5, got "1.5"'],
    [['mei', '--count', ''], '--count: expected a whole number from 1 to 5, got ""'],
    [['mei', '--count'], '--count needs a value'],
    [['mei', '--count', '1', '--count', '2'], '--count is given twice'],
    [['mei', '--level', 'mid'], '--level: expected one of low, high, got "mid"'],
    [['mei', '--all=yes'], '--all takes no value'],
    [['mei', '--who', 'x'], "unknown option '--who'"],
    [['mei', '--constructor', 'x'], "unknown option '--constructor'"],
    [[''], '<who>: expected a text of 1 to 65536 characters, got ""'],
  ])('%j: %s', (words, message) => {
    expect(() => read(...words)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', message }))
  })
})

describe('arguments as JSON', () => {
  it('take numbers and booleans as they are', () => {
    const given = { who: 'mei', count: 2, all: true, rest: ['a'] }
    expect(readArguments(specs, given).record()).toEqual(given)
    expect(readArguments(specs, { who: 'mei', all: false }).flag('all')).toBe(false)
  })

  it.each([
    [null],
    [[]],
    ['text'],
    [{ who: 5 }],
    [{ who: 'mei', count: '5x' }],
    [{ who: 'mei', count: Number.NaN }],
    [{ who: 'mei', rest: [1] }],
    [{ who: 'mei', all: 'maybe' }],
    [{ who: 'mei', extra: 1 }],
    [{ who: 'mei', __proto__: 1, toString: 'x' }],
    [{ who: 'x'.repeat(65_537) }],
    [{ who: 'mei', rest: Array.from({ length: 257 }, () => 'a') }],
  ])('%# is refused', (given) => {
    expect(() => readArguments(specs, given)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', message: expect.stringMatching(/^[^\n]+$/) }),
    )
  })

  it('are good at the limit', () => {
    const most = { who: 'x'.repeat(65_536), rest: Array.from({ length: 256 }, () => 'a') }
    expect(readArguments(specs, most).list('rest')).toHaveLength(256)
  })
})

it('usage shows what must be given and what may be', () => {
  expect(usageOf(specs)).toBe('<who> [<rest> ...] [--count N] [--level low|high] [--all]')
})
