/** What a violation says of its place: which VM, which frame or page, and how many in a row. */
import t from 'tap'
import { asDevicePfn, asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import { present } from '../../src/lib/assert.ts'
import { StateWord, secureWord } from '../../src/uvmem/frame-state.ts'
import { violationsOf } from '../../src/uvmem/invariants.ts'
import { devicePte } from '../../src/uvmem/mem-slots.ts'
import { HV_PROFILE_NAMES } from '../../src/uvmem/profile.ts'
import { World, type WorldOptions } from './world.ts'

const secure = (pfn: number): number => secureWord(asDevicePfn(pfn))
const mapped = (pfn: number): number => devicePte(asDevicePfn(pfn))

/** A VM that has begun to turn secure, under `spec`, and hands to break it with. */
function world(options: WorldOptions = {}) {
  const it = new World({ profile: 'spec', after: ['init_start'], ...options })
  const slot = present(it.vm().slots.get(asSlotId(0)), 'slot 0')
  const words = (gfn: number) => present(it.vm().uvmem.at(asGfn(gfn)), 'a uvmem slot').words
  return { it, host: it.host, vm: it.vm(), slot, ptes: slot.region.ptes, words }
}

t.test('frames that are marked secure and not mapped so are one run', async (t) => {
  const { host, words } = world({ slots: '0:10+8' })
  words(10).fill(2, 3, secure(0), 1)
  t.same(violationsOf(host), [
    { invariant: 'secure-frame-is-mapped', lpid: 1, gfn: 12, count: 3, pfn: 0 },
  ])
})

t.test('a page that is used and not held, one that is held and not used', async (t) => {
  const { host, ptes } = world({ touched: [0, 1, 2] })
  ptes.set(1, 0)
  t.same(violationsOf(host), [{ invariant: 'used-frame-is-held', frame: 2, count: 1 }])
  ptes.set(2, 0)
  ptes.set(3, 9)
  t.same(violationsOf(host), [
    { invariant: 'held-frame-is-used', frame: 9, count: 1 },
    { invariant: 'used-frame-is-held', frame: 2, count: 2 },
  ])
})

t.test('of device pages that are mapped twice, those alone', async (t) => {
  const { it, host, ptes, words } = world({ slots: '0:0+8' })
  for (const gfn of [0, 1, 4, 5, 6]) it.do(`page_in ${gfn}`)
  t.same(violationsOf(host), [])
  ptes.fill(4, 3, mapped(1), 1)
  words(0).fill(4, 3, secure(1), 1)
  t.same(violationsOf(host), [
    { invariant: 'pfn-mapped-once', count: 1, pfn: 1 },
    { invariant: 'used-pfn-is-mapped', count: 1, pfn: 4 },
  ])
})

t.test('counters that do not agree with what they count', async (t) => {
  for (const broken of ['PFNs', 'frames']) {
    const { host } = world({ touched: [0] })
    if (broken === 'PFNs') Object.defineProperty(host.devices.pool, 'taken', { value: 3 })
    else Object.defineProperty(host.ram, 'used', { value: 3 })
    t.same(violationsOf(host), [{ invariant: 'counters-agree', count: 1 }], broken)
  }
})

t.test('either mark of a drop is found', async (t) => {
  for (const mark of [{ skipPageOut: true }, { removeGfn: true }]) {
    const { it, host } = world()
    it.do('page_in 0')
    host.devices.note(asDevicePfn(0), mark)
    t.same(violationsOf(host), [{ invariant: 'marks-expire', pfn: 0, count: 1 }])
  }
})

t.test('uvmem slots that cover each other, as far as they do', async (t) => {
  for (const [base, pages, count] of [
    [12, 1, 1],
    [12, 6, 2],
  ] as const) {
    const { host, vm } = world({ slots: '0:10+4' })
    vm.uvmem.add(asGfn(base), pages)
    t.same(violationsOf(host), [{ invariant: 'uvmem-slots-are-current', lpid: 1, gfn: 12, count }])
  }
})

t.test('memory that is gone maps nothing at all', async (t) => {
  for (const [slots, touched] of [
    ['0:0+2', [0, 1]],
    ['0:0+1', [0]],
    ['0:0+2', [1]],
    ['0:0+4', [3]],
  ] as const) {
    const { host, slot } = world({ slots, touched })
    slot.region.mapped = false
    const found = violationsOf(host).map(({ invariant }) => invariant)
    t.same(found, ['unmapped-region-is-empty'], `${slots}, touched ${String(touched)}`)
  }
  const { host, slot } = world()
  slot.region.mapped = false
  t.same(violationsOf(host), [])
})

t.test('nothing, and the first frame behind it, are not taken for a run', async (t) => {
  for (const touched of [[1], [1, 2], [1, 2, 3], [3]]) {
    t.same(violationsOf(world({ touched }).host), [], String(touched))
  }
})

t.test('pins of frames that are mapped, and of others, in any order', async (t) => {
  const { it, host } = world({ touched: [2, 1, 0] })
  for (const line of ['pin 0', 'pin 1', 'pin 2', 'unmap 0', 'unmap 2']) it.do(line)
  t.same(violationsOf(host), [])
})

t.test('each frame is seen through its own uvmem slot', async (t) => {
  const narrow = world({ slots: '0:0+8', after: [] })
  narrow.vm.secureGuest = 1
  narrow.vm.uvmem.add(asGfn(0), 4)
  narrow.vm.uvmem.add(asGfn(4), 4).words.set(1, secure(9))
  const found = { invariant: 'secure-frame-is-mapped', lpid: 1, count: 1, pfn: 9 }
  t.same(violationsOf(narrow.host), [{ ...found, gfn: 5 }])
  const late = world({ slots: '0:10+8', after: [] })
  late.vm.secureGuest = 1
  late.vm.uvmem.add(asGfn(12), 2).words.set(0, secure(9))
  t.same(violationsOf(late.host), [{ ...found, gfn: 12 }])
})

t.test('also one that does not begin at 0', async (t) => {
  const { host, vm } = world({ slots: '0:10+8', after: [] })
  vm.secureGuest = 1
  vm.uvmem.add(asGfn(10), 4)
  vm.uvmem.add(asGfn(14), 4).words.set(1, secure(9))
  t.match(violationsOf(host), [{ invariant: 'secure-frame-is-mapped', gfn: 15, pfn: 9 }])
})

t.test('pages that were handed out in another order are mapped once all the same', async (t) => {
  const { it, host } = world()
  for (const line of ['page_in 2', 'page_in 1', 'page_in 0', 'share 3']) it.do(line)
  t.equal(it.h, 'd2,d1,d0,n')
  t.same(violationsOf(host), [])
})

t.test("of a run of frames the one that is another VM's", async (t) => {
  const { host, ptes } = world({ touched: [0] })
  t.equal(host.ram.allocate(asLpid(2)), 2)
  ptes.set(1, 2)
  t.same(violationsOf(host), [{ invariant: 'frame-is-own', lpid: 1, frame: 2, count: 1 }])
})

t.test('linux-6: a secure frame that no slot holds is a stale mark', async (t) => {
  const { host, vm } = world({ profile: 'linux-6' })
  vm.uvmem.add(asGfn(50), 1).words.set(0, secure(0))
  t.same(violationsOf(host), [
    {
      ...{ invariant: 'secure-frame-has-slot', lpid: 1, gfn: 50, pfn: 0, count: 1 },
      defect: 'stale-mark',
    },
  ])
})

t.test('of a run of secure frames those outside of the memory slot are found', async (t) => {
  const { host, vm } = world({ slots: '0:10+4', after: [] })
  vm.secureGuest = 1
  vm.uvmem.add(asGfn(10), 6).words.fill(0, 6, secure(0), 1)
  const outside = violationsOf(host).filter(
    ({ invariant }) => invariant === 'secure-frame-has-slot',
  )
  t.same(outside, [
    { invariant: 'secure-frame-has-slot', lpid: 1, gfn: 14, pfn: 4, count: 1 },
    { invariant: 'secure-frame-has-slot', lpid: 1, gfn: 15, pfn: 5, count: 1 },
  ])
})

t.test('what a newer uvmem slot hides is not secure', async (t) => {
  const { host, vm } = world()
  vm.uvmem.add(asGfn(50), 1).words.set(0, secure(0))
  vm.uvmem.add(asGfn(50), 1).words.set(0, StateWord.Shared)
  t.same(violationsOf(host), [{ invariant: 'uvmem-slots-are-current', lpid: 1, gfn: 50, count: 1 }])
})

t.test('normal frames after H_SVM_INIT_DONE, where the profile secures them itself', async (t) => {
  const local = ['series-v1', 'series-v2', 'series-v3', 'linux-6', 'spec']
  for (const profile of HV_PROFILE_NAMES) {
    const { host, vm } = world({ profile, slots: '0:10+4', after: ['init_start', 'page_in 10'] })
    vm.secureGuest = 3
    const known = { defect: 'failure-ignored' }
    const want = { invariant: 'no-normal-after-done', lpid: 1, gfn: 11, count: 3, ...known }
    t.same(violationsOf(host), local.includes(profile) ? [want] : [], profile)
  }
})

t.test('linux-6: marks of pages that were freed are stale', async (t) => {
  const after = ['init_start', 'page_in 0', 'init_start', 'unmap 0', 'init_start !0,-4']
  const { host } = world({ profile: 'linux-6', slots: '0:8+1 1:0+2', after })
  const marks = violationsOf(host).filter(({ pfn }) => pfn !== undefined)
  t.same(marks, [
    {
      ...{ invariant: 'secure-frame-is-mapped', lpid: 1, gfn: 0, pfn: 0, count: 1 },
      defect: 'stale-mark',
    },
  ])
})
