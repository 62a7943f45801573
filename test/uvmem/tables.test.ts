/** UvmemSlots, MemSlots, Pins and DevicePages against plain lists. */
import fc from 'fast-check'
import t from 'tap'
import { H } from '../../src/abi/codes.ts'
import { asDevicePfn, asFrame, asGfn, asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { DevicePages } from '../../src/uvmem/device-pages.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import { secureWord, stateOfWord } from '../../src/uvmem/frame-state.ts'
import { MemSlots, newRegion } from '../../src/uvmem/mem-slots.ts'
import { Pins } from '../../src/uvmem/pins.ts'
import { type UvmemSlot, UvmemSlots } from '../../src/uvmem/uvmem-slots.ts'
import { seedFor } from './random-lines.ts'
import { World } from './world.ts'

const range = fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 12 }))

t.test('a look-up of uvmem slots ends at the newest one that holds the GFN', async (t) => {
  const seed = seedFor(t)
  let looked = 0
  const step = fc.tuple(fc.boolean(), range)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25, size: 'max' }), (steps) => {
      const slots = new UvmemSlots()
      let model: UvmemSlot[] = []
      for (const [adds, [base, count]] of steps) {
        if (adds) model = [slots.add(asGfn(base), count), ...model]
        else {
          slots.free(asGfn(base))
          const at = model.findIndex((slot) => slot.base === base)
          model = model.filter((_, i) => i !== at)
        }
        if (slots.size !== model.length || slots.list().some((slot, i) => slot !== model[i])) {
          throw new Error('the list differs')
        }
        for (let n = 0; n < 45; n++) {
          looked++
          const holds = (gfn: number) =>
            model.find((slot) => gfn >= slot.base && gfn < slot.base + slot.count)
          if (slots.at(asGfn(n)) !== holds(n)) throw new Error(`at(${n})`)
          let end = n
          while (holds(n) !== undefined && holds(end) === holds(n)) end++
          const got = slots.endOfWindow(asGfn(n))
          // A window may end before the slot does, where another one was freed in between.
          if (holds(n) === undefined ? got !== n : got <= n || got > end)
            throw new Error(`end ${n}`)
          const next = Array.from({ length: 60 }, (_, i) => n + i).find((gfn) => holds(gfn))
          if (holds(n) === undefined && slots.startOfNext(asGfn(n)) !== (next ?? Infinity)) {
            throw new Error(`next ${n}`)
          }
        }
      }
    }),
    { seed, numRuns: 200 },
  )
  t.ok(looked > 10_000, `${looked} look-ups`)
})

t.test('memory slots are found by id and by GFN, and walked by id', async (t) => {
  const seed = seedFor(t)
  let steps = 0
  const step = fc.tuple(fc.boolean(), fc.nat(6), range)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25, size: 'max' }), (all) => {
      const slots = new MemSlots()
      const model = new Map<number, readonly [number, number]>()
      for (const [adds, id, [base, pages]] of all) {
        steps++
        const overlap = [...model.values()].some(([b, p]) => b < base + pages && base < b + p)
        if (slots.overlaps(asGfn(base), pages) !== overlap) throw new Error('overlaps')
        const found = slots.get(asSlotId(id))
        if ((found !== undefined) !== model.has(id)) throw new Error(`get(${id})`)
        if (adds && !overlap && found === undefined) {
          const region = newRegion(asSlotId(id), pages)
          slots.add({ id: asSlotId(id), base: asGfn(base), pages, region })
          model.set(id, [base, pages])
        } else if (!adds && found !== undefined) {
          slots.delete(found)
          model.delete(id)
        }
        const ids = [...model.keys()].sort((a, b) => a - b)
        if (String([...slots].map((slot) => slot.id)) !== String(ids)) throw new Error('the walk')
        for (let n = 0; n < 45; n++) {
          const want = [...model].find(([, [b, p]]) => n >= b && n < b + p)?.[0]
          if (slots.at(asGfn(n))?.id !== want) throw new Error(`at(${n})`)
          const behind = [...model].filter(([, [b, p]]) => n < b + p)
          const [first] = behind.sort(([, [a]], [, [b]]) => a - b)
          if (slots.from(asGfn(n))?.id !== first?.[0]) throw new Error(`from(${n})`)
        }
      }
    }),
    { seed, numRuns: 200 },
  )
  t.ok(steps > 1_000, `${steps} steps`)
})

t.test('a frame that is pinned twice is held until both pins are gone', async (t) => {
  const pins = new Pins()
  pins.add(asGfn(1), asFrame(9))
  pins.add(asGfn(2), asFrame(9))
  t.equal(pins.size, 2)
  t.equal(pins.delete(asGfn(1)), 9)
  t.ok(pins.holds(asFrame(9)))
  t.equal(pins.delete(asGfn(1)), undefined, 'a pin is let go once')
  t.equal(pins.delete(asGfn(2)), 9)
  t.notOk(pins.holds(asFrame(9)))
  t.same([...pins.entries()], [])
})

t.test(
  'device pages: lowest first, promises counted, notes kept only when not plain',
  async (t) => {
    const devices = new DevicePages(3)
    t.equal(devices.take(), 0)
    t.ok(devices.promise() && devices.promise())
    t.notOk(devices.promise(), 'no more promises than free PFNs')
    t.equal(devices.take(), undefined, 'what is promised is not handed out')
    t.same(devices.takeRun(5).count, 0)
    devices.release()
    t.equal(devices.take(), 1)
    devices.release()
    devices.note(asDevicePfn(1), { gpa: asGpa(7) })
    devices.note(asDevicePfn(1), { skipPageOut: true })
    t.same(devices.noteOf(asDevicePfn(1)), { gpa: 7, skipPageOut: true })
    devices.setNote(asDevicePfn(1), { skipPageOut: false })
    t.equal(devices.notes().size, 0, 'a plain note is none')
    devices.note(asDevicePfn(1), { removeGfn: true })
    devices.free(asDevicePfn(1))
    t.same(
      [devices.notes().size, devices.isUsed(asDevicePfn(1))],
      [0, false],
      'a note goes with its page',
    )
    t.equal(devices.available, 2)
  },
)

t.test('notes go with the pages of a run that is freed, those beside it stay', async (t) => {
  const devices = new DevicePages(5)
  devices.takeRun(5)
  for (const pfn of [0, 1, 2, 3, 4]) devices.note(asDevicePfn(pfn), { gpa: asGpa(pfn + 9) })
  devices.freeRun(asDevicePfn(1), 3)
  t.same([...devices.notes().keys()], [0, 4])
  t.equal(devices.available, 3)
})

t.test('a state word says its state', async (t) => {
  const words = [0, 1, 2, secureWord(asDevicePfn(0)), secureWord(asDevicePfn(9))]
  t.same(words.map(stateOfWord), ['normal', 'shared', 'paged_out', 'secure', 'secure'])
})

t.test('H_SVM_TPM_COMM is no call of the kernel, from wherever it comes', async (t) => {
  for (const secureContext of [true, false]) {
    const world = new World({ after: ['init_start'] })
    const call = { call: 'H_SVM_TPM_COMM', lpid: asLpid(1) } as const
    const step = hypercall(world.host, world.vm(), call, secureContext).next(0)
    t.same(step, { done: true, value: H.FUNCTION })
  }
})

t.test('what has changed can be told: states, and the list itself', async (t) => {
  const slots = new UvmemSlots()
  t.same([slots.changes.now, slots.listedAt], [0, 0])
  const slot = slots.add(asGfn(4), 2)
  t.same([slots.changes.now, slots.listedAt], [1, 1])
  slot.words.set(0, 1)
  t.same([slots.changes.now, slots.listedAt], [2, 1], 'a state is not the list')
  slots.free(asGfn(9))
  t.same([slots.changes.now, slots.listedAt], [2, 1], 'there was nothing to free')
  slots.free(asGfn(4))
  t.same([slots.changes.now, slots.listedAt], [3, 3])
  slots.clear()
  t.same([slots.changes.now, slots.listedAt], [4, 4])
})
