/** A VM's memory as the host reads, writes and fills it: hv.md section 4. */
import t from 'tap'
import { Host as HostCode, U } from '../../src/abi/codes.ts'
import { asGfn, type Page } from '../../src/abi/page.ts'
import { bytesOfPage } from '../../src/abi/page-bytes.ts'
import type { HvSteps } from '../../src/uvmem/host.ts'
import { fillTags, readPage, writePage } from '../../src/uvmem/vmm/memory.ts'
import { unmap } from '../../src/uvmem/vmm/touch.ts'
import { World } from './world.ts'

/** Runs steps to their end: what they answer, and what they asked for in order. */
function run<T>(
  steps: HvSteps<T>,
  answer: number = U.SUCCESS,
): { value: T; asks: readonly string[] } {
  const asks: string[] = []
  for (let step = steps.next(0); ; step = steps.next(answer)) {
    if (step.done === true) return { value: step.value, asks }
    asks.push(step.value.call)
  }
}

const read = (world: World, gfn: number, answer: number = U.SUCCESS) =>
  run(readPage(world.host, world.vm(), asGfn(gfn)), answer)
const write = (world: World, gfn: number, offset: number, bytes: Uint8Array | null) =>
  run(writePage(world.host, world.vm(), asGfn(gfn), offset, bytes))
const fill = (world: World, gfn: number, count: number, tag: bigint, step: bigint) =>
  run(fillTags(world.host, world.vm(), asGfn(gfn), count, tag, step))
const pages = (world: World, ...gfns: readonly number[]): readonly Page[] =>
  gfns.map((gfn) => read(world, gfn).value.page)

t.test('a page that was never touched is read as zeros, and is there afterwards', async (t) => {
  const world = new World()
  t.same(read(world, 1), { value: { ret: 0, page: null }, asks: [] })
  t.equal(world.h, '.,n,.,.')
})

t.test('what cannot be touched is neither read nor written', async (t) => {
  const world = new World({ after: ['vma_unmap 0'], slots: '0:0+4 1:4+1' })
  const before = world.all
  for (const [gfn, ret] of [
    [5, HostCode.NOSLOT],
    [0, HostCode.SIGSEGV],
  ] as const) {
    t.same(read(world, gfn).value, { ret, page: null })
    t.equal(write(world, gfn, 0, Uint8Array.of(1)).value, ret)
    t.equal(fill(world, gfn, 1, 1n, 1n).value, ret)
  }
  t.same(world.all, before, 'and nothing has changed')
})

t.test('a secure page is paged out before it is read; a refusal is a SIGBUS', async (t) => {
  const after = ['init_start', 'page_in 0']
  const world = new World({ after })
  t.same(read(world, 0, -75), {
    value: { ret: HostCode.SIGBUS, page: null },
    asks: ['UV_PAGE_OUT'],
  })
  t.equal(world.h, 'd0,.,.,.', 'it stays where it was')
  t.same(read(world, 0), { value: { ret: 0, page: null }, asks: ['UV_PAGE_OUT'] })
  t.equal(world.g, 'M,.,.,.')
  const other = new World({ after })
  t.same(write(other, 0, 0, Uint8Array.of(1)), { value: 0, asks: ['UV_PAGE_OUT'] })
})

t.test('bytes are stored where they belong, and null makes zeros of the page', async (t) => {
  const world = new World()
  t.equal(write(world, 0, 2, Uint8Array.of(7, 8)).value, 0)
  t.equal(write(world, 0, 3, Uint8Array.of(9)).value, 0)
  const [page = null] = pages(world, 0)
  t.same([...bytesOfPage(page, 0, 6)], [0, 0, 7, 9, 0, 0])
  t.equal(write(world, 0, 0, null).value, 0)
  t.same(pages(world, 0, 1), [null, null])
})

t.test('each page gets its tag, whether it was touched before or not', async (t) => {
  for (const touched of [[], [0], [1], [4], [1, 2], [0, 1, 2, 3, 4]]) {
    const world = new World({ slots: '0:0+6', touched })
    t.equal(fill(world, 0, 5, 10n, 3n).value, 0, `touched ${String(touched)}`)
    t.same(pages(world, 0, 1, 2, 3, 4), [10n, 13n, 16n, 19n, 22n], `touched ${String(touched)}`)
    t.equal(world.h, 'n,n,n,n,n,.', 'and no page behind them')
    t.equal(world.host.ram.used, 5, 'a frame for each, and no other')
  }
})

t.test('a page that is mapped already keeps its frame when it is filled', async (t) => {
  const world = new World({ touched: [1], after: ['init_start', 'page_in 2'] })
  t.same(fill(world, 0, 4, 5n, 1n).asks, ['UV_PAGE_OUT', 'RESCHED'], 'the secure one comes out')
  t.same(pages(world, 0, 1, 2, 3), [5n, 6n, 7n, 8n])
  t.equal(world.host.ram.used, 4)
})

t.test('tags have 64 bits, wherever the page comes from', async (t) => {
  for (const touched of [[], [0, 1]]) {
    const world = new World({ touched })
    fill(world, 0, 2, 0xffff_ffff_ffff_ffffn, 2n)
    t.same(pages(world, 0, 1), [0xffff_ffff_ffff_ffffn, 1n], `touched ${String(touched)}`)
  }
})

t.test('filling ends at the first page that cannot be touched', async (t) => {
  const behind = new World()
  t.equal(fill(behind, 2, 3, 1n, 1n).value, HostCode.NOSLOT)
  t.same(pages(behind, 2, 3), [1n, 2n], 'those before it are filled')
  const full = new World({ frames: 3 })
  t.equal(fill(full, 0, 4, 1n, 1n).value, HostCode.SIGBUS)
  t.same(pages(full, 0, 1, 2), [1n, 2n, 3n])
  t.equal(full.h, 'n,n,n,.')
})

t.test('frames that lie apart are filled all the same', async (t) => {
  const after = ['touch 0', 'touch 1', 'touch 2', 'touch 3', 'unmap 0', 'unmap 2']
  const world = new World({ slots: '0:0+8', frames: 6, after })
  t.equal(fill(world, 4, 4, 20n, 2n).value, 0)
  t.same(pages(world, 4, 5, 6, 7), [20n, 22n, 24n, 26n])
  t.equal(world.host.ram.used, 6)
})

t.test('pages are filled where they are in their slot, and none beside them', async (t) => {
  const world = new World({ slots: '0:2+8' })
  t.equal(fill(world, 3, 2, 1n, 1n).value, 0)
  t.equal(world.h, '.,n,n,.,.,.,.,.')
  t.same(pages(world, 3, 4), [1n, 2n])
  const after = ['touch 0', 'touch 1', 'touch 2', 'touch 3', 'unmap 0', 'unmap 1']
  const apart = new World({ slots: '0:0+4 1:8+4', frames: 6, after })
  t.equal(fill(apart, 8, 3, 1n, 1n).value, 0)
  t.equal(apart.h, '.,.,n,n/n,n,n,.', 'nor when frames come in parts')
  t.equal(apart.host.ram.used, 5)
})

t.test('filling lets others run every 16,384 pages', async (t) => {
  const world = new World({ slots: '0:0+40000', frames: 50_000 })
  t.same(fill(world, 0, 40_000, 1n, 1n), { value: 0, asks: ['RESCHED', 'RESCHED', 'RESCHED'] })
  t.same(pages(world, 0, 16_383, 16_384, 39_999), [1n, 16_384n, 16_385n, 40_000n])
})

t.test(
  'a page in swap comes back with what it held, unless it is filled or discarded',
  async (t) => {
    const swapped = (): World => {
      const world = new World()
      fill(world, 0, 2, 7n, 1n)
      for (const gfn of [0, 1]) run(unmap(world.host, world.vm(), asGfn(gfn), 'reclaim'))
      t.equal(world.host.ram.used, 0)
      return world
    }
    t.same(pages(swapped(), 1, 0), [8n, 7n])

    const twice = swapped()
    run(unmap(twice.host, twice.vm(), asGfn(0), 'reclaim'))
    t.same(pages(twice, 0), [7n], 'to reclaim it again takes nothing from it')

    const filled = swapped()
    fill(filled, 0, 1, 3n, 1n)
    const swap = filled.vm().slots.at(asGfn(0))?.region.swap
    t.same([...(swap?.keys() ?? [])], [1], 'what is mapped is not in swap')
    t.same(pages(filled, 0, 1), [3n, 8n])
    run(unmap(filled.host, filled.vm(), asGfn(0), 'discard'))
    t.same(pages(filled, 0), [null], 'nothing old comes back')

    const discarded = swapped()
    run(unmap(discarded.host, discarded.vm(), asGfn(0), 'discard'))
    t.same(pages(discarded, 0, 1), [null, 8n])
  },
)
