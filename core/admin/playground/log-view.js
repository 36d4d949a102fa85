// The live log: what was sent, answered, pushed, and what happened to the connection.
//
// Browser. Oldest above, newest below; it follows the newest until the reader scrolls up. It keeps
// the last `entriesMax` entries and says when it dropped older ones. Filters hide entries and never
// delete them.

import { renderJson } from './json-view.js'

const entriesMax = 500
const searchCharsMax = 20_000
const nearBottomPx = 40

const kinds = {
  request: { group: 'sent', label: '→ request' },
  notify: { group: 'sent', label: '→ notify' },
  reply: { group: 'reply', label: '← reply' },
  failed: { group: 'reply', label: '← error' },
  push: { group: 'push', label: '← push' },
  kick: { group: 'note', label: '✕ kick' },
  error: { group: 'note', label: '! error' },
  info: { group: 'note', label: '· event' },
}

export class LogView {
  #list = document.querySelector('#log')
  #scroll = document.querySelector('#log-scroll')
  #empty = document.querySelector('#log-empty')
  #follow = document.querySelector('#log-follow')
  #filter = document.querySelector('#log-filter')
  #kinds = document.querySelector('#log-kinds')
  #dropped = 0
  #following = true
  #lastTopPx = 0
  #emptyText = ''

  constructor() {
    this.#filter.addEventListener('input', () => this.#refilter())
    this.#kinds.addEventListener('change', () => this.#refilter())
    document.querySelector('#log-clear').addEventListener('click', () => this.clear())
    this.#follow.addEventListener('click', () => this.#toNewest())
    this.#scroll.addEventListener('scroll', () => this.#scrolled())
    new ResizeObserver(() => this.#following && this.#toNewest()).observe(this.#scroll)
  }

  /** What an empty log says. */
  set emptyText(text) {
    this.#emptyText = text
    this.#refreshEmpty()
  }

  /**
   * Adds one entry. `kind` is a key of `kinds`; `body` is drawn as JSON unless left out; `text` is a
   * sentence; `number` pairs a reply with its request; `latencyMs` is shown beside the route.
   */
  add({ kind, route = '', number, latencyMs, text = '', ...rest }) {
    const { group, label } = kinds[kind]
    const entry = make('li', 'entry')
    entry.dataset.kind = kind
    entry.dataset.group = group
    const head = make('div', 'entry-head')
    head.append(timeOf(new Date()), make('span', 'kind', label))
    if (route !== '') head.append(make('span', 'route', route))
    if (text !== '') head.append(make('span', 'text', text))
    const facts = [
      number ? `#${number}` : '',
      latencyMs === undefined ? '' : milliseconds(latencyMs),
    ]
    const shown = facts.filter((fact) => fact !== '').join(' · ')
    if (shown !== '') head.append(make('span', 'facts', shown))
    entry.append(head)
    let plain = ''
    if ('body' in rest) {
      plain = JSON.stringify(rest.body) ?? ''
      head.append(copyButton(rest.body))
      entry.append(renderJson(rest.body))
    }
    entry.search = `${label} ${route} ${text} ${plain}`.slice(0, searchCharsMax).toLowerCase()
    this.#show(entry)
    this.#list.append(entry)
    this.#trim()
    if (this.#following) this.#toNewest()
    this.#refreshEmpty()
  }

  clear() {
    this.#list.replaceChildren()
    this.#dropped = 0
    this.#toNewest()
    this.#refreshEmpty()
  }

  #trim() {
    while (this.#list.children.length > entriesMax) {
      this.#list.firstElementChild.remove()
      this.#dropped++
    }
  }

  #show(entry) {
    const groups = [...this.#kinds.querySelectorAll('input:checked')].map((box) => box.value)
    const wanted = this.#filter.value.trim().toLowerCase()
    entry.hidden = !groups.includes(entry.dataset.group) || !entry.search.includes(wanted)
  }

  #refilter() {
    for (const entry of this.#list.children) this.#show(entry)
    this.#refreshEmpty()
    if (this.#following) this.#toNewest()
  }

  #refreshEmpty() {
    const total = this.#list.children.length
    const hidden = this.#list.querySelectorAll('.entry[hidden]').length
    let text = ''
    if (total === 0) text = this.#emptyText
    else if (hidden === total) text = `The filter hides all ${total} entries.`
    else if (this.#dropped > 0) text = `Older entries dropped: ${this.#dropped}.`
    this.#empty.textContent = text
    this.#empty.hidden = text === ''
  }

  /** Only a reader who scrolls up stops the following; a banner that takes room does not. */
  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll
    if (scrollHeight - scrollTop - clientHeight < nearBottomPx) this.#following = true
    else if (scrollTop < this.#lastTopPx) this.#following = false
    this.#lastTopPx = scrollTop
    this.#follow.hidden = this.#following
  }

  #toNewest() {
    this.#following = true
    this.#follow.hidden = true
    this.#scroll.scrollTop = this.#scroll.scrollHeight
  }
}

/** A duration for people: tenths below 10 ms, seconds from 10 s on. */
export function milliseconds(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

function timeOf(date) {
  const time = make('time', 'quiet', date.toTimeString().slice(0, 8))
  time.append(make('span', 'fraction', `.${String(date.getMilliseconds()).padStart(3, '0')}`))
  time.dateTime = date.toISOString()
  return time
}

function copyButton(body) {
  const button = make('button', 'copy', 'copy')
  button.type = 'button'
  button.setAttribute('aria-label', 'Copy this body as JSON')
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(JSON.stringify(body, null, 2) ?? '')
      button.textContent = 'copied'
    } catch {
      // Browsers refuse the clipboard outside of https and loopback addresses.
      button.textContent = 'not allowed here'
    }
  })
  return button
}

function make(tag, className, text = '') {
  const made = document.createElement(tag)
  made.className = className
  if (text !== '') made.textContent = text
  return made
}
