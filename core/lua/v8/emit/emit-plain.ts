// Printing functions as they are called: structured JavaScript on the lines of the source. Pure.
//
// Back ends: `capture` parks at a site that sees YIELD, through the one exit at the function's end;
// `generator` runs the body as a JavaScript generator, which is its own parked state. Both keep the
// calling convention of call.ts, so their functions call each other. A function whose gotos have no
// structured form is printed by emit-flat.ts instead.

import { emitFlatBody, parkCall } from './emit-flat.ts'
import { type Backend, type FunctionIr, type Ir, isMark, mark } from './ir.ts'

/** The text of a function expression; `index` is its place among the chunk's functions. */
export function emitFunction(it: FunctionIr, index: number, backend: Backend): string {
  const ir = it.redirect === '' ? it : { ...it, entry: `${it.redirect}; ${it.entry}` }
  const parameters = [...ir.parameters, ...(ir.rest ? ['...$va'] : [])].join(', ')
  const head = `${mark(ir.line)}function ${ir.name}(${parameters}) {`
  return backend === 'generator'
    ? `${head}${generatorBody(ir, index)}${mark(ir.endLine)}}`
    : `${head}${captureBody(ir, index)}${mark(ir.endLine)}}`
}

function declaration(ir: FunctionIr, more: string[] = []): string {
  const names = [...ir.variables, ...more]
  return names.length === 0 ? '' : ` let ${names.join(', ')};`
}

function captureBody(ir: FunctionIr, index: number): string {
  if (ir.flatOnly) {
    const flat = emitFlatBody(ir, index)
    return `${declaration(ir, ['$pc = 0'])} ${ir.entry};${flat}`
  }
  const body = printList(ir.body, 'capture')
  if (ir.sites === 0) return `${declaration(ir)} ${ir.entry};${body}${fallOff(ir)}`
  const exit = `${mark(ir.endLine)}return ${parkCall(ir, index)}`
  return `${declaration(ir, ['$pc'])} $: { ${ir.entry};${body}${fallOff(ir)} } ${exit}`
}

function generatorBody(ir: FunctionIr, index: number): string {
  const rest = ir.flatOnly
    ? emitFlatBody(ir, index, 'generator')
    : printList(ir.body, 'generator') + fallOff(ir)
  const pc = ir.flatOnly ? ['$pc = 0', '$v'] : ['$v']
  return `${declaration(ir, pc)} return $generate(function* () { ${ir.entry};${rest} })`
}

/** A function that ends without return answers no value. */
export function fallOff(ir: FunctionIr): string {
  const last = ir.body.filter((node) => node.op !== 'js' || !isMark(node.text)).at(-1)
  return last?.op === 'return' ? '' : `${mark(ir.endLine)} return ${ir.fallOff};`
}

function printList(list: readonly Ir[], backend: Backend): string {
  return list.map((node) => printNode(node, backend)).join('')
}

function printNode(node: Ir, backend: Backend): string {
  switch (node.op) {
    case 'js':
      return isMark(node.text) ? node.text : ` ${node.text};`
    case 'site':
      return backend === 'capture'
        ? ` if (${node.test}) { $pc = ${node.pc}; break $ }`
        : ` if (${node.test}) { $v = yield; ${node.resume} }`
    case 'if': {
      const otherwise = node.no.length === 0 ? '' : ` else {${printList(node.no, backend)} }`
      return ` if (${node.condition}) {${printList(node.yes, backend)} }${otherwise}`
    }
    case 'loop': {
      const body = printList(node.body, backend)
      return ` ${label(node.target)}for (;;) {${body} }`
    }
    case 'for': {
      const body = printList(node.body, backend)
      return ` ${label(node.target)}for (; ${node.condition}; ${node.step}) {${body} }`
    }
    case 'block':
      return ` ${label(node.target)}{${printList(node.body, backend)} }`
    case 'label':
      return ''
    case 'jump':
      return ` ${node.how} ${node.target.name};`
    case 'return':
      return ` return ${node.text};`
  }
}

function label(target: { name: string; used: boolean }): string {
  return target.used ? `${target.name}: ` : ''
}
