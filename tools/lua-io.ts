// io, and the os functions that touch the outside, for the stand-alone interpreter only.
//
// Written against LuaEngine, so that both engines have it. Files are read and written at once, without
// a buffer but for standard output; a file is a userdata (on fengari a table) with a metatable named
// FILE*. Failures are answers (nil, message, code), as in Lua.

import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { messageOf } from '../core/base/errors.ts'
import { type LuaEngine, LuaMulti, type LuaTable, type LuaValue } from '../core/lua/engine.ts'
import { V8Engine } from '../core/lua/v8/engine.ts'

const outputBytesMax = 64 * 1024

/** Standard output, gathered into larger writes. */
export class OutputBuffer {
  private text = ''

  write(bytes: string): void {
    this.text += bytes
    if (this.text.length >= outputBytesMax) this.flush()
  }

  flush(): void {
    const data = Buffer.from(this.text, 'latin1')
    this.text = ''
    for (let at = 0; at < data.length; ) at += writeAll(1, data.subarray(at))
  }
}

function writeAll(fd: number, data: Uint8Array): number {
  try {
    return writeSync(fd, data)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw thrown
  }
}

/** An open file: what was read ahead, and where reading stands in it. */
class OpenFile {
  readonly fd: number
  closed = false
  private ahead = ''
  private atEnd = false

  constructor(fd: number) {
    this.fd = fd
  }

  private fill(): boolean {
    if (this.atEnd) return false
    const chunk = Buffer.alloc(64 * 1024)
    const n = readSync(this.fd, chunk)
    if (n === 0) this.atEnd = true
    this.ahead += chunk.toString('latin1', 0, n)
    return n > 0
  }

  line(keepEnd: boolean): string | undefined {
    let end = this.ahead.indexOf('\n')
    while (end < 0 && this.fill()) end = this.ahead.indexOf('\n')
    if (end < 0 && this.ahead === '') return undefined
    const stop = end < 0 ? this.ahead.length : end + 1
    const text = this.ahead.slice(0, stop)
    this.ahead = this.ahead.slice(stop)
    return !keepEnd && text.endsWith('\n') ? text.slice(0, -1) : text
  }

  bytes(count: number): string | undefined {
    while (this.ahead.length < count && this.fill());
    if (this.ahead === '' && (count > 0 || !this.fill())) return undefined
    const text = this.ahead.slice(0, count)
    this.ahead = this.ahead.slice(count)
    return text
  }

  all(): string {
    while (this.fill());
    const text = this.ahead
    this.ahead = ''
    return text
  }

  /** The numeral that stands next, after blanks. */
  numeral(): string {
    this.all2()
    const match = /^\s*([-+]?(?:0[xX][\da-fA-F.]+(?:[pP][-+]?\d+)?|[\d.]+(?:[eE][-+]?\d+)?))/.exec(
      this.ahead,
    )
    if (match === null) return ''
    this.ahead = this.ahead.slice(match[0].length)
    return match[1] ?? ''
  }

  private all2(): void {
    while (this.ahead.length < 400 && this.fill());
  }
}

/** Puts `io` and the outside parts of `os` into an engine's globals. */
export function openIo(engine: LuaEngine, output: OutputBuffer): void {
  new IoLibrary(engine, output).open()
}

class IoLibrary {
  private readonly engine: LuaEngine
  private readonly output: OutputBuffer
  private readonly files = new Map<LuaTable, OpenFile>()
  private readonly methods: LuaTable
  private readonly meta: LuaTable
  private readonly tonumber: (text: string) => LuaValue

  constructor(engine: LuaEngine, output: OutputBuffer) {
    this.engine = engine
    this.output = output
    this.methods = engine.newTable()
    this.meta = engine.newTable()
    const tonumber = engine.rawGet(engine.globals, 'tonumber')
    this.tonumber = (text) => engine.call(tonumber as never, text)[0]
  }

  open(): void {
    const { engine } = this
    this.fillMethods()
    engine.rawSet(this.meta, '__index', this.methods)
    engine.rawSet(this.meta, '__name', 'FILE*')
    engine.rawSet(this.meta, '__close', engine.rawGet(this.methods, 'close'))
    const io = engine.newTable()
    const stdout = this.file(1)
    const stdin = this.file(0)
    engine.rawSet(io, 'stdout', stdout)
    engine.rawSet(io, 'stdin', stdin)
    engine.rawSet(io, 'stderr', this.file(2))
    const define = (name: string, fn: (...args: LuaValue[]) => LuaValue | LuaMulti) =>
      engine.rawSet(io, name, engine.hostFunction(name, fn))
    define('write', (...args) => this.write(stdout, args))
    define('read', (...args) => this.read(stdin, args))
    define('open', (path, mode) => this.openFile(String(path), mode))
    define('close', (file) => this.close((file ?? stdout) as LuaTable))
    define('type', (file) => {
      const known = this.files.get(file as LuaTable)
      return known === undefined ? undefined : known.closed ? 'closed file' : 'file'
    })
    define('output', () => stdout)
    define('input', () => stdin)
    define('lines', (path, ...formats) => {
      const file = path === undefined ? stdin : this.openFile(String(path), 'r')
      if (file instanceof LuaMulti) throw new Error(String(file.values[1]))
      return this.lines(file as LuaTable, formats)
    })
    engine.rawSet(engine.globals, 'io', io)
    this.openOs()
  }

  private fillMethods(): void {
    const define = (
      name: string,
      fn: (file: LuaTable, ...args: LuaValue[]) => LuaValue | LuaMulti,
    ) => {
      const method = (file: LuaValue, ...args: LuaValue[]) => fn(file as LuaTable, ...args)
      this.engine.rawSet(this.methods, name, this.engine.hostFunction(name, method))
    }
    define('write', (file, ...args) => this.write(file, args))
    define('read', (file, ...args) => this.read(file, args))
    define('close', (file) => this.close(file))
    define('lines', (file, ...formats) => this.lines(file, formats))
    define('flush', (file) => file)
    define('setvbuf', () => true)
    define('seek', () => new LuaMulti([undefined, 'not seekable', 29]))
  }

  private file(fd: number): LuaTable {
    const handle = this.newHandle() as LuaTable
    this.files.set(handle, new OpenFile(fd))
    return handle
  }

  /** A userdata where the engine has them, else a table. */
  private newHandle(): LuaValue {
    const { engine } = this
    if (engine instanceof V8Engine) return engine.newUserdata(this.meta)
    const table = engine.newTable()
    const setmetatable = engine.rawGet(engine.globals, 'setmetatable')
    engine.call(setmetatable as never, table, this.meta)
    return table
  }

  private known(file: LuaTable): OpenFile {
    const known = this.files.get(file)
    if (known === undefined) throw new Error('bad argument #1 (FILE* expected)')
    if (known.closed) throw new Error('attempt to use a closed file')
    return known
  }

  private write(file: LuaTable, args: readonly LuaValue[]): LuaValue {
    const { fd } = this.known(file)
    for (const value of args) {
      const text = this.text(value)
      if (fd === 1) this.output.write(text)
      else writeAll(fd, Buffer.from(text, 'latin1'))
    }
    return file
  }

  private text(value: LuaValue): string {
    if (typeof value === 'string') return value
    const { engine } = this
    const tostring = engine.rawGet(engine.globals, 'tostring')
    return engine.call(tostring as never, value)[0] as string
  }

  private read(file: LuaTable, formats: readonly LuaValue[]): LuaMulti {
    const known = this.known(file)
    if (known.fd === 0) this.output.flush()
    const values: LuaValue[] = []
    for (const format of formats.length === 0 ? ['l'] : formats) {
      const value = this.readOne(known, format)
      values.push(value)
      if (value === undefined) break
    }
    return new LuaMulti(values)
  }

  private readOne(file: OpenFile, format: LuaValue): LuaValue {
    if (typeof format === 'number') return file.bytes(format)
    switch (String(format).replace(/^\*/, '').charAt(0)) {
      case 'l':
        return file.line(false)
      case 'L':
        return file.line(true)
      case 'a':
        return file.all()
      case 'n':
        return this.tonumber(file.numeral())
      default:
        throw new Error("bad argument #1 to 'read' (invalid format)")
    }
  }

  private lines(file: LuaTable, formats: readonly LuaValue[]): LuaValue {
    return this.engine.hostFunction('lines', () => this.read(file, formats))
  }

  private openFile(path: string, mode: LuaValue): LuaTable | LuaMulti {
    try {
      return this.file(openSync(Buffer.from(path, 'latin1'), String(mode ?? 'r').replace('b', '')))
    } catch (thrown) {
      return failed(path, thrown)
    }
  }

  private close(file: LuaTable): LuaValue {
    const known = this.known(file)
    known.closed = true
    if (known.fd > 2) closeSync(known.fd)
    return true
  }

  private openOs(): void {
    const { engine } = this
    // A table of our own: the library's is read-only on one of the engines.
    const os = engine.newTable()
    engine.forEach(engine.rawGet(engine.globals, 'os') as LuaTable, (key, value) => {
      engine.rawSet(os, key, value)
      return undefined
    })
    engine.rawSet(engine.globals, 'os', os)
    const define = (name: string, fn: (...args: LuaValue[]) => LuaValue | LuaMulti) =>
      engine.rawSet(os, name, engine.hostFunction(name, fn))
    define('exit', (code) => {
      this.output.flush()
      process.exit(code === undefined || code === true ? 0 : code === false ? 1 : Number(code))
    })
    define('getenv', (name) => {
      const value = process.env[String(name)]
      return value === undefined ? undefined : Buffer.from(value).toString('latin1')
    })
    define('remove', (path) => attempt(String(path), () => unlinkSync(String(path))))
    define('rename', (from, to) =>
      attempt(String(from), () => renameSync(String(from), String(to))),
    )
    define('tmpname', () => {
      for (let n = 0; ; n++) {
        const path = `/tmp/lua_${process.pid}_${n}`
        if (!existsSync(path)) return path
      }
    })
    define('setlocale', (locale) => {
      const known = locale === undefined || ['', 'C', 'POSIX'].includes(String(locale))
      return known ? 'C' : undefined
    })
  }
}

function attempt(path: string, work: () => void): LuaValue | LuaMulti {
  try {
    work()
    return true
  } catch (thrown) {
    return failed(path, thrown)
  }
}

function failed(path: string, thrown: unknown): LuaMulti {
  const { code, errno } = thrown as NodeJS.ErrnoException
  const words = code === 'ENOENT' ? 'No such file or directory' : messageOf(thrown)
  return new LuaMulti([undefined, `${path}: ${words}`, Math.abs(errno ?? 1)])
}
