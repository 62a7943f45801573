import t from 'tap'
import { Standstills } from './standstills.ts'

/** Nothing of this program goes on meanwhile. */
const standStill = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('what fails over a standstill is tried again, and nothing else is', async (t) => {
  const standstills = new Standstills({ tickMs: 20, lateMsMax: 500 })
  t.teardown(() => standstills.end())
  let tries = 0
  const outlasted = await standstills.over(async () => {
    tries++
    if (tries > 1) return 'done'
    standStill(700)
    throw new Error('late')
  })
  t.equal(outlasted, 'done')
  t.equal(tries, 2)
  await t.rejects(
    standstills.over(async () => {
      tries++
      throw new Error('wrong')
    }),
    { message: 'wrong' },
  )
  t.equal(tries, 3, 'it is not tried again')
  t.equal(standstills.count, 1)
})
