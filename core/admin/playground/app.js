// The playground: one player of the game in one browser tab.
//
// Browser. It owns the connection and passes between the parts: the route picker, the message
// editor, the history and the log. Every failure ends as a sentence on the page: in the banner when
// it is about the connection, in the log when it is about a message.

import { SentHistory } from './history.js'
import { LogView, milliseconds } from './log-view.js'
import { MessageEditor } from './message-editor.js'
import { MoonwheelClient } from './moonwheel-client.js'
import { RoutePicker } from './route-picker.js'

const loginRoute = 'login.handler.guest'
const pingEveryMs = 5_000
const guestNames = ['Luna', 'Selene', 'Artemis', 'Io', 'Callisto', 'Titan', 'Rhea', 'Phoebe']

const $ = (id) => document.getElementById(id)
const log = new LogView()
const editor = new MessageEditor()
const picker = new RoutePicker((route, example) => {
  editor.switchTo(route, example)
  refresh()
})
const history = new SentHistory(({ route, text }) => {
  picker.pick(route)
  editor.text = text
})

let client
let player
let sentCount = 0
let hasLogin = true

// ---- what the server says about itself -------------------------------------------------------

/** Reads playground.json: at the start, and again at each connection, as services may be reloaded. */
async function readDescription() {
  const response = await fetch('playground.json')
  const about = await response.json()
  if (!response.ok) throw new Error(about.message)
  document.title = `${about.title} playground`
  $('title').textContent = about.title
  $('about').textContent = `playground of ${about.node} · version ${about.version}`
  if ($('ws-url').value === '') $('ws-url').value = gameUrl(about.ws)
  picker.routes = about.routes
  hasLogin = about.routes.some(({ route }) => route === loginRoute)
  return about
}

function gameUrl({ url, port, path }) {
  if (url !== undefined) return url
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${location.hostname}:${port}${path}`
}

// ---- connection --------------------------------------------------------------------------------

function isOpen() {
  return client?.state === 'open'
}

async function connectNow() {
  const url = $('ws-url').value.trim()
  client?.close()
  try {
    const made = new MoonwheelClient(url, { reconnect: true })
    client = made
    listen(made)
    await made.open()
  } catch (error) {
    if (error.kind === 'stopped') return false
    log.add({ kind: 'error', text: sentence(error.message) })
    showBanner(`${sentence(error.message)} ${hintFor(error)}`)
    return false
  }
  log.add({ kind: 'info', text: `Connected to ${url}` })
  // The page's own server may be gone while the game's is not: then the old list of routes stays.
  readDescription().then(refresh, () => {})
  return true
}

function listen(made) {
  // An old client may still say its last words after a new one has taken its place.
  const current =
    (listener) =>
    (...args) => {
      if (made === client) listener(...args)
    }
  made.onState(current(showState))
  made.on(
    '*',
    current((body, route) => log.add({ kind: 'push', route, body })),
  )
  made.onKick(current((reason) => log.add({ kind: 'kick', text: `Kicked: ${reason}` })))
  made.onError(current((error) => log.add({ kind: 'error', text: sentence(error.message) })))
  made.onReconnect(
    current(() => log.add({ kind: 'info', text: 'Connected again. The session is new: log in.' })),
  )
  made.onClose(
    current((error) => {
      const text = sentence(error.message)
      if (error.kind === 'stopped') {
        log.add({ kind: 'info', text: 'Disconnected.' })
        return
      }
      showBanner(text)
      // A kick stands in the log already.
      if (error.kind !== 'kicked') log.add({ kind: 'error', text })
    }),
  )
}

function showState(state, { error, attempt, delayMs }) {
  if (state !== 'open') player = undefined
  if (state === 'reconnecting') {
    if (attempt === 1) log.add({ kind: 'error', text: sentence(error.message) })
    const wait = milliseconds(delayMs)
    showBanner(`${sentence(error.message)} Trying again in ${wait} (attempt ${attempt}).`)
  } else {
    showBanner('')
  }
  refresh()
}

function hintFor(error) {
  if (error.kind === 'usage') return 'An address looks like ws://127.0.0.1:7301.'
  const absent = error.message.includes('not reachable')
  return absent ? 'Start it with npm start, then connect again.' : ''
}

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.?!]$/.test(first) ? first : `${first}.`
}

function showBanner(text) {
  $('banner').textContent = text.trim()
  $('banner').hidden = text === ''
}

// ---- sending -----------------------------------------------------------------------------------

/** Sends a request and logs both halves; resolves with the reply, or undefined when it failed. */
async function request(route, body) {
  const number = ++sentCount
  log.add({ kind: 'request', route, number, body })
  const startMs = performance.now()
  try {
    const reply = await client.request(route, body)
    const latencyMs = performance.now() - startMs
    log.add({ kind: 'reply', route, number, latencyMs, body: reply })
    showLast(true, `reply in ${milliseconds(latencyMs)}`)
    return reply
  } catch (error) {
    const latencyMs = performance.now() - startMs
    showLast(false, error.code > 0 ? `${error.code}: ${error.message}` : sentence(error.message))
    if (error.kind === 'reply') {
      log.add({ kind: 'failed', route, number, latencyMs, body: error.body })
    } else {
      log.add({ kind: 'error', route, number, latencyMs, text: sentence(error.message) })
    }
    return undefined
  }
}

/** The outcome beside the button, because on a narrow screen the log is out of sight. */
function showLast(good, text) {
  $('last').textContent = text
  $('last').dataset.good = String(good)
}

function sendMessage(kind) {
  const { route } = picker
  if (!isOpen() || route === '') {
    if (route === '') picker.focus()
    else $('connect').focus()
    refresh()
    return
  }
  const parsed = editor.read()
  if (parsed.error) return
  history.add(route, editor.text)
  if (kind === 'request') {
    if (route === loginRoute) logIn(parsed.value)
    else request(route, parsed.value)
    return
  }
  try {
    client.notify(route, parsed.value)
    log.add({ kind: 'notify', route, number: ++sentCount, body: parsed.value })
    showLast(true, 'sent')
  } catch (error) {
    log.add({ kind: 'error', route, text: sentence(error.message) })
  }
}

async function logIn(body) {
  if (!isOpen() && !(await connectNow())) return
  const asked = client
  const reply = await request(loginRoute, body)
  if (reply === undefined || asked !== client || !isOpen()) return
  player = { name: body?.name, uid: reply?.uid }
  refresh()
}

// ---- what the page shows -----------------------------------------------------------------------

const stateWords = {
  connecting: 'Connecting',
  open: 'Connected',
  reconnecting: 'Reconnecting',
  closed: 'Not connected',
}

function refresh() {
  const state = client?.state ?? 'closed'
  const busy = state !== 'closed'
  $('lamp').dataset.state = state
  $('state').textContent = stateWords[state]
  $('connect').textContent = busy ? 'Disconnect' : 'Connect'
  $('connect').classList.toggle('primary', !busy)
  $('ws-url').readOnly = busy
  for (const id of ['request', 'notify']) $(id).disabled = state !== 'open' || picker.route === ''
  $('send-hint').textContent = sendHint(state)
  $('login-form').hidden = !hasLogin
  $('login').disabled = state === 'connecting' || state === 'reconnecting'
  picker.loggedIn = player !== undefined
  $('player').firstChild.textContent = `${playerText()} `
  log.emptyText =
    state === 'open'
      ? 'Nothing yet. Log in, pick a route and send: replies and pushes appear here.'
      : 'Nothing yet. Connect to the server to begin.'
  showRtt()
}

function sendHint(state) {
  if (state !== 'open') return 'Connect first.'
  if (picker.route === '') return 'Pick a route first.'
  return 'Ctrl+Enter sends the request, Ctrl+Shift+Enter notifies.'
}

function playerText() {
  if (!hasLogin) return `This server has no ${loginRoute}: send your own login below.`
  if (!player) return 'Connects first when needed.'
  const name = player.name === undefined ? 'Logged in' : `Logged in as ${player.name}`
  return player.uid === undefined ? `${name}.` : `${name}, uid ${player.uid}.`
}

function showRtt() {
  const rttMs = isOpen() ? client.rttMs : undefined
  $('rtt').textContent = rttMs === undefined ? '' : `RTT ${milliseconds(rttMs)}`
}

// ---- start -------------------------------------------------------------------------------------

$('connect-form').addEventListener('submit', (event) => {
  event.preventDefault()
  if (client && client.state !== 'closed') client.close()
  else connectNow()
})
$('login-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const name = $('guest-name').value.trim()
  logIn({ name: name === '' ? $('guest-name').placeholder : name })
})
$('request').addEventListener('click', () => sendMessage('request'))
$('notify').addEventListener('click', () => sendMessage('notify'))
document.querySelector('.composer').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault()
    sendMessage(event.shiftKey ? 'notify' : 'request')
  }
})
$('message').addEventListener('keydown', (event) => {
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key]
  if (!event.altKey || by === undefined) return
  event.preventDefault()
  history.step(by)
})
setInterval(() => {
  showRtt()
  if (isOpen() && !document.hidden) client.ping()
}, pingEveryMs)

/** Each tab is a player of its own, and stays the same one when it is loaded again. */
function guestName() {
  const key = 'moonwheel.playground.name'
  const pick = Math.floor(Math.random() * guestNames.length)
  const fresh = `${guestNames[pick]}-${100 + Math.floor(Math.random() * 900)}`
  try {
    const name = sessionStorage.getItem(key) ?? fresh
    sessionStorage.setItem(key, name)
    return name
  } catch {
    // Storage is forbidden in this browser: the tab is somebody new after each load.
    return fresh
  }
}

$('guest-name').value = $('guest-name').placeholder = guestName()

refresh()
try {
  const about = await readDescription()
  const first = about.routes.find(({ route }) => route.startsWith('echo.')) ?? about.routes[0]
  if (first) picker.pick(first.route)
} catch (error) {
  showBanner(`The description of the server cannot be read: ${sentence(error.message)}`)
}
refresh()
document.body.dataset.ready = 'true'
