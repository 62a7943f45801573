/** A connection on which nothing leaves before it is on the disk: who waits for it to be empty. */
import t from 'tap'
import { HeldTransport } from '../../src/hv/held-transport.ts'

/** A disk that is safe when the test says so, over a line that is empty when the test says so. */
function newWorld(drains: boolean) {
  const safe: (() => void)[] = []
  const drained: (() => void)[] = []
  const inner = {
    bufferedAmount: 0,
    send: (data: string | Uint8Array) => {
      inner.bufferedAmount += data.length
    },
    close: () => undefined,
    ...(drains ? { whenDrained: (run: () => void) => drained.push(run) } : {}),
  }
  const keeper = { isSafe: false, isOver: false, whenSafe: (run: () => void) => safe.push(run) }
  const told: string[] = []
  const held = new HeldTransport(inner, keeper)
  const go = (runs: (() => void)[]): void => {
    for (const run of runs.splice(0)) run()
  }
  return { held, inner, told, go, safe, drained }
}

t.test('first what is held has to be safe, then it has to leave', async (t) => {
  const { held, inner, told, go, safe, drained } = newWorld(true)
  held.send('page')
  held.whenDrained(() => told.push('drained'))
  t.equal(inner.bufferedAmount, 0)
  go(safe)
  t.equal(inner.bufferedAmount, 4, 'it is safe, and on its way')
  t.same(told, [])
  inner.bufferedAmount = 0
  go(drained)
  t.same(told, ['drained'])
})

t.test(
  'it is told at once when nothing waits any more, or nobody could say so later',
  async (t) => {
    for (const drains of [true, false]) {
      const { held, inner, told, go, safe } = newWorld(drains)
      if (!drains) inner.bufferedAmount = 9
      held.whenDrained(() => told.push('drained'))
      t.same(told, [])
      go(safe)
      t.same(told, ['drained'])
    }
  },
)
