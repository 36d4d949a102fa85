// Parses JSON and, where it is wrong, says in words what is wrong and at which line and column.
//
// Browser. JSON.parse decides whether a text is JSON; only when it refuses does the small scanner
// below walk the text again for the place, because engines word their errors each in their own way
// and often without a position. The scanner holds no state after a call.

const depthMax = 200
const escapes = '"\\/bfnrtu'

/** `{ value }`, or `{ error: { message, offset, line, column } }`; blank text is `{}`. */
export function parseJson(source) {
  if (source.trim() === '') return { value: {} }
  try {
    return { value: JSON.parse(source) }
  } catch (refusal) {
    const { offset, message } = firstError(source) ?? { offset: 0, message: refusal.message }
    const before = source.slice(0, offset).split('\n')
    return { error: { message, offset, line: before.length, column: before.at(-1).length + 1 } }
  }
}

class Wrong {
  constructor(offset, message) {
    this.offset = offset
    this.message = message
  }
}

function firstError(source) {
  try {
    const end = skip(source, value(source, skip(source, 0), 0))
    if (end < source.length)
      throw new Wrong(end, `nothing may follow the value, found ${at(source, end)}`)
    return undefined
  } catch (wrong) {
    if (wrong instanceof Wrong) return wrong
    throw wrong
  }
}

// Each reader takes the offset of its first character and returns the offset after its last.

function value(source, from, depth) {
  if (depth > depthMax) throw new Wrong(from, `nested deeper than ${depthMax}`)
  const first = source[from]
  if (first === '{') return members(source, from, depth)
  if (first === '[') return elements(source, from, depth)
  if (first === '"') return string(source, from)
  const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/
  const matched = word.exec(source.slice(from, from + 400))
  if (matched) return from + matched[0].length
  throw new Wrong(from, `expected a value, found ${at(source, from)}`)
}

function members(source, from, depth) {
  let here = skip(source, from + 1)
  if (source[here] === '}') return here + 1
  for (;;) {
    if (source[here] !== '"') {
      throw new Wrong(here, `expected a name in double quotes, found ${at(source, here)}`)
    }
    here = skip(source, string(source, here))
    if (source[here] !== ':') throw new Wrong(here, `expected ":", found ${at(source, here)}`)
    here = skip(source, value(source, skip(source, here + 1), depth + 1))
    if (source[here] === '}') return here + 1
    if (source[here] !== ',')
      throw new Wrong(here, `expected "," or "}", found ${at(source, here)}`)
    here = skip(source, here + 1)
  }
}

function elements(source, from, depth) {
  let here = skip(source, from + 1)
  if (source[here] === ']') return here + 1
  for (;;) {
    here = skip(source, value(source, here, depth + 1))
    if (source[here] === ']') return here + 1
    if (source[here] !== ',')
      throw new Wrong(here, `expected "," or "]", found ${at(source, here)}`)
    here = skip(source, here + 1)
  }
}

function string(source, from) {
  for (let here = from + 1; here < source.length; here++) {
    const char = source[here]
    if (char === '"') return here + 1
    if (char < ' ') throw new Wrong(here, 'a line break or control character in a string')
    if (char !== '\\') continue
    const escaped = source[++here] ?? ' '
    if (!escapes.includes(escaped)) throw new Wrong(here, `unknown escape "\\${escaped}"`)
    if (escaped !== 'u') continue
    if (!/^[0-9a-fA-F]{4}$/.test(source.slice(here + 1, here + 5))) {
      throw new Wrong(here, 'expected four hex digits after "\\u"')
    }
    here += 4
  }
  throw new Wrong(from, 'this string has no closing quote')
}

function skip(source, from) {
  let here = from
  while (here < source.length && ' \t\n\r'.includes(source[here])) here++
  return here
}

function at(source, offset) {
  if (offset >= source.length) return 'the end of the text'
  if (source[offset] === '"') return 'a double quote'
  return `"${String.fromCodePoint(source.codePointAt(offset))}"`
}
