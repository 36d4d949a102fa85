// Functions of a module that are compiled when they are first called. Pure; any thread.
//
// Most of a game's code is handlers that a lane may not need for hours. So a long function at the top
// of a module is only parsed when the module loads (all syntax and scope errors are found then), and
// what stands in its place is short:
//
//   (($f) => function buy$lazy(session, msg) {
//      if (point.r !== null) return point.r(…)(…)        it has been replaced: module.ts
//      return ($f ??= point.make(items, discount))(session, msg)
//   })()
//
// `buy$lazy` is the function that Lua sees for ever, so it keeps the identity; what it calls has the
// upvalues of this closure and does not look at the point again. A call costs one more call, which V8
// takes into the caller where that is hot; tracebacks leave the frame out (traceback.ts). Short
// functions, for which the call would weigh, are compiled when the module loads.

import { standInName } from '../run/function-name.ts'
import type { FunctionNode } from '../syntax/ast.ts'
import { identityMark } from './compiled-module.ts'
import type { ChunkContext } from './lower.ts'
import { functionName, NameTable } from './names.ts'

/** Functions with fewer lines are compiled at once. */
export const lazyLinesMin = 8

/** May this function of a module's top level wait for its first call? */
export function isLazy(node: FunctionNode, linesMin: number): boolean {
  return !node.isVararg && node.endLine - node.line + 1 >= linesMin
}

/** The text of the function that stands for `node`; the names of its upvalues are chosen. */
export function lazyText(
  context: ChunkContext,
  node: FunctionNode,
  ownName: string | undefined,
): string {
  const names = new NameTable()
  for (const upvalue of node.upvalues) names.reserve(upvalue.js)
  const parameters = node.parameters.map((local) => names.fresh(local.name))
  const name = standInName(functionName(node.name))
  const redirect = redirectText(context, node, name, parameters, ownName)
  const point = context.constant(`$P[${node.index}]`)
  const list = parameters.join(', ')
  const made = `$f ??= ${point}.make(${upvalueList(node, ownName, name)})`
  return `(($f) => function ${name}(${list}) { ${redirect}; return (${made})(${list}) })()`
}

/**
 * How a function leaves for the one that has replaced it.
 * @param name its JavaScript name @param ownName the local that holds it, when that is a plain one
 */
export function redirectText(
  context: ChunkContext,
  node: FunctionNode,
  name: string,
  parameters: readonly string[],
  ownName = name,
): string {
  const point = context.constant(`$P[${node.index}]`)
  const self = parameters.includes(name) ? 'undefined' : name
  const args = [...parameters, ...(node.isVararg ? ['...$va'] : [])].join(', ')
  const mark = identityMark({ module: context.module, path: node.path })
  const upvalues = upvalueList(node, ownName, name)
  return `if (${point}.r !== null) ${mark} return ${point}.r(${self}, [${upvalues}])(${args})`
}

/** Upvalues in order; a function that is its own upvalue goes by its own name. */
function upvalueList(node: FunctionNode, ownName: string | undefined, name: string): string {
  return [...node.upvalues].map(({ js }) => (js === ownName ? name : js)).join(', ')
}
