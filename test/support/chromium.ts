// Headless Chromium for tests of pages, through playwright-core and the machine's own browser.
//
// Test process. It looks for a browser at MOONWHEEL_CHROMIUM and at the usual paths. Without one,
// browser tests are skipped and one line says so; with MOONWHEEL_REQUIRE_SERVICES=1 that is a
// failure. Each browser has a fresh profile, which playwright removes at close.

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const usualPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browser's path, or undefined after one printed line; throws where a browser is required. */
export function findChromium(): string | undefined {
  const asked = process.env.MOONWHEEL_CHROMIUM
  const found = asked === undefined ? usualPaths.find((path) => existsSync(path)) : asked
  if (found !== undefined && existsSync(found)) return found
  const reason = `no Chromium at ${asked ?? usualPaths.join(', ')} (set MOONWHEEL_CHROMIUM)`
  if (process.env.MOONWHEEL_REQUIRE_SERVICES === '1') throw new Error(reason)
  console.log(`skipped: browser tests, because there is ${reason}`)
  return undefined
}

/** Starts a headless browser; close it at the end of the file. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: flags })
}
