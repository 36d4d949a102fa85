// The route field: a search over the server's routes that also takes any route typed by hand.
//
// Browser. A combobox with its list always in view: the field filters, arrows move, Enter or a click
// picks. A field that holds exactly one of the routes filters nothing, so that the others stay in
// reach. `onPick(route, example)` is called when the route changes to another usable one.

export class RoutePicker {
  #input = document.querySelector('#route')
  #list = document.querySelector('#route-list')
  #hint = document.querySelector('#route-hint')
  #routes = []
  #shown = []
  #active = -1
  #loggedIn = false
  #onPick

  constructor(onPick) {
    this.#onPick = onPick
    this.#input.addEventListener('input', () => {
      this.#active = -1
      this.#draw()
      this.#onPick(this.route, this.#find(this.route)?.example)
    })
    this.#input.addEventListener('keydown', (event) => this.#key(event))
    this.#list.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]')
      if (option) this.pick(option.dataset.route)
    })
  }

  /** The route as it stands in the field. */
  get route() {
    return this.#input.value.trim()
  }

  /** Replaces the list; the field keeps what it holds. */
  set routes(routes) {
    this.#routes = routes.toSorted((a, b) => (a.route < b.route ? -1 : 1))
    this.#draw()
  }

  /** Whether to leave out the hint that a route needs a login. */
  set loggedIn(loggedIn) {
    this.#loggedIn = loggedIn
    this.#showHint()
  }

  pick(route) {
    this.#input.value = route
    this.#active = -1
    this.#draw()
    this.#onPick(route, this.#find(route)?.example)
  }

  focus() {
    this.#input.focus()
  }

  #find(route) {
    return this.#routes.find((known) => known.route === route)
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.isComposing) return
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      if (this.#shown.length === 0) return
      const step = event.key === 'ArrowDown' ? 1 : -1
      const from = this.#active < 0 && step < 0 ? 0 : this.#active
      this.#active = (from + step + this.#shown.length) % this.#shown.length
      this.#draw()
    } else if (event.key === 'Enter') {
      event.preventDefault()
      const only = this.#shown.length === 1 ? 0 : -1
      const chosen = this.#shown[this.#active >= 0 ? this.#active : only]
      if (chosen) this.pick(chosen.route)
    } else if (event.key === 'Escape') {
      this.pick('')
    }
  }

  #draw() {
    const text = this.route.toLowerCase()
    const exact = this.#find(this.route)
    this.#shown = exact
      ? this.#routes
      : this.#routes.filter(({ route }) => route.toLowerCase().includes(text))
    this.#list.replaceChildren(...this.#shown.map((known, index) => this.#option(known, index)))
    this.#list.hidden = this.#shown.length === 0
    const active =
      this.#list.querySelector('.active') ?? this.#list.querySelector('[aria-selected=true]')
    this.#input.setAttribute('aria-expanded', String(!this.#list.hidden))
    if (this.#active >= 0) this.#input.setAttribute('aria-activedescendant', active.id)
    else this.#input.removeAttribute('aria-activedescendant')
    this.#reveal(active)
    this.#showHint()
  }

  #showHint() {
    this.#hint.textContent = this.#hintText(this.#find(this.route))
    this.#hint.hidden = this.#hint.textContent === ''
  }

  /** scrollIntoView would scroll the page too. */
  #reveal(option) {
    if (!option) return
    const { offsetTop, offsetHeight } = option
    const { scrollTop, clientHeight } = this.#list
    if (offsetTop < scrollTop) this.#list.scrollTop = offsetTop
    const below = offsetTop + offsetHeight - clientHeight
    if (below > scrollTop) this.#list.scrollTop = below
  }

  #hintText(exact) {
    if (this.#routes.length === 0) return 'This server has told of no routes. Type one.'
    if (this.#shown.length === 0) return 'No such route is known here; it is sent as typed.'
    return exact && !exact.public && !this.#loggedIn ? 'This route needs a login.' : ''
  }

  #option(known, index) {
    const option = document.createElement('div')
    option.id = `route-option-${index}`
    option.role = 'option'
    option.dataset.route = known.route
    option.ariaSelected = String(known.route === this.route)
    option.classList.toggle('active', index === this.#active)
    const [service, ...rest] = known.route.split('.')
    const name = document.createElement('span')
    const head = document.createElement('b')
    head.textContent = service
    name.append(head, rest.length > 0 ? `.${rest.join('.')}` : '')
    option.append(name)
    if (known.public) {
      const tag = document.createElement('span')
      tag.className = 'tag'
      tag.textContent = 'public'
      tag.title = 'May be called before login'
      option.append(tag)
    }
    return option
  }
}
