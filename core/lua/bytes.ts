// Byte strings: how Lua strings look on our side of the border. Any thread.
//
// A Lua string is bytes. We hold it as a JavaScript string with one character for each byte
// (latin1), which V8 keeps one byte wide, so that `<` is byte order and `.length` the byte length.
// Text is UTF-8 in there; convert only where text is really needed.

const strictDecoder = new TextDecoder('utf-8', { fatal: true })

/** The byte string of UTF-8 encoded `text`; lone surrogates become U+FFFD. */
export function textToBytes(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.from(text, 'utf8').toString('latin1')
  }
  return text
}

/** The text of a byte string; invalid UTF-8 becomes U+FFFD. */
export function bytesToText(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return Buffer.from(bytes, 'latin1').toString('utf8')
  }
  return bytes
}

/** The text of a byte string, or undefined when it is not valid UTF-8. */
export function bytesToTextStrict(bytes: string): string | undefined {
  try {
    return strictDecoder.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}
