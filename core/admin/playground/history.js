// The history of sent messages, kept in the browser and shared by its tabs.
//
// Browser. Newest first, at most `entriesMax`, a repeated message moves to the front. What
// localStorage holds is read anew before each write, because another tab may have written; where it
// is forbidden or full the history lives as long as the page, and the hint says so.

const key = 'moonwheel.playground.history'
const entriesMax = 50
const textMax = 20_000

export class SentHistory {
  #list = document.querySelector('#history')
  #hint = document.querySelector('#history-hint')
  #clear = document.querySelector('#history-clear')
  #entries = []
  #stored = true
  #cursor = -1
  #onPick

  /** `onPick({ route, text })` when an entry is chosen. */
  constructor(onPick) {
    this.#onPick = onPick
    this.#read()
    this.#draw()
    addEventListener('storage', (event) => {
      if (event.key !== key) return
      this.#read()
      this.#draw()
    })
    this.#clear.addEventListener('click', () => this.#write([]))
    this.#list.addEventListener('click', (event) => {
      const button = event.target.closest('button')
      if (button) this.#onPick(this.#entries[Number(button.dataset.index)])
    })
  }

  add(route, text) {
    this.#cursor = -1
    if (text.length > textMax) return
    this.#read()
    const others = this.#entries.filter((entry) => entry.route !== route || entry.text !== text)
    this.#write([{ route, text }, ...others].slice(0, entriesMax))
  }

  /** Picks the next older (`1`) or newer (`-1`) entry. */
  step(by) {
    const next = Math.min(this.#entries.length - 1, this.#cursor + by)
    if (next < 0) return
    this.#cursor = next
    this.#onPick(this.#entries[next])
  }

  #read() {
    if (!this.#stored) return
    try {
      const found = JSON.parse(localStorage.getItem(key) ?? '[]')
      this.#entries = Array.isArray(found) ? found.filter(isEntry).slice(0, entriesMax) : []
    } catch {
      // Storage is forbidden, or something else wrote there: start with what this page knows.
      this.#entries = []
    }
  }

  #write(entries) {
    this.#entries = entries
    try {
      localStorage.setItem(key, JSON.stringify(entries))
    } catch {
      this.#stored = false
    }
    this.#draw()
  }

  #draw() {
    const empty = this.#entries.length === 0
    this.#list.replaceChildren(...this.#entries.map(row))
    this.#clear.hidden = empty
    this.#hint.textContent = this.#hintText(empty)
  }

  #hintText(empty) {
    if (!this.#stored) return 'This browser keeps nothing: the history ends with the page.'
    return empty
      ? 'Nothing sent yet. What you send is kept in this browser.'
      : 'Alt+↑ and Alt+↓ in the editor walk through it.'
  }
}

function isEntry(entry) {
  return typeof entry?.route === 'string' && typeof entry?.text === 'string'
}

function row({ route, text }, index) {
  const item = document.createElement('li')
  const button = document.createElement('button')
  button.type = 'button'
  button.dataset.index = String(index)
  const name = document.createElement('span')
  name.className = 'route'
  name.textContent = route
  const body = document.createElement('span')
  body.className = 'quiet'
  body.textContent = text.replace(/\s+/g, ' ')
  button.append(name, body)
  item.append(button)
  return item
}
