/** Page moves of one VM under way at once look from outside as if each had waited for the one before. */
import t from 'tap'
import { HV_PROFILE_NAMES } from '../../src/uvmem/profile.ts'
import { type RunTold, runProgram } from './pipeline-run.ts'

const SEEDS = 12

/** The first line in which two lists differ. */
function differenceOf(a: readonly string[], b: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i] !== b[i]) return `${i}: ${a[i]} / ${b[i]}`
  }
  return undefined
}

const linesOf = ({ ultracalls }: RunTold): string[] =>
  [...ultracalls]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([about, calls]) => `${about}: ${calls.join(', ')}`)

for (const profile of HV_PROFILE_NAMES) {
  t.test(`${profile}: a window of 64 shows what a window of 1 shows`, async (t) => {
    let atOnce = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const serial = await runProgram({ profile, window: 1, seed, shuffle: seed })
      const wide = await runProgram({ profile, window: 64, seed, shuffle: seed + 1_000 })
      const what = `seed ${seed}`
      t.equal(differenceOf(serial.ends, wide.ends), undefined, `${what}: codes and reasons`)
      t.equal(differenceOf(serial.states, wide.states), undefined, `${what}: states and PFNs`)
      t.equal(differenceOf(linesOf(serial), linesOf(wide)), undefined, `${what}: ultracalls`)
      t.same(wide.order, serial.order, `${what}: calls are answered in the order of their turn`)
      t.notOk(serial.ends.includes('open'), `${what}: every call has ended`)
      t.equal(serial.atOnce, 1, `${what}: one ultracall at a time`)
      atOnce = Math.max(atOnce, wide.atOnce)
    }
    t.ok(atOnce > 6, `and the wide window was used: ${atOnce}`)
  })
}
