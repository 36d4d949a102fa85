// What a person does at the playground, step by step, against whatever game server stands behind it.
//
// Test process. The steps are run against the fake game server (playground-page.test.ts) and against
// the real host, so they ask only for what the demo game promises: login.handler.guest, echo, and
// chat with the push onChat. Each step waits for what it must see and fails with what it saw.

import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** The newest log entry of a kind (and route), once it is there. */
export async function newestEntry(page: Page, kind: string, containing = ''): Promise<string> {
  const entry = page.locator(`#log .entry[data-kind="${kind}"]`, { hasText: containing }).last()
  await entry.waitFor()
  return ((await entry.textContent()) ?? '').replace(/\s+/g, ' ')
}

/** Picks a route, puts `body` into the editor, and sends. */
export async function sendFromEditor(page: Page, route: string, body: string): Promise<void> {
  await page.getByLabel('Route', { exact: true }).fill(route)
  await page.getByLabel('Message', { exact: true }).fill(body)
  await page.getByRole('button', { name: 'Send request' }).click()
}

/** Opens the page, logs in by one click, and waits until the page says so. */
export async function openAndLogIn(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url)
  await page.locator('body[data-ready]').waitFor()
  await page.getByLabel('Guest name').fill(name)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText(`Logged in as ${name}`).waitFor()
  expect(await page.locator('#state').textContent()).toBe('Connected')
  expect(await newestEntry(page, 'reply', 'login.handler.guest')).toContain('uid')
}

/** Connect, disconnect, log in, request, failed request, bad JSON, push between two players. */
export async function playThrough(first: Page, second: Page, url: string): Promise<void> {
  await first.goto(url)
  await first.locator('body[data-ready]').waitFor()
  await first.getByRole('button', { name: 'Connect', exact: true }).click()
  await first.locator('#lamp[data-state="open"]').waitFor()
  await first.getByRole('button', { name: 'Disconnect' }).click()
  await first.locator('#lamp[data-state="closed"]').waitFor()

  await openAndLogIn(first, url, 'Luna')
  await openAndLogIn(second, url, 'Io')

  await sendFromEditor(first, 'echo.handler.echo', '{ "word": "月轮 🌙", "deep": [[1]] }')
  const echoed = await newestEntry(first, 'reply', 'echo.handler.echo')
  expect(echoed).toContain('月轮 🌙')
  expect(echoed).toMatch(/#\d+ · \d+(\.\d)? ms/)

  await sendFromEditor(first, 'nobody.handler.home', '{}')
  expect(await newestEntry(first, 'failed', 'nobody.handler.home')).toMatch(/code: 4\d\d/)

  await sendFromEditor(first, 'echo.handler.echo', '{\n  "word": oops\n}')
  const problem = await first.locator('#message-error').textContent()
  expect(problem).toContain('Line 2, column 11: expected a value, found "o"')

  await sendFromEditor(first, 'chat.handler.join', '{ "room": "hall" }')
  await newestEntry(first, 'reply', 'chat.handler.join')
  await sendFromEditor(second, 'chat.handler.join', '{ "room": "hall" }')
  await newestEntry(second, 'reply', 'chat.handler.join')
  await sendFromEditor(second, 'chat.handler.send', '{ "room": "hall", "text": "hello from Io" }')
  expect(await newestEntry(first, 'push', 'hello from Io')).toContain('onChat')
}

/** After the game server was stopped: the page says so, and keeps what it shows. */
export async function seeServerGone(page: Page, wsUrl: string): Promise<void> {
  await page.locator('#lamp[data-state="reconnecting"]').waitFor()
  await page.getByText(`not reachable at ${wsUrl}`).first().waitFor()
  expect(await page.locator('#banner').textContent()).toContain('is it running?')
  expect(await page.getByRole('button', { name: 'Send request' }).isDisabled()).toBe(true)
  await page.getByRole('button', { name: 'Disconnect' }).click()
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await page.getByText('Start it with npm start').waitFor()
}
