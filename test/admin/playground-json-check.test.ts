// Where and how the playground's editor finds fault with JSON.
//
// The scanner must agree with JSON.parse: for every text that JSON.parse refuses it finds a fault,
// and for none that it accepts. A property test mutates valid JSON to try both.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '../../core/admin/playground/json-check.js'

const faults: [string, number, number, string][] = [
  ['{"a" 1}', 1, 6, 'expected ":", found "1"'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'expected "," or "}", found a double quote'],
  ['{"a": 1,}', 1, 9, 'expected a name in double quotes, found "}"'],
  ["{'a': 1}", 1, 2, 'expected a name in double quotes, found "\'"'],
  ['[1, 2', 1, 6, 'expected "," or "]", found the end of the text'],
  ['[1,]', 1, 4, 'expected a value, found "]"'],
  ['{"a": oops}', 1, 7, 'expected a value, found "o"'],
  ['{"a": 01}', 1, 7, 'expected a value, found "0"'],
  ['{} {}', 1, 4, 'nothing may follow the value, found "{"'],
  ['"abc', 1, 1, 'this string has no closing quote'],
  ['"a\nb"', 1, 3, 'a line break or control character in a string'],
  ['"\\x"', 1, 3, 'unknown escape "\\x"'],
  ['"\\u12g4"', 1, 3, 'expected four hex digits after "\\u"'],
  ['🌙', 1, 1, 'expected a value, found "🌙"'],
  ['['.repeat(100_000), 1, 202, 'nested deeper than 200'],
]

test.each(faults)('%j fails at line %i, column %i', (source, line, column, message) => {
  expect(parseJson(source)).toMatchObject({ error: { line, column, message } })
})

test('blank text is an empty message', () => {
  expect(parseJson(' \n')).toEqual({ value: {} })
})

test('it refuses what JSON.parse refuses, always with a place, and nothing else', () => {
  const mutated = fc
    .tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', '"', ',', '}', '\\', '0', 'e', ' '),
    )
    .map(([source, at, put]) => {
      const cut = at % (source.length + 1)
      return source.slice(0, cut) + put + source.slice(cut + 1)
    })
  fc.assert(
    fc.property(mutated, (source) => {
      fc.pre(source.trim() !== '')
      let accepted = true
      try {
        JSON.parse(source)
      } catch {
        accepted = false
      }
      const { error } = parseJson(source)
      expect(error === undefined).toBe(accepted)
      // JSON.parse words its own messages otherwise: this one would mean that the scanner saw none.
      if (error)
        expect(error.message).toMatch(/^(expected|nothing|this string|a line|unknown|nested)/)
    }),
    { numRuns: 3_000 },
  )
})
