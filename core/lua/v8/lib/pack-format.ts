// The format strings of string.pack, unpack and packsize. Pure but for the errors; lanes.
//
// Sizes are those of 64-bit Linux: short 2, int 4, long 8, size_t 8, native alignment 8, little
// endian. A format is read option by option while packing, because alignment depends on what came
// before and because PUC reports an error only after the options before it were done.

import { argError, fail } from './failure.ts'

export type PackKind =
  | 'int'
  | 'uint'
  | 'float'
  | 'double'
  | 'char'
  | 'string'
  | 'zstring'
  | 'padding'
  | 'align'
  | 'nothing'

const integerBytesMax = 16
/** Where PUC stops to read digits of a size: (MAXSIZE - 9) / 10 for a 32-bit int. */
const sizeMax = 214748363

const fixedOptions: Record<string, readonly [PackKind, number]> = {
  b: ['int', 1],
  B: ['uint', 1],
  h: ['int', 2],
  H: ['uint', 2],
  l: ['int', 8],
  L: ['uint', 8],
  j: ['int', 8],
  J: ['uint', 8],
  T: ['uint', 8],
  f: ['float', 4],
  n: ['double', 8],
  d: ['double', 8],
  z: ['zstring', 0],
  x: ['padding', 1],
  X: ['align', 0],
  ' ': ['nothing', 0],
}
const sizedOptions: Record<string, readonly [PackKind, number]> = {
  i: ['int', 4],
  I: ['uint', 4],
  s: ['string', 8],
}

/** Walks through a format; `next` sets the fields for the option that it read. */
export class PackFormat {
  private readonly format: string
  private readonly fn: string
  private at = 0
  private alignMax = 1
  littleEndian = true
  /** Bytes of the option's fixed part. */
  size = 0
  /** Padding bytes in front of it. */
  padding = 0

  constructor(format: string, fn: string) {
    this.format = format
    this.fn = fn
  }

  /** Another option, or undefined at the end. @param total bytes so far */
  next(total: number): PackKind | undefined {
    // The format is a C string: a zero byte ends it.
    if (this.atEnd()) return undefined
    const kind = this.option()
    let align = this.size
    if (kind === 'align') align = this.alignOfNext()
    this.padding = align <= 1 || kind === 'char' ? 0 : this.paddingFor(align, total)
    return kind
  }

  private atEnd(): boolean {
    return this.at >= this.format.length || this.format[this.at] === '\0'
  }

  private alignOfNext(): number {
    if (!this.atEnd()) {
      const kind = this.option()
      const align = this.size
      this.size = 0
      if (kind !== 'char' && align !== 0) return align
    }
    argError(1, this.fn, "invalid next option for option 'X'")
  }

  private paddingFor(wanted: number, total: number): number {
    const align = Math.min(wanted, this.alignMax)
    if ((align & (align - 1)) !== 0) {
      argError(1, this.fn, 'format asks for alignment not power of 2')
    }
    return (align - (total % align)) % align
  }

  private option(): PackKind {
    const c = this.format.charAt(this.at++)
    const fixed = fixedOptions[c]
    if (fixed !== undefined) {
      this.size = fixed[1]
      return fixed[0]
    }
    const sized = sizedOptions[c]
    if (sized !== undefined) {
      this.size = this.limitedSize(sized[1])
      return sized[0]
    }
    this.size = 0
    if (c === 'c') {
      this.size = this.number(-1)
      if (this.size < 0) fail("missing size for format option 'c'")
      return 'char'
    }
    if (c === '<' || c === '=') this.littleEndian = true
    else if (c === '>') this.littleEndian = false
    else if (c === '!') this.alignMax = this.limitedSize(8)
    else fail(`invalid format option '${c}'`)
    return 'nothing'
  }

  private number(otherwise: number): number {
    const start = this.at
    let value = 0
    while (value <= sizeMax) {
      const digit = this.format.charCodeAt(this.at) - 48
      if (!(digit >= 0 && digit <= 9)) break
      value = value * 10 + digit
      this.at++
    }
    return this.at === start ? otherwise : value
  }

  private limitedSize(otherwise: number): number {
    const size = this.number(otherwise)
    if (size > integerBytesMax || size <= 0) {
      fail(`integral size (${size}) out of limits [1,${integerBytesMax}]`)
    }
    return size
  }
}
