// Reads lua/meta/*.d.lua: which globals, fields and functions are documented, and how.
//
// Test process; pure but for reading the files. It knows the forms that our own files use: a block of
// `---` lines, then `function a.b(x, y) end`, `a = ...`, or nothing (a class of its own).

import { readdirSync, readFileSync } from 'node:fs'

export interface Documented {
  readonly file: string
  /** `sleep`, `channel.join`, `Session:push`; a field of a library is `json.null`. */
  readonly name: string
  readonly kind: 'function' | 'value' | 'field'
  /** The words above it, without annotations. */
  readonly text: string
  readonly params: readonly string[]
  readonly documentedParams: readonly string[]
  /** The code of its ```lua block, or ''. */
  readonly example: string
}

/** Everything that the files of `folder` document, in the order of the files. */
export function readLuaMeta(folder: string): Documented[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.d.lua'))
    .sort()
    .flatMap((file) => readFile(file, readFileSync(`${folder}/${file}`, 'utf8')))
}

function readFile(file: string, source: string): Documented[] {
  const found: Documented[] = []
  let block: string[] = []
  for (const line of source.split('\n')) {
    if (line.startsWith('---')) {
      block.push(line.slice(3))
      continue
    }
    const made = definition(file, block, line)
    if (made !== undefined) found.push(made, ...fields(made, block))
    block = []
  }
  return found
}

function definition(file: string, block: string[], line: string): Documented | undefined {
  const fn = /^function ([\w.:]+)\((.*?)\) end$/.exec(line)
  const value = /^(\w+) = (?:\{\}|nil)$/.exec(line)
  const name = fn?.[1] ?? value?.[1]
  if (name === undefined) return undefined
  const text = block.filter((each) => !each.startsWith('@')).join('\n')
  return {
    file,
    name,
    kind: fn === null ? 'value' : 'function',
    text,
    params: fn?.[2] === undefined || fn[2] === '' ? [] : fn[2].split(', '),
    documentedParams: block.flatMap((each) => /^@param (\S+?)\??(?: |$)/.exec(each)?.[1] ?? []),
    example: /```lua\n([\s\S]*?)\n```/.exec(text.replace(/^ /gm, ''))?.[1] ?? '',
  }
}

/** The fields that the class block right above a library's table names. */
function fields(library: Documented, block: string[]): Documented[] {
  if (library.kind !== 'value') return []
  return block.flatMap((line) => {
    const field = /^@field (\w+)\??\s+\S+\s+(.+)$/.exec(line)
    if (field === null) return []
    const [, name, text] = field
    return [{ ...library, name: `${library.name}.${name}`, kind: 'field', text: text ?? '' }]
  })
}
