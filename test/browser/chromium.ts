/** A real browser for tests: Debian's Chromium, or the one that UVMEM_CHROMIUM names. */
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export const CHROMIUM = [process.env['UVMEM_CHROMIUM'] ?? '', ...PLACES].find(
  (path) => path !== '' && existsSync(path),
)

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-sync',
  '--disable-component-update',
]

/** A browser with a profile of its own, which ends with the test. */
export async function launch(t: Test): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('there is no Chromium')
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
  t.teardown(() => browser.close())
  return browser
}

export interface Window {
  readonly page: Page
  /** What the page complained about in the console, and what it asked elsewhere. */
  readonly complaints: string[]
}

export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newPage']>[0],
  url: string,
): Promise<Window> {
  const page = await browser.newPage({ viewport: { width: 1_440, height: 1_000 }, ...options })
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(`thrown: ${error.message}`))
  page.on('request', (request) => {
    const asked = request.url()
    if (!asked.startsWith(url) && !asked.startsWith('data:')) complaints.push(`asked for ${asked}`)
  })
  await page.goto(url)
  return { page, complaints }
}
