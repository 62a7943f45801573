/** Handlers: a VM's memory as the host reads and writes it. */
import { base64Of } from '../../schemas/page.ts'
import { GPA_END } from '../../schemas/rest/values.ts'
import { hex } from '../../schemas/values.ts'
import { Host as HostCode } from '../abi/codes.ts'
import { asGfn, type Gpa, gfnOf, offsetInPage, PAGE_SIZE, type Page, pagesIn } from '../abi/page.ts'
import { isInSlots } from '../uvmem/frame-runs.ts'
import type { Vm } from '../uvmem/host.ts'
import { Reason } from '../uvmem/reason.ts'
import type { Handlers } from './handler.ts'
import { loadChunks, storeChunks } from './memory-stream.ts'
import { codeOf, refused, resultOf, vmUnknown } from './outcome.ts'
import { Problem } from './problem.ts'

/** Why a range of memory cannot be reached: some of it is in no memory slot. */
function gapIn(vm: Vm, gpa: Gpa, bytes: number): Problem | undefined {
  const pages = pagesIn(offsetInPage(gpa) + bytes)
  if (gpa + bytes <= GPA_END && isInSlots(vm, gfnOf(gpa), pages)) return undefined
  return refused(HostCode.NOSLOT, Reason.noSlot)
}

function pageFacts(page: Page) {
  if (page === null) return null
  return typeof page === 'bigint' ? { tag: hex(page) } : { bytes: base64Of(page) }
}

export const MEMORY_HANDLERS: Handlers<'readMemory' | 'writeMemory' | 'fillMemory' | 'getPage'> = {
  readMemory: async ({ hv, vmm }, { path: { lpid }, query: { gpa, length } }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const gap = gapIn(vm, gpa, length)
    if (gap !== undefined) return gap
    // The first page is read before the answer begins: after that no status can be given any more.
    const first = await vmm.readPage(lpid, gfnOf(gpa))
    const ran = resultOf(lpid, first)
    if (ran instanceof Problem) return ran
    if (ran.result.ret !== HostCode.OK) return refused(ran.result.ret, ran.reason)
    return { length, chunks: loadChunks(vmm, lpid, gpa, length) }
  },
  writeMemory: async ({ hv, vmm }, { path: { lpid }, query: { gpa }, body }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const gap = gapIn(vm, gpa, body.length ?? 1)
    if (gap !== undefined) return gap
    const stored = await storeChunks(vmm, lpid, gpa, body.chunks)
    const { written } = stored
    if (stored.how === 'done') return { written }
    const stopped = codeOf(lpid, stored.outcome)
    return stopped instanceof Problem ? stopped.with({ written }) : { written }
  },
  fillMemory: async ({ hv, vmm }, { path: { lpid }, body: { gpa, size, tag, step } }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const gap = gapIn(vm, gpa, size)
    if (gap !== undefined) return gap
    const pages = size / PAGE_SIZE
    const given = codeOf(lpid, await vmm.fill(lpid, gfnOf(gpa), pages, tag, step))
    return given instanceof Problem ? given : { pages }
  },
  getPage: async ({ vmm }, { path: { lpid, gfn } }) => {
    const ran = resultOf(lpid, await vmm.readPage(lpid, asGfn(gfn)))
    if (ran instanceof Problem) return ran
    const { ret, page } = ran.result
    return ret === HostCode.OK ? { gfn, page: pageFacts(page) } : refused(ret, ran.reason)
  },
}
