/**
 * A VM's memory as the host reads and writes it: every page is touched first, so that a secure one
 * is paged out and read as ciphertext.
 */
import { Host as HostCode } from '../../abi/codes.ts'
import { asFrame, asGfn, type Gfn, type Page } from '../../abi/page.ts'
import { type Host, type HvSteps, RESCHED, type Vm } from '../host.ts'
import { storeInPage } from '../host-ram.ts'
import { faultIn } from '../mapping.ts'
import { NO_PTE } from '../mem-slots.ts'

/** Pages that are filled before others may run. */
const pagesPerTurn = 16_384

/** A page as the host reads it; `page` counts only when `ret` is 0. */
export interface PageRead {
  /** 0, NOSLOT, SIGSEGV or SIGBUS. */
  readonly ret: number
  readonly page: Page
}

export function* readPage(host: Host, vm: Vm, gfn: Gfn): HvSteps<PageRead> {
  const frame = yield* faultIn(host, vm, gfn)
  if (frame <= 0) return { ret: frame, page: null }
  return { ret: HostCode.OK, page: host.ram.read(asFrame(frame)) }
}

/** Stores bytes in one page; `null` makes all of it zeros. @returns 0, NOSLOT, SIGSEGV or SIGBUS. */
export function* writePage(
  host: Host,
  vm: Vm,
  gfn: Gfn,
  offset: number,
  bytes: Uint8Array | null,
): HvSteps {
  const ret = yield* faultIn(host, vm, gfn)
  if (ret <= 0) return ret
  const frame = asFrame(ret)
  host.ram.write(frame, bytes && storeInPage(host.ram.glance(frame), offset, bytes))
  return HostCode.OK
}

/**
 * Gives `count` pages from `gfn` on the tags `tag`, `tag + step`, ...
 *
 * @returns 0, or the code of the first page that could not be touched; those before it are filled.
 */
export function* fillTags(
  host: Host,
  vm: Vm,
  gfn: Gfn,
  count: number,
  tag: bigint,
  step: bigint,
): HvSteps {
  for (let done = 0; done < count; ) {
    const at = asGfn(gfn + done)
    const filled = fillFresh(host, vm, at, Math.min(count - done, pagesPerTurn), tag, step)
    if (filled === 0) {
      const frame = yield* faultIn(host, vm, at)
      if (frame <= 0) return frame
      host.ram.write(asFrame(frame), BigInt.asUintN(64, tag))
    } else yield RESCHED
    const pages = Math.max(filled, 1)
    done += pages
    tag += step * BigInt(pages)
  }
  return HostCode.OK
}

/** Maps and fills pages that were never touched; returns how many. */
function fillFresh(host: Host, vm: Vm, gfn: Gfn, most: number, tag: bigint, step: bigint): number {
  const slot = vm.slots.at(gfn)
  if (slot === undefined || !slot.region.mapped || slot.region.swap.size > 0) return 0
  const { ptes } = slot.region
  const at = gfn - slot.base
  const run = ptes.runAt(at, Math.min(slot.pages, at + most))
  if (run.word !== NO_PTE || run.step !== 0) return 0
  let filled = 0
  while (filled < run.count) {
    const { first, count } = host.ram.allocateRun(vm.lpid, run.count - filled)
    if (first === undefined) break
    ptes.fill(at + filled, count, first, 1)
    host.ram.fillTags(first, count, tag + step * BigInt(filled), step)
    filled += count
  }
  return filled
}
