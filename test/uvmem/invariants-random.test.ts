/** Random calls with random answers keep the invariants, but for the profile's own known defects. */
import fc from 'fast-check'
import t from 'tap'
import { unexplained, violationsOf } from '../../src/uvmem/invariants.ts'
import { HV_PROFILE_NAMES } from '../../src/uvmem/profile.ts'
import { KnownDefect } from '../../src/uvmem/violation.ts'
import { doRandom, randomLines, seedFor } from './random-lines.ts'
import { World } from './world.ts'

const world = (profile: (typeof HV_PROFILE_NAMES)[number], notifies: boolean): World =>
  new World({ profile, notifies, pool: 9, frames: 24, slots: '0:0+4 1:4+3', touched: [0, 4] })

for (const profile of HV_PROFILE_NAMES) {
  t.test(`${profile}: whatever is broken is broken by a known defect`, async (t) => {
    const seed = seedFor(t)
    let steps = 0
    fc.assert(
      fc.property(randomLines(60), fc.boolean(), (lines, notifies) => {
        const each = world(profile, notifies)
        for (const line of lines) {
          doRandom(each, line)
          steps++
          const found = unexplained(violationsOf(each.host))
          if (found.length > 0) throw new Error(`after ${line}: ${JSON.stringify(found)}`)
        }
      }),
      { seed, numRuns: 150 },
    )
    t.ok(steps > 1_000, `${steps} steps were looked at`)
  })
}

t.test('spec has no defect but that a refused reset is not undone', async (t) => {
  const seed = seedFor(t)
  let broken = 0
  fc.assert(
    fc.property(randomLines(60), (lines) => {
      const each = world('spec', false)
      for (const line of lines) {
        doRandom(each, line)
        for (const { defect } of violationsOf(each.host)) {
          if (defect !== KnownDefect.FailureIgnored) throw new Error(`after ${line}: ${defect}`)
          broken++
        }
      }
    }),
    { seed, numRuns: 150 },
  )
  t.ok(broken >= 0, `${broken} times it was`)
})

t.test('spec: without failures from outside nothing is ever broken', async (t) => {
  const seed = seedFor(t)
  let steps = 0
  fc.assert(
    fc.property(randomLines(60), (lines) => {
      const each = new World({ profile: 'spec', pool: 99, slots: '0:0+4 1:4+3', touched: [0, 4] })
      for (const line of lines) {
        if (/flush_slot|!|oom|vma_unmap|ksm_fail|pin/.test(line)) continue
        doRandom(each, line)
        steps++
        const found = violationsOf(each.host)
        if (found.length > 0) throw new Error(`after ${line}: ${JSON.stringify(found)}`)
      }
    }),
    { seed, numRuns: 150 },
  )
  t.ok(steps > 1_000, `${steps} steps were looked at`)
})
