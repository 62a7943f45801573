/** What is done to frames in runs equals what is done to them one by one. */
import fc from 'fast-check'
import t from 'tap'
import { doRandom, seedFor } from './random-lines.ts'
import { World, type WorldOptions } from './world.ts'

const gfn = fc.nat(19)
const line = fc
  .tuple(fc.constantFrom('page_in', 'share', 'page_out', 'touch', 'unmap'), gfn)
  .map(([name, n]) => `${name} ${n}`)
const lines = fc.array(line, { maxLength: 25, size: 'max' })

/** What the slots with the ids 0 and 1 look like, and the next frame that is handed out. */
function look(world: World): string {
  const { all } = world
  const keys = ['vm1.sg', 'vm1.s0.g', 'vm1.s0.h', 'vm1.s1.g', 'vm1.s1.h', 'used']
  return JSON.stringify([keys.map((key) => all[key]), world.host.ram.next, world.host.ram.used])
}

/** Slot 2 lies apart: its page is shared, and pinned in one of the two worlds. */
const OPTIONS: WorldOptions = { slots: '0:0+12 1:12+8 2:100+1', frames: 200 }

t.test('H_SVM_INIT_DONE: a pin anywhere in the VM makes it go page by page', async (t) => {
  const seed = seedFor(t)
  let compared = 0
  const profile = fc.constantFrom('linux-6', 'spec', 'series-v3', 'series-v1')
  const touched = fc.uniqueArray(gfn)
  fc.assert(
    fc.property(profile, fc.nat(30), touched, lines, (name, pool, before, all) => {
      const worlds = ['touch', 'pin'].map((how) => {
        const world = new World({ ...OPTIONS, profile: name, pool, touched: before })
        for (const each of [`${how} 100`, 'init_start', 'share 100', ...all]) world.do(each)
        return world
      })
      const [bulk, single] = worlds.map((world) => {
        const { ret, calls, source } = world.do('init_done')
        return JSON.stringify([ret, calls, source, look(world)])
      })
      if (bulk !== single) throw new Error(`${bulk}\n${single}`)
      compared++
    }),
    { seed, numRuns: 400 },
  )
  t.equal(compared, 400)
})

t.test('a reset: a note on any device page makes it go page by page', async (t) => {
  const seed = seedFor(t)
  let compared = 0
  const profile = fc.constantFrom('linux-6', 'spec')
  fc.assert(
    fc.property(profile, fc.boolean(), lines, (name, done, all) => {
      const worlds = ['2: page_in 0', '2: page_in gpa 9'].map((other) => {
        const world = new World({ ...OPTIONS, profile: name, pool: 40 })
        const first = ['create 2 0:0+1', '2: init_start', other, 'init_start', ...all]
        for (const each of done ? [...first, 'init_done'] : first) doRandom(world, each)
        return world
      })
      const [bulk, single] = worlds.map((world) => {
        const { ret, calls } = world.do('svm_off')
        return JSON.stringify([ret, calls, look(world)])
      })
      if (bulk !== single) throw new Error(`${bulk}\n${single}`)
      compared++
    }),
    { seed, numRuns: 400 },
  )
  t.equal(compared, 400)
})
