// The message editor: a textarea of JSON that tells at once what is wrong and where.
//
// Browser. Each route has its own draft, which starts from the route's example: going from route to
// route loses nothing that was typed. Alt+Up and Alt+Down walk through the history; Ctrl+Enter and
// Ctrl+Shift+Enter are the page's (app.js).

import { parseJson } from './json-check.js'

export class MessageEditor {
  #field = document.querySelector('#message')
  #problem = document.querySelector('#message-error')
  #drafts = new Map()
  #route = ''

  constructor() {
    this.#field.addEventListener('input', () => this.#check())
    this.#problem.addEventListener('click', () => this.#goToProblem())
    document.querySelector('#format').addEventListener('click', () => this.format())
  }

  get text() {
    return this.#field.value
  }

  set text(text) {
    this.#field.value = text
    this.#check()
  }

  /** Puts the draft of the old route away and takes the new route's draft or example out. */
  switchTo(route, example) {
    // A route that is being typed letter by letter is not one yet: what stands in the field stays.
    const complete = example !== undefined || route.split('.').length === 3
    if (route === this.#route || !complete) return
    this.#drafts.set(this.#route, this.text)
    this.text = this.#drafts.get(route) ?? JSON.stringify(example ?? {}, null, 2)
    this.#route = route
  }

  /** `{ value }` when the text is JSON; else shows the problem and returns `{ error }`. */
  read() {
    const parsed = this.#check()
    if (parsed.error) this.#field.focus()
    return parsed
  }

  format() {
    const parsed = this.#check()
    if (parsed.error) this.#goToProblem()
    else this.text = JSON.stringify(parsed.value, null, 2)
  }

  focus() {
    this.#field.focus()
  }

  #check() {
    const parsed = parseJson(this.text)
    const { error } = parsed
    this.#field.setAttribute('aria-invalid', String(error !== undefined))
    this.#problem.hidden = error === undefined
    this.#problem.textContent = error
      ? `Line ${error.line}, column ${error.column}: ${error.message}`
      : ''
    return parsed
  }

  #goToProblem() {
    const { error } = parseJson(this.text)
    if (!error) return
    this.#field.focus()
    this.#field.setSelectionRange(error.offset, error.offset + 1)
  }
}
