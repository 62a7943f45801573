/** Asks again and again, one request at a time, and not while nobody looks. */
import { ApiError } from './api.js'
import { Observable } from './observable.js'

/** Whether the server answers. */
export const connected = new Observable(true)

/** Milliseconds before a server that did not answer is asked again. */
const RETRY_MS = 1_000

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Resolves as soon as the page can be seen.
 * @returns {Promise<void>}
 */
function seen() {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true })
  })
}

/**
 * Runs `ask` until it is stopped. It gives the milliseconds to wait before the next time.
 * @param {() => Promise<number>} ask
 * @param {(error: ApiError) => void} [refused] told of problems; the asking goes on
 * @returns {{ stop: () => void, now: () => void }}
 */
export function poll(ask, refused = () => undefined) {
  let running = true
  /** @type {() => void} */
  let hurry = () => undefined
  const loop = async () => {
    while (running) {
      await seen()
      if (!running) return
      const wait = await askOnce(ask, refused)
      await Promise.race([
        sleep(wait),
        new Promise((resolve) => {
          hurry = () => resolve(undefined)
        }),
      ])
    }
  }
  void loop()
  return {
    stop: () => {
      running = false
      hurry()
    },
    now: () => hurry(),
  }
}

/**
 * @param {() => Promise<number>} ask
 * @param {(error: ApiError) => void} refused
 */
async function askOnce(ask, refused) {
  try {
    const wait = await ask()
    if (!connected.value) connected.set(true)
    return wait
  } catch (error) {
    if (error instanceof ApiError) {
      refused(error)
      return RETRY_MS
    }
    if (!(error instanceof TypeError)) throw error
    if (connected.value) connected.set(false)
    return RETRY_MS
  }
}
