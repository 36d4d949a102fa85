// Numbers print as C prints them. The expectations are lua5.4's own output (string.format).

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  floatToText,
  formatA,
  formatE,
  formatF,
  formatG,
} from '../../../core/lua/fengari/number-text.ts'

// value, '%.14g|%.2f|%.3e|%g|%a|%.2a' (without %f where it fills a page)
const vectors: [number, string][] = [
  [0.5, '0.5|0.50|5.000e-01|0.5|0x1p-1|0x1.00p-1'],
  [1.5, '1.5|1.50|1.500e+00|1.5|0x1.8p+0|0x1.80p+0'],
  [2.5, '2.5|2.50|2.500e+00|2.5|0x1.4p+1|0x1.40p+1'],
  [0.125, '0.125|0.12|1.250e-01|0.125|0x1p-3|0x1.00p-3'],
  [0.375, '0.375|0.38|3.750e-01|0.375|0x1.8p-2|0x1.80p-2'],
  [
    12345678901234.5,
    '12345678901234|12345678901234.50|1.235e+13|1.23457e+13|0x1.674e79c5fe5p+43|0x1.67p+43',
  ],
  [
    12345678901235.5,
    '12345678901236|12345678901235.50|1.235e+13|1.23457e+13|0x1.674e79c5fe7p+43|0x1.67p+43',
  ],
  [1000000000000000, '1e+15|1000000000000000.00|1.000e+15|1e+15|0x1.c6bf52634p+49|0x1.c7p+49'],
  [123456789, '123456789|123456789.00|1.235e+08|1.23457e+08|0x1.d6f3454p+26|0x1.d7p+26'],
  [1.0000000000000001e-5, '1e-05|0.00|1.000e-05|1e-05|0x1.4f8b588e368f1p-17|0x1.50p-17'],
  [0.0001, '0.0001|0.00|1.000e-04|0.0001|0x1.a36e2eb1c432dp-14|0x1.a3p-14'],
  [
    1.7976931348623157e308,
    '1.7976931348623e+308||1.798e+308|1.79769e+308|0x1.fffffffffffffp+1023|0x2.00p+1023',
  ],
  [
    4.9406564584124654e-324,
    '4.9406564584125e-324|0.00|4.941e-324|4.94066e-324|0x0.0000000000001p-1022|0x0.00p-1022',
  ],
  [
    9007199254740992,
    '9.007199254741e+15|9007199254740992.00|9.007e+15|9.0072e+15|0x1p+53|0x1.00p+53',
  ],
  [-0, '-0|-0.00|-0.000e+00|-0|-0x0p+0|-0x0.00p+0'],
  [0.33333333333333331, '0.33333333333333|0.33|3.333e-01|0.333333|0x1.5555555555555p-2|0x1.55p-2'],
  [1e21, '1e+21|1000000000000000000000.00|1.000e+21|1e+21|0x1.b1ae4d6e2ef5p+69|0x1.b2p+69'],
  [1e22, '1e+22|10000000000000000000000.00|1.000e+22|1e+22|0x1.0f0cf064dd592p+73|0x1.0fp+73'],
  [9.9949999999999992, '9.995|9.99|9.995e+00|9.995|0x1.3fd70a3d70a3dp+3|0x1.40p+3'],
  [0.10000000000000001, '0.1|0.10|1.000e-01|0.1|0x1.999999999999ap-4|0x1.9ap-4'],
]

describe('numbers as text', () => {
  it.each(vectors)('%d prints as in C', (v, expected) => {
    const f = v > 1e300 ? '' : formatF(v, 2)
    const parts = [formatG(v, 14), f, formatE(v, 3), formatG(v, 6), formatA(v), formatA(v, 2)]
    expect(parts.join('|')).toBe(expected)
  })

  it('keeps every digit at 17 (property)', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (v) => {
        expect(Number(formatG(v, 17))).toBe(v)
        expect(Number(formatE(v, 16))).toBe(v)
      }),
    )
  })

  it('marks integral floats, and prints those beyond 32 bits as the integers they stand for', () => {
    expect([5, -1, 2 ** 31 - 1, 2 ** 31, 1e15, 2 ** 53, 1e100, -0].map(floatToText)).toEqual([
      '5.0',
      '-1.0',
      '2147483647.0',
      '2147483648',
      '1000000000000000',
      '9.007199254741e+15',
      '1e+100',
      '-0.0',
    ])
    expect([0.1, 1e-7, 1 / 3, Number.NaN, -Infinity].map(floatToText)).toEqual([
      '0.1',
      '1e-07',
      '0.33333333333333',
      'nan',
      '-inf',
    ])
  })
})
