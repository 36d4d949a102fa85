// The playground in headless Chromium, against the fake game server.
//
// Skipped with one printed line where there is no Chromium. Every test also fails on any error that
// the page printed to its console, so a refused script or a broken content policy cannot hide.

import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Playground, startPlayground } from '../../core/admin/playground/playground-server.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { demoHandlers, demoRoutes } from '../support/fake-demo-game.ts'
import { type FakeGameServer, startFakeGameServer } from '../support/fake-game-server.ts'
import {
  newestEntry,
  openAndLogIn,
  playThrough,
  seeServerGone,
  sendFromEditor,
} from '../support/playground-steps.ts'

const path = findChromium()

describe.skipIf(path === undefined)('playground page', () => {
  let browser: Browser
  let game: FakeGameServer
  let playground: Playground
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchChromium(path ?? '')
  })
  afterAll(() => browser?.close())

  beforeEach(async () => {
    complaints = []
    const dictionary = { 'chat.handler.send': 1, onChat: 2 }
    game = await startFakeGameServer({ handlers: demoHandlers(), dictionary })
    playground = await startPlayground({
      host: '127.0.0.1',
      port: 0,
      wsUrl: game.url,
      routes: () => demoRoutes,
      title: 'Moonwheel',
      version: '0.1.0',
      node: 'node-1',
    })
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await playground.close()
    await game.close()
    expect(complaints).toEqual([])
  })

  /** A tab of its own profile; refused connections are what some tests are about. */
  async function tab(into = complaints): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => into.push(String(error)))
    page.on('console', (message) => {
      const text = message.text()
      if (message.type() === 'error' && !text.includes('WebSocket connection')) into.push(text)
    })
    return page
  }

  test('two players connect, log in, request, fail, mistype and chat', async () => {
    await playThrough(await tab(), await tab(), playground.url)
  })

  test('a server that goes away is told, and found again when it is back', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    const { port, url } = game
    await game.close()
    await seeServerGone(page, url)
    game = await startFakeGameServer({ port, handlers: demoHandlers() })
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.locator('#lamp[data-state="open"]').waitFor()
    expect(await page.locator('#banner').isVisible()).toBe(false)
  })

  test('a kick is shown with its reason and is not followed by a reconnection', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    for (const player of game.players) player.kick('logged in elsewhere')
    expect(await newestEntry(page, 'kick')).toContain('logged in elsewhere')
    await page.locator('#lamp[data-state="closed"]').waitFor()
    expect(await page.locator('#banner').textContent()).toContain('logged in elsewhere')
  })

  test('routes are found by search and arrows, with their examples; a typed route is taken', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    const route = page.getByLabel('Route', { exact: true })
    await route.fill('attack')
    expect(await page.locator('#route-list [role=option]').count()).toBe(1)
    await route.press('Enter')
    expect(await route.inputValue()).toBe('battle.handler.attack')
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toContain('"skill"')
    await route.fill('made.handler.up')
    expect(await page.locator('#route-hint').textContent()).toContain('sent as typed')
  })

  test('notify, keyboard, history, filter and clear', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    const message = page.getByLabel('Message', { exact: true })
    await sendFromEditor(page, 'echo.handler.echo', '{"n":1}')
    await newestEntry(page, 'reply', 'n: 1')
    await message.fill('{"n":2}')
    await message.press('Control+Enter')
    await newestEntry(page, 'reply', 'n: 2')
    await message.fill('{"n":3}')
    await message.press('Control+Shift+Enter')
    await newestEntry(page, 'notify', 'n: 3')
    await game.until(() => game.received.some(({ kind }) => kind === 'notify'))
    await message.press('Alt+ArrowUp')
    await message.press('Alt+ArrowUp')
    expect(await message.inputValue()).toBe('{"n":2}')

    await page.reload()
    await page.locator('body[data-ready]').waitFor()
    await page.getByRole('heading', { name: 'History' }).click()
    expect(await page.locator('#history li').count()).toBe(3)
    await page.locator('#history button').last().click()
    expect(await message.inputValue()).toBe('{"n":1}')

    await page.getByRole('button', { name: 'Log in' }).click()
    await newestEntry(page, 'reply', 'uid')
    await page.getByLabel('Filter the log').fill('connected to')
    expect(await page.locator('#log .entry:visible').count()).toBe(1)
    await page.getByLabel('Filter the log').fill('no such words')
    await page.getByText('The filter hides all 3 entries.').waitFor()
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    await page.getByText('Nothing yet.').waitFor()
  })

  test('what the server says is text and never markup', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    const nasty = '<img src=x onerror=alert(1)>'
    for (const player of game.players) player.push(nasty, { [nasty]: nasty })
    expect(await newestEntry(page, 'push')).toContain(nasty)
    expect(await page.locator('img').count()).toBe(0)
  })

  test('canary: an inline script is refused by the policy, and the watch hears of it', async () => {
    const refusals: string[] = []
    const page = await tab(refusals)
    await page.goto(playground.url)
    await page.locator('body[data-ready]').waitFor()
    await page.evaluate(`
      const script = document.createElement('script')
      script.textContent = 'document.title = "taken over"'
      document.body.append(script)
    `)
    expect(await page.title()).toBe('Moonwheel playground')
    await expect.poll(() => refusals.join()).toContain('Content Security Policy')
  })

  test('large bodies fold and unfold in portions', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    const bag = Array.from({ length: 250 }, (_, n) => ({ id: n }))
    for (const player of game.players) player.push('onBag', { bag })
    const push = page.locator('#log .entry[data-kind="push"]')
    await push.getByText('250 items').click()
    await expect.poll(() => push.locator('.json-line').count()).toBe(200)
    await push.getByRole('button', { name: 'Show more of the 50 left' }).click()
    expect(await push.locator('.json-line').count()).toBe(250)
  })

  test('the log keeps 500 entries and tells of the one that it drops', async () => {
    const page = await tab()
    await openAndLogIn(page, playground.url, 'Luna')
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    const [player] = game.players
    for (let n = 1; n <= 500; n++) player?.push('onTick', { n })
    await newestEntry(page, 'push', 'n: 500 ')
    expect(await page.locator('#log .entry').count()).toBe(500)
    expect(await page.locator('#log-empty').isVisible()).toBe(false)
    player?.push('onTick', { n: 501 })
    await page.getByText('Older entries dropped: 1.').waitFor()
    expect(await page.locator('#log .entry').first().textContent()).toContain('n: 2 ')
  })

  test('format lays JSON out, and a click on the problem goes to it', async () => {
    const page = await tab()
    await page.goto(playground.url)
    await page.locator('body[data-ready]').waitFor()
    const message = page.getByLabel('Message', { exact: true })
    const format = page.getByRole('button', { name: 'Format' })
    await message.fill('{"a":[1]}')
    await format.click()
    expect(await message.inputValue()).toBe('{\n  "a": [\n    1\n  ]\n}')
    await message.fill('{"a" 1}')
    expect(await message.getAttribute('aria-invalid')).toBe('true')
    await page.getByText('Line 1, column 6').click()
    expect(await message.evaluate('document.activeElement.selectionStart')).toBe(5)
  })

  test('at 400 px nothing reaches beyond the edge', async () => {
    const page = await tab()
    await page.setViewportSize({ width: 400, height: 800 })
    await openAndLogIn(page, playground.url, 'Luna')
    await sendFromEditor(page, 'echo.handler.echo', JSON.stringify({ long: 'x'.repeat(500) }))
    await newestEntry(page, 'reply', 'xxx')
    const width = await page.evaluate('document.documentElement.scrollWidth')
    expect(width).toBeLessThanOrEqual(400)
  })
})
