// Draws a JSON value as a tree that folds.
//
// Browser. Children are made when their fold opens first, and at most `childrenMax` of them until
// asked for more, so that a large reply cannot freeze the page. Text goes in by textContent only: a
// server's words are never markup.

const childrenMax = 200
const openDepthMax = 3
const openChildrenMax = 12
const textMax = 2_000
const inlineCharsMax = 72

/** An element that shows `value`. */
export function renderJson(value) {
  const root = element('div', 'json')
  root.append(renderEntry(undefined, value, 0))
  return root
}

function renderEntry(name, value, depth) {
  const folds = typeof value === 'object' && value !== null && !isSmall(value)
  if (folds) return renderFold(name, value, depth)
  const line = element('div', 'json-line')
  line.append(...renderName(name), ...renderInline(value))
  return line
}

function renderName(name) {
  if (name === undefined) return []
  return [element('span', 'json-name', name), element('span', 'json-mark', ': ')]
}

/** Whether a list or object of plain values fits on one line. */
function isSmall(value) {
  const items = Object.values(value)
  if (items.length > inlineCharsMax / 4) return false
  if (items.some((item) => typeof item === 'object' && item !== null)) return false
  return JSON.stringify(value).length <= inlineCharsMax
}

function renderInline(value) {
  if (typeof value !== 'object' || value === null) return [renderScalar(value)]
  const list = Array.isArray(value)
  const entries = Object.entries(value)
  if (entries.length === 0) return [element('span', 'json-mark', list ? '[]' : '{}')]
  const parts = entries.flatMap(([name, item], index) => [
    ...(index === 0 ? [] : [element('span', 'json-mark', ', ')]),
    ...(list ? [] : renderName(name)),
    renderScalar(item),
  ])
  const [left, right] = list ? ['[', ']'] : ['{ ', ' }']
  return [element('span', 'json-mark', left), ...parts, element('span', 'json-mark', right)]
}

function renderScalar(value) {
  const kind = value === null || value === undefined ? 'null' : typeof value
  const whole = value === undefined ? 'no body' : JSON.stringify(value)
  if (whole.length <= textMax) return element('span', `json-${kind}`, whole)
  const more = whole.length - textMax
  return element('span', `json-${kind}`, `${whole.slice(0, textMax)}… ${more} characters more`)
}

function renderFold(name, value, depth) {
  const list = Array.isArray(value)
  const entries = list ? value.map((item, index) => [String(index), item]) : Object.entries(value)
  const [left, right] = list ? ['[', ']'] : ['{', '}']
  const fold = element('details', 'json-fold')
  const summary = element('summary')
  const unit = list ? 'item' : 'field'
  const count = `${entries.length} ${unit}${entries.length === 1 ? '' : 's'}`
  summary.append(
    ...renderName(name),
    element('span', 'json-mark', left),
    element('span', 'json-count', ` ${count} ${right}`),
  )
  const children = element('div', 'json-children')
  fold.append(summary, children, element('div', 'json-mark', right))
  const fill = () => fillChildren(children, entries, 0, depth)
  if (depth < openDepthMax && entries.length <= openChildrenMax) {
    fold.open = true
    fill()
  } else {
    fold.addEventListener('toggle', fill, { once: true })
  }
  return fold
}

function fillChildren(children, entries, from, depth) {
  const to = Math.min(entries.length, from + childrenMax)
  for (const [name, value] of entries.slice(from, to)) {
    children.append(renderEntry(name, value, depth + 1))
  }
  if (to === entries.length) return
  const more = element('button', 'small', `Show more of the ${entries.length - to} left`)
  more.type = 'button'
  more.addEventListener('click', () => {
    more.remove()
    fillChildren(children, entries, to, depth)
  })
  children.append(more)
}

function element(tag, className = '', text = '') {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  if (text !== '') made.textContent = text
  return made
}
