/**
 * Lets long time limits count only while the process runs, as a plugin of Stryker that brings nothing
 * else: on a machine where such runs are stopped for a while, time and again, for others to measure
 * their speed, a limit by the clock would pass while nothing moves, and every stop count as a mutant
 * that was noticed.
 */

/** Timers of so many milliseconds and more are limits. */
const limitMsMin = 10_000
const tickMs = 250

type Timers = Pick<typeof globalThis, 'setTimeout' | 'setInterval' | 'clearInterval'>

/** Runs `onEnd` when `ms` have passed in ticks, of which a late one counts as two at most. */
export function afterRunning(
  onEnd: () => void,
  ms: number,
  timers: Pick<Timers, 'setInterval' | 'clearInterval'> = globalThis,
  now: () => number = () => performance.now(),
): ReturnType<typeof setInterval> {
  let left = ms
  let seen = now()
  const timer = timers.setInterval(() => {
    const at = now()
    left -= Math.min(at - seen, 2 * tickMs)
    seen = at
    if (left > 0) return
    timers.clearInterval(timer)
    onEnd()
  }, tickMs)
  return timer
}

/** What `clearTimeout` takes is the same for both kinds of timers. */
function makePatient(): void {
  const plain = globalThis.setTimeout
  const patient = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    ms < limitMsMin ? plain(run, ms, ...args) : afterRunning(() => run(...args), ms)
  Object.assign(globalThis, { setTimeout: Object.assign(patient, plain) })
}

/** The key by which Stryker knows a plugin's module; only there are timers to be changed. */
export const strykerPlugins: readonly never[] = []
if (process.argv.some((arg) => arg.includes('@stryker-mutator'))) makePatient()
