// The playground in headless Chromium, against the real host with the demo game.
//
// Skipped with one printed line where there is no Chromium. Every test also fails on any error that
// the page printed to its console. With MOONWHEEL_SCREENSHOTS=FOLDER it leaves pictures to look at.

import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { exampleOf } from '../../core/admin/playground/demo-examples.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { demoGame, removeDemoGames } from '../support/demo-game.ts'
import { type HostProcess, startHostProcess, stopAllHosts } from '../support/host-process.ts'
import {
  newestEntry,
  openAndLogIn,
  playThrough,
  seeServerGone,
  sendFromEditor,
} from '../support/playground-steps.ts'

const path = findChromium()
const pictures = process.env.MOONWHEEL_SCREENSHOTS

describe.skipIf(path === undefined)('the playground of a running host', () => {
  let browser: Browser
  let host: HostProcess
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchChromium(path ?? '')
  })
  afterAll(() => browser?.close())
  beforeEach(async () => {
    complaints = []
    host = await startHostProcess({ root: demoGame() })
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await stopAllHosts()
    removeDemoGames()
    expect(complaints).toEqual([])
  })

  async function tab(): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      const text = message.text()
      // A refused connection is what the last test is about.
      if (message.type() === 'error' && !text.includes('WebSocket connection'))
        complaints.push(text)
    })
    return page
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`) })
  }

  test('two players connect, log in, request, fail, mistype and chat', async () => {
    const [first, second] = [await tab(), await tab()]
    await playThrough(first, second, host.httpUrl)
    await picture(first, 'chat')
    await first.setViewportSize({ width: 400, height: 800 })
    expect(await first.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400)
    await picture(first, 'narrow')
    await second.emulateMedia({ colorScheme: 'dark' })
    await picture(second, 'dark')
    expect(host.log.filter(({ level }) => level >= 50)).toEqual([])
  })

  test('every route of the demo answers 200 to the example that the editor offers', async () => {
    const page = await tab()
    await page.goto(host.httpUrl)
    await page.locator('body[data-ready]').waitFor()
    await picture(page, 'welcome')
    const send = page.getByRole('button', { name: 'Send request' })
    const box = await send.boundingBox()
    expect(
      box === null ? undefined : box.y + box.height,
      'the send button in a 720 px window',
    ).toBeLessThan(720)
    await openAndLogIn(page, host.httpUrl, 'Luna')
    const route = page.getByLabel('Route', { exact: true })
    await route.fill('handler')
    const listed = await fetch(`${host.httpUrl}playground.json`).then((reply) => reply.json())
    const routes = (listed as { routes: { route: string }[] }).routes.map((each) => each.route)
    expect(await page.locator('#route-list [role=option]').count()).toBe(routes.length)
    await picture(page, 'routes')
    // Join goes before send; logging in is done.
    const order = ['chat.handler.join', 'chat.handler.send']
    // Gold goes to another player, whose uid no example can know.
    const left = (name: string) => name.startsWith('login.') || name === 'trade.handler.give'
    const rest = routes.filter((name) => !order.includes(name) && !left(name))
    for (const name of [...order, ...rest]) {
      expect(exampleOf(name), `an example for ${name}`).toBeDefined()
      await route.fill(name)
      await route.press('Enter')
      expect(await page.getByLabel('Message', { exact: true }).inputValue()).not.toBe('{}')
      await page.getByRole('button', { name: 'Send request' }).click()
      const reply = await newestEntry(page, 'reply', name)
      if (name !== 'echo.handler.echo') expect(reply).toContain('code: 200')
    }
    await picture(page, 'examples')
  })

  test('a failed request shows its code and words, and a refused route says to log in', async () => {
    const page = await tab()
    await page.goto(host.httpUrl)
    await page.locator('body[data-ready]').waitFor()
    await page.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.locator('#lamp[data-state="open"]').waitFor()
    await sendFromEditor(page, 'hello.handler.hi', '{}')
    expect(await newestEntry(page, 'failed', 'hello.handler.hi')).toContain('code: 401')
    await openAndLogIn(page, host.httpUrl, 'Luna')
    await sendFromEditor(page, 'battle.handler.attack', '{ "target": "dummy", "skill": 99 }')
    const failed = await newestEntry(page, 'failed', 'battle.handler.attack')
    expect(failed).toContain('there is no skill 99')
    expect(failed).toContain('requestId')
    await picture(page, 'failed')
  })

  test('a host that is stopped is told with its reason; one that dies is missed', async () => {
    const page = await tab()
    await openAndLogIn(page, host.httpUrl, 'Luna')
    await host.stop()
    expect(await newestEntry(page, 'kick')).toContain('the server is shutting down')
    await picture(page, 'stopped')
    host = await startHostProcess({ root: demoGame() })
    await openAndLogIn(page, host.httpUrl, 'Luna')
    host.signal('SIGKILL')
    await host.exited
    await seeServerGone(page, `ws://127.0.0.1:${host.wsPort}`)
    await picture(page, 'gone')
  })
})
