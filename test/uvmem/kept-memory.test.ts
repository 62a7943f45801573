/** Memory that outlives its slot, and device pages that cannot be moved before it goes. */
import t from 'tap'
import { asGfn, asSlotId } from '../../src/abi/page.ts'
import { StateWord } from '../../src/uvmem/frame-state.ts'
import { violationsOf } from '../../src/uvmem/invariants.ts'
import { stateWordAt } from '../../src/uvmem/mapping.ts'
import { World, type WorldOptions } from './world.ts'

/** Two secure pages at GFN 8, for which no normal frame is left. */
const FULL: WorldOptions = {
  ...{ profile: 'spec', slots: '0:0+8 1:8+3', touched: [10] },
  after: ['init_start', 'page_in 9', 'page_in 8', 'share 7'],
  frames: 2,
}

t.test(
  'spec: secure pages that cannot be moved go with their slot, and nothing else',
  async (t) => {
    const world = new World(FULL)
    const kept = world.vm().slots.get(asSlotId(1))?.region
    t.equal(world.h, '.,.,.,.,.,.,.,n/d1,d0,n')
    t.equal(world.do('remove_slot 1 keep').ret, 0)
    t.equal(world.used, '', 'no PFN is left behind')
    t.same(
      [0, 1, 2].map((index) => kept?.ptes.get(index)),
      [0, 0, 1],
      'the normal page behind them stays mapped',
    )
    t.equal(stateWordAt(world.vm(), asGfn(7)), StateWord.Shared, 'nor is a neighbour touched')
    t.same(violationsOf(world.host), [])
  },
)

t.test('linux-5.6: a device page of kept memory is tracked where it was noted', async (t) => {
  const world = new World({ profile: 'linux-5.6', slots: '0:0+2 1:4+1', touched: [0] })
  for (const line of ['init_start', 'page_in 0', 'remove_slot 0 keep', 'add_slot 0:8+2']) {
    t.equal(world.do(line).ret, 0, line)
  }
  t.equal(world.host.devices.notes().size, 1)
  t.ok(stateWordAt(world.vm(), asGfn(0)) >= 2 ** 31)
  t.same(world.do('touch 8').calls, ['UV_PAGE_OUT 0x0 to ra2'], 'the ultravisor knows it so')
  t.equal(stateWordAt(world.vm(), asGfn(0)), StateWord.Normal)
  t.equal(world.host.devices.notes().size, 0)
  t.equal(world.used, '')
})

t.test('linux-5.6: back where it was, it needs no note', async (t) => {
  const world = new World({ profile: 'linux-5.6', slots: '0:0+4 1:4+1' })
  for (const line of ['init_start', 'page_in 0', 'page_in 2', 'page_in 3']) world.do(line)
  world.do('remove_slot 0 keep')
  const noted = [...world.host.devices.notes()].map(([pfn, { gpa }]) => [pfn, gpa])
  t.same(noted, [
    [0, 0],
    [1, 2 * 65_536],
    [2, 3 * 65_536],
  ])
  t.equal(world.do('add_slot 0:0+4').ret, 0)
  t.same([...world.host.devices.notes()], [])
  t.equal(world.h, 'd0,.,d1,d2/.')
})

t.test('the mapping of memory that was kept can be taken away and made again', async (t) => {
  const world = new World({ touched: [0] })
  for (const [line, ret] of [
    ['remove_slot 0 keep', 0],
    ['vma_unmap 0', 0],
    ['vma_unmap 0', -2],
    ['vma_map 0', 0],
    ['vma_map 0', -2],
    ['ksm_fail 0 -12', 0],
    ['ksm_fail 3 -12', -2],
    ['vma_unmap 3', -2],
    ['vma_map 3', -2],
  ] as const) {
    t.equal(world.do(line).ret, ret, line)
  }
  t.equal(world.host.ram.used, 0)
  t.equal(world.vm().kept[0]?.ksmError, -12)
})

t.test('a mark on a device page goes with the mapping', async (t) => {
  for (const line of ['vma_unmap 0', 'destroy']) {
    const world = new World({ after: ['init_start', 'page_in 0', 'page_in 1'] })
    for (const pfn of world.host.devices.pool.takenRuns()) t.same(pfn, { start: 0, count: 2 })
    world.do('flush_slot 0 oom')
    t.equal(world.host.devices.notes().size, 2, 'a flush that failed leaves marks')
    world.do(line)
    t.equal(world.host.devices.notes().size, 0, line)
    t.equal(world.host.devices.pool.taken, 0)
  }
})

t.test('a mark decides what becomes of a frame whose mapping goes', async (t) => {
  const world = new World({ slots: '0:0+2', after: ['init_start', 'page_in 0', 'page_in 1'] })
  world.do('flush_slot 0 oom')
  world.do('vma_unmap 0')
  t.equal(world.g, '.,.', 'remove_gfn stuck: normal, and not paged out')
})

t.test(
  'linux-6: pages with a note are moved one by one, though the slot is on its way',
  async (t) => {
    const world = new World({ after: ['init_start', 'page_in gpa 5', 'page_in 1'] })
    t.equal(world.host.devices.notes().size, 1)
    t.same(world.do('remove_slot 0 keep').calls, ['UV_UNREGISTER_MEM_SLOT 0'])
    t.equal(world.used, '')
    t.equal(world.host.ram.used, 2, 'they have frames now')
  },
)

t.test('a reset sees frames through the uvmem slot that is newest', async (t) => {
  const world = new World({ slots: '0:0+8', after: ['init_start', 'share 1', 'share 5'] })
  world.vm().uvmem.add(asGfn(0), 4)
  t.equal(world.g, '.,.,.,.,.,S,.,.')
  world.do('init_abort')
  t.equal(world.g, '.,.,.,.,.,.,.,.', 'also those behind its end')
})

t.test('linux-6: a reset that meets a stale mark ends there', async (t) => {
  const stale = ['init_start', 'page_in 0', 'init_start', 'unmap 0', 'init_start !0,-4']
  const after = [...stale, 'page_in 1', 'page_in 2', 'page_out 1']
  const world = new World({ slots: '0:8+1 1:0+4', after })
  t.equal(world.g, './U0,M,U1,.')
  const { calls } = world.do('svm_off')
  t.same(calls, ['UV_UNREGISTER_MEM_SLOT 0'])
  t.equal(world.vm().fault?.message, 'invalid memory access (kernel NULL/wild dereference)')
  t.equal(world.g, './U0,M,U1,.', 'no frame behind it is dropped')
})
