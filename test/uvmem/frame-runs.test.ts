/** Frames as runs: by state, by what is behind them, in pieces; and the look at a single frame. */
import t from 'tap'
import { asGfn } from '../../src/abi/page.ts'
import {
  type FrameRun,
  frameRuns,
  isInSlots,
  lookAt,
  type RunsWanted,
} from '../../src/uvmem/frame-runs.ts'
import { FrameState, StateWord } from '../../src/uvmem/frame-state.ts'
import { World, type WorldOptions } from './world.ts'

/** Frames 0 to 7, then none, then 10 to 13: two secure, two shared, one paged out. */
const MIXED: WorldOptions = {
  slots: '0:0+8 1:10+4',
  after: ['init_start', 'page_in 0', 'page_in 1', 'share 2', 'share 3', 'page_in 4', 'page_out 4'],
}

const text = ({ from, count, state, backing }: FrameRun): string => {
  const pfn = backing?.pfn === undefined ? '' : ` pfn ${backing.pfn}`
  const ra = backing?.ra === undefined ? '' : ` ra${backing.ra / 65_536}`
  return `${from}+${count} ${state}${backing === undefined ? '' : ` ${backing.maps}`}${pfn}${ra}`
}

function runs(world: World, wanted: Partial<Omit<RunsWanted, 'from'>> & { from?: number } = {}) {
  const { from = 0, ...rest } = wanted
  const found = frameRuns(world.vm(), {
    ...{ limit: 100, piecesMax: 100, byBacking: false },
    ...rest,
    from: asGfn(from),
  })
  return { runs: found.runs.map(text), next: found.next }
}

t.test('runs by state end where the state ends, and at a gap', async (t) => {
  t.same(runs(new World(MIXED)), {
    runs: ['0+2 secure', '2+2 shared', '4+1 paged_out', '5+3 normal', '10+4 normal'],
    next: undefined,
  })
  t.same(runs(new World({ ...MIXED, after: [] })), {
    runs: ['0+8 normal', '10+4 normal'],
    next: undefined,
  })
  t.same(runs(new World({ slots: '0:0+4 1:4+4' })).runs, ['0+8 normal'], 'slots may touch')
  t.same(runs(new World({ slots: '' })), { runs: [], next: undefined })
})

t.test('runs begin in the middle of a slot, or at the first one behind a gap', async (t) => {
  const world = new World(MIXED)
  t.same(runs(world, { from: 3 }).runs.slice(0, 2), ['3+1 shared', '4+1 paged_out'])
  t.same(runs(world, { from: 8 }).runs, ['10+4 normal'])
  t.same(runs(world, { from: 13 }).runs, ['13+1 normal'])
  t.same(runs(world, { from: 14 }), { runs: [], next: undefined })
})

t.test('of one state only', async (t) => {
  const world = new World(MIXED)
  t.same(runs(world, { state: FrameState.Normal }).runs, ['5+3 normal', '10+4 normal'])
  t.same(runs(world, { state: FrameState.Secure }).runs, ['0+2 secure'])
  t.same(runs(world, { state: FrameState.PagedOut, from: 5 }).runs, [])
})

t.test('so many runs, and where to go on', async (t) => {
  const world = new World(MIXED)
  t.same(runs(world, { limit: 2 }), { runs: ['0+2 secure', '2+2 shared'], next: 4 })
  t.same(runs(world, { limit: 1, state: FrameState.Normal }), { runs: ['5+3 normal'], next: 10 })
  t.same(runs(world, { limit: 5 }).next, undefined, 'the last of them is the last of all')
  t.same(runs(world, { limit: 4, from: 4 }).next, undefined)
})

t.test('so many pieces are looked at, whether they match or not', async (t) => {
  const world = new World(MIXED)
  t.same(runs(world, { piecesMax: 0 }), { runs: [], next: 0 })
  t.same(runs(world, { piecesMax: 1 }), { runs: ['0+2 secure'], next: 2 })
  t.same(runs(world, { piecesMax: 2, state: FrameState.PagedOut }), { runs: [], next: 4 })
})

t.test('states that rise like numbers are states of their own', async (t) => {
  const world = new World({ after: ['init_start', 'share 1', 'page_in 2', 'page_out 2'] })
  t.same(runs(world).runs, ['0+1 normal', '1+1 shared', '2+1 paged_out', '3+1 normal'])
})

t.test('by what is behind them: PFNs and real addresses that count up are one run', async (t) => {
  const world = new World({ ...MIXED, touched: [6, 7, 11] })
  t.same(runs(world, { byBacking: true }).runs, [
    '0+2 secure device pfn 0',
    '2+2 shared frame ra4',
    '4+1 paged_out frame ra6',
    '5+1 normal nothing',
    '6+2 normal frame ra1',
    '10+1 normal nothing',
    '11+1 normal frame ra3',
    '12+2 normal nothing',
  ])
  const fresh = new World({ slots: '0:0+8' })
  t.same(runs(fresh, { byBacking: true }).runs, ['0+8 normal nothing'], 'nothing is one run')
  const order = new World({ touched: [1, 2, 0] })
  t.same(runs(order, { byBacking: true }).runs, [
    '0+1 normal frame ra3',
    '1+2 normal frame ra1',
    '3+1 normal nothing',
  ])
  const low = new World({ touched: [1, 2, 3] })
  t.same(
    runs(low, { byBacking: true }).runs,
    ['0+1 normal nothing', '1+3 normal frame ra1'],
    'nothing is not the frame before the first',
  )
})

t.test('PFNs that do not count up, and states with other mappings, part', async (t) => {
  const world = new World({ after: ['init_start', 'page_in 1', 'page_in 0', 'page_in 2'] })
  t.same(runs(world, { byBacking: true }).runs.slice(0, 3), [
    '0+1 secure device pfn 1',
    '1+1 secure device pfn 0',
    '2+1 secure device pfn 2',
  ])
  t.same(runs(world).runs, ['0+3 secure', '3+1 normal'], 'by state they are one')
  const stale = new World({ touched: [0, 1], after: ['init_start', 'page_in 0 !-4'] })
  t.same(runs(stale, { byBacking: true }).runs.slice(0, 2), [
    '0+1 secure frame pfn 0 ra1',
    '1+1 normal frame ra2',
  ])
})

t.test('uvmem slots need not be the memory slots', async (t) => {
  const world = new World({ slots: '0:10+8 1:20+4' })
  const { uvmem } = world.vm()
  uvmem.add(asGfn(12), 2).words.set(1, StateWord.Shared)
  t.same(runs(world).runs, ['10+3 normal', '13+1 shared', '14+4 normal', '20+4 normal'])
  const wide = uvmem.add(asGfn(14), 8)
  wide.words.fill(0, 8, StateWord.PagedOut, 0)
  t.same(runs(world, { piecesMax: 4 }), {
    runs: ['10+3 normal', '13+1 shared', '14+4 paged_out'],
    next: 18,
  })
  t.same(runs(world, { from: 18 }).runs, ['20+2 paged_out', '22+2 normal'])
  uvmem.add(asGfn(15), 1)
  t.same(
    runs(world, { from: 14 }).runs,
    ['14+1 paged_out', '15+1 normal', '16+2 paged_out', '20+2 paged_out', '22+2 normal'],
    'the newest is seen',
  )
})

t.test('a look at one frame tells all of it, and touches nothing', async (t) => {
  const world = new World({
    ...{ slots: '0:10+8 1:20+4', touched: [17] },
    after: ['init_start', 'page_in 12', 'page_in 13', 'pin 17'],
  })
  const vm = world.vm()
  const before = world.all
  const look = (gfn: number) => {
    const found = lookAt(vm, asGfn(gfn))
    if (found === undefined) return undefined
    const { slot, tracked, mappedPfn, swapped, pinned, ...run } = found
    return [text(run), `slot ${slot.id}`, { tracked, mappedPfn, swapped, pinned }]
  }
  const plain = { tracked: true, mappedPfn: undefined, swapped: false, pinned: false }
  t.same(look(13), ['13+1 secure device pfn 1', 'slot 0', { ...plain, mappedPfn: 1 }])
  t.same(look(17), ['17+1 normal frame ra1', 'slot 0', { ...plain, pinned: true }])
  t.same(look(21), ['21+1 normal nothing', 'slot 1', plain])
  t.equal(look(18), undefined)
  t.equal(look(9), undefined)
  vm.slots.at(asGfn(20))?.region.swap.set(1, 5n)
  t.same(look(21), ['21+1 normal nothing', 'slot 1', { ...plain, swapped: true }])
  t.same(look(20), ['20+1 normal nothing', 'slot 1', plain])
  vm.uvmem.clear()
  t.same(look(13)?.slice(0, 1), ['13+1 normal device'], 'what no uvmem slot covers is normal')
  t.match(look(13)?.at(2), { tracked: false, mappedPfn: 1 })
  t.match(world.all['used'], before['used'])
})

t.test('a range is in slots when each of its frames is', async (t) => {
  const vm = new World({ slots: '0:10+8 1:18+2 2:22+4' }).vm()
  const rows: readonly (readonly [number, number, boolean])[] = [
    [10, 8, true],
    [10, 10, true],
    [12, 7, true],
    [12, 0, true],
    [9, 1, false],
    [9, 2, false],
    [10, 11, false],
    [18, 6, false],
    [20, 1, false],
    [22, 4, true],
    [25, 2, false],
  ]
  for (const [from, count, want] of rows) {
    t.equal(isInSlots(vm, asGfn(from), count), want, `${from}+${count}`)
  }
})
