/** REST while the server dies and comes back. */
import { RestError } from '../../src/peer/hv-rest.ts'

/**
 * No answer came: nobody knows whether it was done. 503: the server ended before it was kept. 408: it
 * never saw the whole request, as on a machine that stood still meanwhile.
 */
const isLost = (error: unknown): error is RestError =>
  error instanceof RestError && [0, 408, 503].includes(error.status)

/** Asks again until there is an answer; what is asked may be done twice, and is done by then. */
export async function again<T>(ask: () => Promise<T>): Promise<T | undefined> {
  let lost = 0
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      // Done before, and the answer was lost.
      if (lost > 0 && error instanceof RestError && error.status === 409) return undefined
      if (!isLost(error)) throw error
      lost++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Asks once: how it ended, as far as anybody knows. */
export async function once(ask: () => Promise<unknown>): Promise<'done' | 'unknown'> {
  try {
    await ask()
    return 'done'
  } catch (error) {
    if (isLost(error)) return 'unknown'
    throw error
  }
}
