/** PageStore and HostRam: contents, owners, limits. */
import fc from 'fast-check'
import t from 'tap'
import { asFrame, asLpid, type Page } from '../../src/abi/page.ts'
import { bytesOfPage } from '../../src/abi/page-bytes.ts'
import { HostRam, hostFramesMax, storeInPage } from '../../src/uvmem/host-ram.ts'
import { PageStore } from '../../src/uvmem/page-store.ts'
import { seedFor } from './random-lines.ts'

const LPID = asLpid(1)

t.test(
  'frames are handed out in ascending order, frame 0 never, and again at the end',
  async (t) => {
    const ram = new HostRam(3)
    t.same([ram.allocate(LPID), ram.allocate(LPID)], [1, 2])
    ram.free(asFrame(1))
    t.equal(ram.allocate(LPID), 3, 'not the one that was just freed')
    t.equal(ram.allocate(LPID), 1, 'but at the end')
    t.equal(ram.allocate(LPID), undefined, 'one past the last there is none')
    t.same([ram.used, ram.size], [3, 3])
    t.notOk(ram.has(asFrame(0)))
    t.notOk(ram.has(asFrame(4)))
  },
)

t.test('a host can have its most frames, and no device page lies among them', async (t) => {
  t.equal(new HostRam().size, hostFramesMax)
  t.equal(hostFramesMax, 268_435_455)
})

t.test('a frame handed out anew holds zeros, whatever it held', async (t) => {
  for (const how of ['tag', 'bytes', 'rule'] as const) {
    const ram = new HostRam(2_047)
    ram.allocateRun(LPID, 2_047)
    if (how === 'rule') ram.fillTags(asFrame(1), 2_047, 100n, 1n)
    else ram.write(asFrame(1_500), how === 'tag' ? 5n : new Uint8Array(65_536).fill(5))
    ram.free(asFrame(1_500))
    ram.free(asFrame(1_501))
    t.equal(ram.allocate(asLpid(2)), 1_500)
    t.equal(ram.read(asFrame(1_500)), null, how)
    t.same(
      ram.allocateRun(asLpid(2), 9),
      { first: 1_501, count: 1 },
      'a run ends at a frame in use',
    )
    t.equal(ram.read(asFrame(1_501)), null, how)
    if (how === 'rule') t.equal(ram.read(asFrame(1_502)), 1_601n, 'the neighbours stay')
  }
})

t.test(
  'a frame belongs to the VM that it was last handed out for, while it is in use',
  async (t) => {
    const ram = new HostRam(9)
    ram.allocateRun(LPID, 4)
    t.ok(ram.belongsTo(asFrame(4), LPID))
    t.notOk(ram.belongsTo(asFrame(4), asLpid(2)))
    ram.free(asFrame(4))
    t.notOk(ram.belongsTo(asFrame(4), LPID))
    t.same([...ram.ownedRuns()], [{ start: 1, count: 3, owner: 1 }])
    t.notOk(ram.claimRun(asFrame(3), 2, LPID), 'one of them is in use')
    t.ok(ram.claimRun(asFrame(8), 2, asLpid(2)), 'up to the last frame')
    t.notOk(ram.claimRun(asFrame(9), 2, LPID), 'one past it')
    t.notOk(ram.claimRun(asFrame(0), 1, LPID), 'frame 0')
  },
)

t.test('a tag reads as its eight bytes, big-endian, and zeros', async (t) => {
  t.same([...bytesOfPage(0x0102_0304_0506_0708n, 6, 4)], [7, 8, 0, 0])
  t.same([...bytesOfPage(0x0102_0304_0506_0708n, 8, 2)], [0, 0])
  t.same([...bytesOfPage(null, 65_535, 1)], [0])
  const stored = storeInPage(0x0102_0304_0506_0708n, 1, Uint8Array.of(9))
  t.same([...bytesOfPage(stored, 0, 9)], [1, 9, 3, 4, 5, 6, 7, 8, 0])
  const start = storeInPage(7n, 0, Uint8Array.of(9))
  t.same([...bytesOfPage(start, 0, 9)], [9, 0, 0, 0, 0, 0, 0, 7, 0], 'what is behind it stays')
  const whole = new Uint8Array(65_536)
  t.equal(storeInPage(7n, 0, whole), whole, 'a whole page is taken as it is')
})

const filled = (byte: number): Uint8Array => new Uint8Array(65_536).fill(byte)
const byteOf = (page: Page): number | undefined => (page as Uint8Array)[65_535]

t.test('bytes are copied, and their memory is used again', async (t) => {
  const ram = new HostRam(9)
  const [one, two] = [asFrame(1), asFrame(2)]
  const content = filled(1)
  ram.write(one, content)
  content.fill(9)
  t.equal(byteOf(ram.glance(one)), 1, 'whoever wrote it keeps what he has')
  const glanced = ram.glance(one)
  ram.write(one, null)
  ram.write(two, filled(2))
  t.equal(ram.glance(two), glanced, 'what was only glanced at is used again')
})

t.test('what was read stays as it was read', async (t) => {
  const ram = new HostRam(9)
  const [one, two] = [asFrame(1), asFrame(2)]
  ram.write(one, filled(1))
  const read = ram.read(one)
  ram.write(one, filled(2))
  ram.write(two, filled(3))
  t.same([byteOf(read), byteOf(ram.glance(one)), byteOf(ram.glance(two))], [1, 2, 3])
})

t.test('what was lent stays as it is until it is settled', async (t) => {
  const ram = new HostRam(9)
  const [one, two, three] = [asFrame(1), asFrame(2), asFrame(3)]
  ram.write(one, filled(1))
  const [first, second] = [ram.lend(one), ram.lend(one)]
  ram.settle(one, first)
  ram.write(one, null)
  ram.write(two, filled(2))
  t.equal(byteOf(second), 1, 'the second one is not done with it')
  ram.settle(one, second)
  ram.write(three, filled(3))
  t.equal(byteOf(second), 1, 'settled too late: nobody writes to it')
  const last = ram.lend(two)
  ram.settle(two, first)
  ram.settle(two, last)
  ram.write(two, null)
  ram.write(one, filled(4))
  t.equal(byteOf(last), 4, 'settled in time: it is used again')
  t.equal(ram.lend(two), null)
  ram.settle(two, null)
})

t.test('tags are looked at and lent as they are', async (t) => {
  const store = new PageStore()
  store.set(1, 5n)
  t.same([store.get(1), store.glance(1), store.lend(1)], [5n, 5n, 5n])
  t.doesNotThrow(() => store.settle(1, 5n))
  store.set(1, new Uint8Array(65_536))
  const lent = store.lend(1)
  store.settle(1, 5n)
  store.set(1, null)
  store.set(2, new Uint8Array(65_536).fill(1))
  t.equal(byteOf(lent), 0, 'who gives back something else has given nothing back')
})

t.test('what is dropped is not kept, and its neighbours are', async (t) => {
  const store = new PageStore()
  store.set(5, 3n)
  store.drop(5)
  store.drop(9_999)
  t.same([...store.entries()], [], 'a page')
  store.fillTags(1_024, 1_024, 5n, 2n)
  t.same([...store.entries()], [{ at: 1_024, first: 5n, step: 2n, live: 1_024 }])
  store.dropRun(1_024, 1_023)
  t.same([...store.entries()], [{ at: 1_024, first: 5n, step: 2n, live: 1 }])
  store.drop(2_047)
  t.same([...store.entries()], [], 'a rule, when all of its pages are')
  store.fillTags(1_000, 100, 1n, 0n)
  store.set(1_100, 7n)
  store.dropRun(1_000, 24)
  store.dropRun(1_010, 90)
  t.same([...store.entries()], [{ at: 1_100, page: 7n }], 'pages of two chunks')
})

t.test('as many tags as a chunk has pages, but from the middle of one', async (t) => {
  const store = new PageStore()
  store.fillTags(512, 1_024, 1n, 1n)
  t.same(
    [511, 512, 1_023, 1_024, 1_535, 1_536].map((n) => store.get(n)),
    [null, 1n, 512n, 513n, 1_024n, null],
  )
})

t.test('what is changed back to zeros takes nothing else with it', async (t) => {
  const store = new PageStore()
  for (const tag of [5n, 6n]) store.set(1, tag)
  store.set(2, 7n)
  store.set(1, null)
  store.set(1, null)
  t.same([store.get(1), store.get(2)], [null, 7n])
  store.set(2, null)
  t.same([...store.entries()], [])
})

t.test('runs of frames end where the host has no more', async (t) => {
  const ram = new HostRam(3)
  t.same([...ram.usedRuns()], [], 'frame 0 is nobody’s')
  t.same(ram.allocateRun(LPID, 5), { first: 1, count: 3 })
  t.same([...ram.usedRuns()], [{ start: 1, count: 3 }])
  t.same(ram.allocateRun(LPID, 1), { first: undefined, count: 0 })
  t.equal(ram.used, 3)
  ram.freeRun(asFrame(1), 2)
  t.same(ram.allocateRun(LPID, 5), { first: 1, count: 2 }, 'at the end it begins from the start')
})

type Step = readonly ['set' | 'drop' | 'fill' | 'renew', number, number, number]
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('set', 'drop', 'fill', 'renew'),
  fc.nat(2_999),
  fc.integer({ min: 1, max: 2_100 }),
  fc.nat(3),
)

t.test('a page store does what a map does', async (t) => {
  const seed = seedFor(t)
  let steps = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20, size: 'max' }), (all) => {
      const store = new PageStore()
      const model = new Map<number, Page>()
      /** Nobody drops a page twice. */
      const dropped = new Set<number>()
      for (const [what, at, most, kind] of all) {
        steps++
        const count = what === 'set' ? 1 : Math.min(most, 3_000 - at)
        const pages = Array.from({ length: count }, (_, i) => at + i)
        if (what === 'drop' && pages.some((n) => dropped.has(n))) continue
        for (const n of pages) {
          if (what === 'drop') dropped.add(n)
          else dropped.delete(n)
        }
        if (what === 'set') store.set(at, kind === 0 ? null : BigInt(kind))
        if (what === 'drop') store.dropRun(at, count)
        if (what === 'renew' || what === 'fill') store.renewRun(at, count)
        if (what === 'fill') store.fillTags(at, count, BigInt(at), BigInt(kind))
        for (let i = 0; i < count; i++) {
          if (what === 'set') model.set(at + i, kind === 0 ? null : BigInt(kind))
          else if (what === 'drop') model.delete(at + i)
          else model.set(at + i, what === 'renew' ? null : BigInt(at + i * kind))
        }
        // A dropped page may read as anything until it is set again.
        for (const [n, page] of model) {
          if (store.get(n) !== page) throw new Error(`after ${what} ${at}+${count}: page ${n}`)
        }
        const copy = new PageStore()
        for (const entry of store.entries()) copy.add(entry)
        for (const [n, page] of model) if (copy.get(n) !== page) throw new Error(`copy: page ${n}`)
      }
    }),
    { seed, numRuns: 60 },
  )
  t.ok(steps > 300, `${steps} steps`)
})
