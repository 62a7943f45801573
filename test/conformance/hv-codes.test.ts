/** Each code that a document lists for a call of the hypervisor is reached, and no other one is. */
import fc from 'fast-check'
import t from 'tap'
import { parseHvTrace } from '../../src/lab/recordings/hv-trace.ts'
import { linesOf } from '../../src/lab/recordings/lines.ts'
import { HV_PROFILE_NAMES } from '../../src/uvmem/profile.ts'
import { doRandom, opNameOf, randomLines, seedFor } from '../uvmem/random-lines.ts'
import { rowsOf } from '../uvmem/story.ts'
import { World } from '../uvmem/world.ts'
import { CODE_CASES, OOPS, WRITTEN_HV_CODES } from './hv-codes.ts'
import { pairsOf, ReachedCodes } from './reached-codes.ts'
import { recordingsFolder, recordingsIn } from './recordings.ts'

const SLOTS = { slots: '0:8+1 1:0+4', touched: [0] }

t.test('each pair of a call and a code is reached, and the list is complete', async (t) => {
  const reached = new ReachedCodes()
  for (const each of CODE_CASES) {
    const after = each.after?.replace('OOPS', OOPS)
    const story = [
      `* ${each.line}`,
      each.with === undefined ? '' : `with ${each.with}`,
      after === undefined ? '' : `after ${after}`,
      `do ${each.line} -> ${each.code}`,
    ]
    const [row] = rowsOf(story.join('\n'), SLOTS)
    const { ret } = new World(row).do(each.line)
    t.equal(ret, each.code, `${after ?? 'at once'}: ${each.line} (${each.with ?? 'linux-6'})`)
    reached.note(opNameOf(each.line), ret)
  }
  t.same(reached.all(), pairsOf(WRITTEN_HV_CODES), 'what was reached is what is written')
})

t.test('random calls under every profile reach no code that is not listed', async (t) => {
  const seed = seedFor(t)
  const reached = new ReachedCodes()
  for (const profile of HV_PROFILE_NAMES) {
    const property = fc.property(randomLines(60), (lines) => {
      const world = new World({ ...SLOTS, profile, pool: 9, frames: 24 })
      for (const line of lines) reached.note(opNameOf(line), doRandom(world, line).ret)
    })
    fc.assert(property, { seed, numRuns: 100 })
  }
  t.same(reached.beyond(WRITTEN_HV_CODES), [], 'nothing beyond the list')
  t.ok(reached.all().length > 40, `${reached.all().length} pairs were reached`)
})

const files = recordingsIn(recordingsFolder(), 'hv-')
const skip = files === undefined && 'the recordings (../shared/traces) are not here'

t.test('the recordings have no code that is not listed', { skip }, async (t) => {
  const reached = new ReachedCodes()
  for (const path of files ?? []) {
    for await (const line of linesOf(path)) {
      for (const { op, ret } of parseHvTrace(line).steps) {
        if (ret !== undefined) reached.note(op.op, ret)
      }
    }
  }
  t.same(reached.beyond(WRITTEN_HV_CODES), [])
  t.ok(reached.all().length > 40, `${reached.all().length} pairs were recorded`)
})
