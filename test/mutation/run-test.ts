/** One collected test, run by tap in this process, and how it ended. */
import { mock } from 'node:test'
import type { TestOpts } from 'tap'
import type { CollectedTest } from './collected-tests.ts'

export type Ending =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly why: string }
  /**
   * Nothing is under way and the test has not ended: as a process of its own it would end, unfinished.
   * Or it takes too long.
   */
  | { readonly kind: 'hangs' }

const idleCheckMs = 40
const idleChecks = 5
/** Of a test that is not idle: 20 s and more, not counted while the process is stopped. */
const checksMax = 500

/** Errors that nobody caught, while a test runs: they fail it, as tap has it. */
export class StrayErrors {
  #onStray: ((error: unknown) => void) | undefined

  constructor() {
    process.on('unhandledRejection', (error) => this.#onStray?.(error))
    process.on('uncaughtException', (error) => this.#onStray?.(error))
  }

  during<T>(onStray: (error: unknown) => void, run: () => Promise<T>): Promise<T> {
    this.#onStray = onStray
    return run().finally(() => {
      this.#onStray = undefined
    })
  }
}

/** What is needed of tap's class of tests. */
export type TapTest = new (
  options: TestOpts,
) => {
  resume(): unknown
  runMain(done: () => void): void
  test(options: TestOpts, body: CollectedTest['body']): Promise<FinalResults | null>
}

interface FinalResults {
  readonly ok: boolean
  readonly failures: readonly { readonly name?: string }[]
}

/** Tap tells the process that started it of its time limit: Stryker, which would not understand. */
export async function loadTap(): Promise<TapTest> {
  const send = process.send?.bind(process)
  process.env['TAP_TIMEOUT'] = '0'
  Object.assign(process, { send: undefined })
  try {
    const { Test } = await import('tap')
    // Its own type is generic over the plugins that are there.
    return Test as unknown as TapTest
  } finally {
    Object.assign(process, { send })
  }
}

export function runTest(
  { body }: CollectedTest,
  strays: StrayErrors,
  tap: TapTest,
): Promise<Ending> {
  let watch: ReturnType<typeof watchIdle> | undefined
  let onStray: (error: unknown) => void = () => undefined
  const stray = new Promise<Ending>((resolve) => {
    onStray = (error) => resolve({ kind: 'failed', why: `stray: ${String(error)}` })
  })
  return strays
    .during(onStray, () => {
      watch = watchIdle()
      return Promise.race([runByTap(body, tap), stray, watch.hangs])
    })
    .finally(() => {
      watch?.stop()
      // A test that hangs does not come to put timers and functions back, for all that come after it.
      mock.reset()
    })
}

async function runByTap(body: CollectedTest['body'], Tap: TapTest): Promise<Ending> {
  const root = new Tap({ name: 'root', bail: true })
  root.resume()
  root.runMain(() => undefined)
  try {
    const result = await root.test({ name: 'one', bail: true }, body)
    await eventsOut()
    if (result?.ok === true) return { kind: 'passed' }
    return { kind: 'failed', why: result?.failures[0]?.name ?? 'it throws' }
  } catch (error) {
    return { kind: 'failed', why: String(error) }
  }
}

/** Lets what was left over be heard of. */
export const eventsOut = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What kept the process alive when a test began, at the least. */
let before = Number.POSITIVE_INFINITY

/**
 * Hangs when nothing but what was there before keeps the process alive, some times in a row, or after
 * many looks: a look late is one look, so a process that was stopped for a while is not blamed for it.
 */
function watchIdle(): { readonly hangs: Promise<Ending>; readonly stop: () => void } {
  // A test may begin while sockets of the one before are still on their way out.
  before = Math.min(before, process.getActiveResourcesInfo().length)
  let idle = 0
  let checks = 0
  let timer: NodeJS.Timeout | undefined
  const hangs = new Promise<Ending>((resolve) => {
    timer = setInterval(() => {
      idle = process.getActiveResourcesInfo().length <= before ? idle + 1 : 0
      checks++
      if (idle >= idleChecks || checks >= checksMax) resolve({ kind: 'hangs' })
    }, idleCheckMs).unref()
  })
  return { hangs, stop: () => clearInterval(timer) }
}
