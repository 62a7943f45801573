/** What the pure hypervisor core costs, with an ultravisor in the same process that answers at once. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { asGfn, asGpa, asLpid, asSlotId, PAGE_SIZE } from '../../src/abi/page.ts'
import { present } from '../../src/lib/assert.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import { type Host, type HvSteps, newHost, type Vm } from '../../src/uvmem/host.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { createVm, svmOff } from '../../src/uvmem/vmm/life.ts'
import { fillTags } from '../../src/uvmem/vmm/memory.ts'
import { type Bench, best, cpuOf, type Row, row } from './row.ts'

/** 100 GB. */
export const BIG_PAGES = 1_638_400
const SMALL_PAGES = 16_384
const LPID = asLpid(1)

function newWorld(pages: number): { host: Host; vm: Vm } {
  const host = newHost({ profile: HV_PROFILES['linux-6'], poolSize: 2 ** 22 })
  const slots = [{ id: asSlotId(0), base: asGfn(0), pages }]
  const vm = present(createVm(host, { lpid: LPID, radix: true, svmEnabled: true, slots }), 'the VM')
  return { host, vm }
}

function finish<R>(steps: HvSteps<R>): R {
  let step = steps.next(0)
  while (step.done !== true) step = steps.next(0)
  return step.value
}

/** Every page has a tag, so that each needs its UV_PAGE_IN. */
function pageInAll({ host, vm }: { host: Host; vm: Vm }, pages: number): void {
  for (let i = 0; i < pages; i++) {
    const gpa = asGpa(i * PAGE_SIZE)
    const ret = finish(
      hypercall(host, vm, { call: 'H_SVM_PAGE_IN', lpid: LPID, gpa, flags: 0, order: 16 }),
    )
    if (ret !== 0) throw new Error(`page ${i}: ${ret}`)
  }
}

/** Microseconds a page; the VM is reset and filled anew before each of `rounds` measurements. */
function costOfPageIn(pages: number, rounds: number): number {
  const world = newWorld(pages)
  return best(rounds, () => {
    finish(svmOff(world.host, world.vm))
    finish(fillTags(world.host, world.vm, asGfn(0), pages, 1n, 1n))
    finish(hypercall(world.host, world.vm, { call: 'H_SVM_INIT_START', lpid: LPID }))
    return cpuOf(() => pageInAll(world, pages)).us / pages
  })
}

const pageIn: Bench = {
  ids: ['core-page-in', 'core-page-in-growth'],
  what: 'H_SVM_PAGE_IN with its UV_PAGE_IN, microseconds a page, 100 GB; and how it grows from 1 GB',
  run: async () => {
    costOfPageIn(SMALL_PAGES, 20)
    const small = costOfPageIn(SMALL_PAGES, 20)
    const big = costOfPageIn(BIG_PAGES, 3)
    return [
      row('core-page-in', big, 'us/page', 0.5, 'promised: below'),
      row('core-page-in-growth', big / small, 'times', 1.5, 'promised: below'),
    ]
  },
}

const initDone: Bench = {
  ids: ['core-init-done'],
  what: 'H_SVM_INIT_DONE over 1,638,400 untouched frames, milliseconds',
  run: async () => {
    const ms = best(5, () => {
      const { host, vm } = newWorld(BIG_PAGES)
      finish(hypercall(host, vm, { call: 'H_SVM_INIT_START', lpid: LPID }))
      return (
        cpuOf(() => finish(hypercall(host, vm, { call: 'H_SVM_INIT_DONE', lpid: LPID }))).us / 1_000
      )
    })
    return [row('core-init-done', ms, 'ms', 50, 'promised: below')]
  },
}

const rss: Bench = {
  ids: ['rss-100g'],
  what: 'what a 100 GB VM adds to the process, all pages paged in, megabytes',
  run: async (): Promise<readonly Row[]> => {
    const script = fileURLToPath(new URL('./rss-child.js', import.meta.url))
    const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
    if (child.status !== 0) throw new Error(child.stderr)
    return [row('rss-100g', Number(child.stdout), 'MB', 10, 'promised: below')]
  },
}

/** For the child of `rss`: a process that has done the same work on a small VM before. */
export function growthOfBigVm(collect: () => void): number {
  const small = newWorld(SMALL_PAGES)
  for (let i = 0; i < 40; i++) {
    finish(svmOff(small.host, small.vm))
    finish(fillTags(small.host, small.vm, asGfn(0), SMALL_PAGES, 1n, 1n))
    finish(hypercall(small.host, small.vm, { call: 'H_SVM_INIT_START', lpid: LPID }))
    pageInAll(small, SMALL_PAGES)
  }
  collect()
  const before = process.memoryUsage.rss()
  const big = newWorld(BIG_PAGES)
  finish(fillTags(big.host, big.vm, asGfn(0), BIG_PAGES, 1n, 1n))
  finish(hypercall(big.host, big.vm, { call: 'H_SVM_INIT_START', lpid: LPID }))
  pageInAll(big, BIG_PAGES)
  collect()
  const grown = (process.memoryUsage.rss() - before) / 1e6
  // The VM is alive until here.
  if (big.host.devices.pool.taken !== BIG_PAGES) throw new Error('not all pages are in')
  return grown
}

export const CORE: readonly Bench[] = [pageIn, initDone, rss]
