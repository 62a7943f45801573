/** Each invariant notices the state that breaks it, and says which known defect it may be. */
import t from 'tap'
import { asDevicePfn, asFrame, asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import { present } from '../../src/lib/assert.ts'
import { secureWord } from '../../src/uvmem/frame-state.ts'
import { unexplained, violationsMax, violationsOf } from '../../src/uvmem/invariants.ts'
import { devicePte } from '../../src/uvmem/mem-slots.ts'
import type { HvProfileName } from '../../src/uvmem/profile.ts'
import { World, type WorldOptions } from './world.ts'

const base: WorldOptions = {
  profile: 'spec',
  touched: [0],
  after: ['init_start', 'page_in 0', 'share 1'],
}

const slotOf = (world: World) => present(world.vm().slots.get(asSlotId(0)), 'slot 0')
const ptesOf = (world: World) => slotOf(world).region.ptes
const wordsOf = (world: World) => present(world.vm().uvmem.at(asGfn(0)), 'a uvmem slot').words

/** How a sound world is broken, and all that must be found. */
const BREAKS: readonly (readonly [what: string, how: (world: World) => void, want: string])[] = [
  ['nothing', () => undefined, ''],
  ['a PFN is taken', ({ host }) => host.devices.take(), 'used-pfn-is-mapped 1'],
  ['a PFN is promised', ({ host }) => host.devices.promise(), 'nothing-promised'],
  [
    'a device page is mapped that nobody took',
    (world) => ptesOf(world).set(3, devicePte(asDevicePfn(5))),
    'device-page-is-tracked 5; mapped-pfn-is-used 5',
  ],
  [
    'a device page is mapped twice, and marked so',
    (world) => {
      ptesOf(world).set(2, devicePte(asDevicePfn(0)))
      wordsOf(world).set(2, secureWord(asDevicePfn(0)))
    },
    'pfn-mapped-once 0',
  ],
  [
    'a frame is marked secure',
    (world) => wordsOf(world).set(3, secureWord(asDevicePfn(9))),
    'secure-frame-is-mapped 9',
  ],
  [
    'a secure frame is marked shared',
    (world) => wordsOf(world).set(0, 1),
    'device-page-is-tracked 0',
  ],
  ['a mapping is lost', (world) => ptesOf(world).set(1, 0), 'used-frame-is-held'],
  [
    'a frame is mapped twice',
    (world) => ptesOf(world).set(2, ptesOf(world).get(1)),
    'frame-mapped-once',
  ],
  [
    'a frame is freed while it is mapped',
    ({ host }) => host.ram.free(asFrame(2)),
    'held-frame-is-used',
  ],
  [
    'a frame belongs to another VM',
    (world) => ptesOf(world).set(2, world.host.ram.allocate(asLpid(2)) ?? 0),
    'frame-is-own',
  ],
  [
    'a frame is pinned that is free',
    (world) => world.vm().pins.add(asGfn(2), asFrame(40)),
    'frame-is-own; held-frame-is-used',
  ],
  [
    'a page is swapped out and mapped',
    (world) => slotOf(world).region.swap.set(1, 7n),
    'swapped-is-unmapped',
  ],
  [
    'memory is gone and maps a page',
    (world) => {
      slotOf(world).region.mapped = false
    },
    'unmapped-region-is-empty',
  ],
  [
    'a free page has a note',
    ({ host }) => host.devices.note(asDevicePfn(4), { gpa: 0 as never }),
    'note-is-of-used-page 4',
  ],
  [
    'a mark has outlived its drop',
    ({ host }) => host.devices.note(asDevicePfn(0), { skipPageOut: true }),
    'marks-expire 0',
  ],
  [
    'INIT_DONE without INIT_START',
    (world) => {
      world.vm().secureGuest = 2
    },
    'flags-agree; uvmem-slots-are-current; no-normal-after-done known',
  ],
  [
    'INIT_DONE with normal frames',
    (world) => {
      world.vm().secureGuest = 3
    },
    'no-normal-after-done known',
  ],
  [
    'a normal VM has uvmem slots',
    (world) => {
      world.vm().secureGuest = 0
    },
    'uvmem-slots-are-current',
  ],
  [
    'uvmem slots cover each other',
    (world) => world.vm().uvmem.add(asGfn(2), 1),
    'uvmem-slots-are-current',
  ],
  [
    'a secure frame has no slot',
    (world) =>
      world
        .vm()
        .uvmem.add(asGfn(50), 1)
        .words.set(0, secureWord(asDevicePfn(0))),
    'secure-frame-has-slot 0',
  ],
]

const said = (world: World): string =>
  violationsOf(world.host)
    .map(({ invariant, pfn, defect }) =>
      [invariant, pfn, defect === undefined ? undefined : 'known'].filter((x) => x !== undefined),
    )
    .map((words) => words.join(' '))
    .join('; ')

t.test('each broken rule is found, and no other one', async (t) => {
  for (const [what, how, want] of BREAKS) {
    const world = new World(base)
    t.equal(said(world), '', 'sound before')
    how(world)
    t.equal(said(world), want, what)
  }
})

t.test('the defects of the real code are known by name', async (t) => {
  const rows: readonly (readonly [HvProfileName, readonly string[], readonly string[]])[] = [
    ['linux-6', ['init_start', 'page_in 0 !-4'], ['leaked-pfn', 'leaked-pfn']],
    [
      'linux-6',
      ['init_start', 'page_in 0', 'init_start'],
      ['untracked-page', 'uvmem-slots-pile-up'],
    ],
    ['linux-6', ['init_start', 'init_abort'], ['uvmem-slots-pile-up']],
    ['linux-6', ['init_start', 'page_in 0', 'flush_slot 0 oom'], ['sticky-mark']],
    ['linux-6', ['init_start', 'init_done', 'flush_slot 0'], ['failure-ignored']],
    [
      'linux-5.6',
      ['init_start', 'page_in 0', 'remove_slot 0 keep'],
      ['hotplug-untold', 'untracked-page'],
    ],
  ]
  for (const [profile, after, want] of rows) {
    const { host } = new World({ profile, touched: [0], after })
    const found = violationsOf(host)
    t.same(found.map(({ defect }) => `${defect}`).sort(), want, `${profile}: ${after.join(', ')}`)
    t.same(unexplained(found), [], 'nothing else')
  }
})

t.test('so many are told, and no more', async (t) => {
  const world = new World({ profile: 'spec', slots: '0:0+512', pool: 512, after: ['init_start'] })
  for (let i = 0; i < 512; i += 2) wordsOf(world).set(i, secureWord(asDevicePfn(i)))
  t.equal(violationsOf(world.host).length, violationsMax)
  t.equal(violationsOf(world.host, 3).length, 3)
  t.equal(violationsOf(world.host, 1_000).length, 256)
})

t.test('a host with a VM of 100 GB is looked over at a stroke', async (t) => {
  const pages = 1_638_400
  const slots = `0:0+${pages} 1:${pages}+${pages}`
  const world = new World({ profile: 'spec', pool: 2 * pages, frames: 2 ** 22, slots })
  world.do('init_start')
  for (let n = 0; n < 50; n++) world.do(`share ${n * 30_001}`)
  t.equal(world.do('init_done').ret, 0)
  const begun = performance.now()
  t.same(violationsOf(world.host), [])
  t.ok(performance.now() - begun < 5_000, 'in a moment')
})
