// The files of the playground page: which path serves which file, as which type.
//
// Core thread, start-up only. The page and the client are plain files that no build touches, so they
// are read from the project's root, whether this module runs from source or from dist/. The list is
// the allow-list: what is not in it cannot be asked for. A missing file fails the start.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HostError, messageOf } from '../../base/errors.ts'

export interface Asset {
  readonly type: string
  readonly bytes: Buffer
}

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const

const page = 'core/admin/playground'

/** Request path, file below the project's root, type. */
const allowList: readonly (readonly [string, string, keyof typeof types])[] = [
  ['/', `${page}/index.html`, 'html'],
  ['/style.css', `${page}/style.css`, 'css'],
  ['/mark.svg', `${page}/mark.svg`, 'svg'],
  ['/app.js', `${page}/app.js`, 'js'],
  ['/history.js', `${page}/history.js`, 'js'],
  ['/json-check.js', `${page}/json-check.js`, 'js'],
  ['/json-view.js', `${page}/json-view.js`, 'js'],
  ['/log-view.js', `${page}/log-view.js`, 'js'],
  ['/message-editor.js', `${page}/message-editor.js`, 'js'],
  ['/route-picker.js', `${page}/route-picker.js`, 'js'],
  ['/moonwheel-client.js', 'sdk/js/moonwheel-client.js', 'js'],
]

/** Reads every file of the page; the keys are the only paths that are served. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const root = projectRoot()
  return new Map(
    allowList.map(([path, file, type]) => {
      try {
        return [path, { type: types[type], bytes: readFileSync(join(root, file)) }]
      } catch (thrown) {
        const message = `the playground page cannot be read: ${messageOf(thrown)}`
        throw new HostError('NOT_FOUND', message, { cause: thrown })
      }
    }),
  )
}

/** The nearest folder above this module that holds package.json; dist/ holds none. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) throw new HostError('NOT_FOUND', 'no package.json above the playground')
    folder = above
  }
  return folder
}
