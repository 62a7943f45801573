/** Handlers: memory slots. */
import { hex } from '../../schemas/values.ts'
import { Host as HostCode, hCodeName } from '../abi/codes.ts'
import { asGpa, asSlotId, gfnOf, gpaOf, PAGE_SIZE, SLOT_ID_MAX, type SlotId } from '../abi/page.ts'
import type { Vm } from '../uvmem/host.ts'
import type { MemSlot } from '../uvmem/mem-slots.ts'
import type { Handlers } from './handler.ts'
import { codeOf, refused, resultOf, vmUnknown } from './outcome.ts'
import { Problem, problem } from './problem.ts'

const slotFacts = ({ id, base, pages, region }: MemSlot) => ({
  id,
  gpa: hex(gpaOf(base)),
  size: hex(pages * PAGE_SIZE),
  pages,
  mapped: region.mapped,
  ksm_error: region.ksmError,
})

function freeSlotId({ slots }: Vm): SlotId {
  let id = 0
  for (const slot of slots) {
    if (slot.id !== id) break
    id++
  }
  return asSlotId(Math.min(id, SLOT_ID_MAX))
}

/** Where the highest slot ends. */
function endOfSlots({ slots }: Vm): number {
  let end = 0
  for (const { base, pages } of slots) end = Math.max(end, (base + pages) * PAGE_SIZE)
  return end
}

export const SLOT_HANDLERS: Handlers<
  'listSlots' | 'addSlot' | 'removeSlot' | 'flushSlot' | 'unmapSlot' | 'mapSlot' | 'failKsm'
> = {
  listSlots: ({ hv }, { path: { lpid } }) => {
    const vm = hv.vm(lpid)
    return vm === undefined ? vmUnknown(lpid) : { slots: [...vm.slots].map(slotFacts) }
  },
  addSlot: async ({ hv, vmm }, { path: { lpid }, body }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const id = body.id ?? freeSlotId(vm)
    const gpa = body.gpa ?? asGpa(endOfSlots(vm))
    const wish = { id, base: gfnOf(gpa), pages: body.size / PAGE_SIZE }
    const ran = resultOf(lpid, await vmm.addSlot(lpid, wish))
    if (ran instanceof Problem) return ran
    const { ret, uvmem } = ran.result
    if (ret !== HostCode.OK) return refused(ret, ran.reason)
    const slot = vm.slots.get(id)
    if (slot === undefined) return problem('slot-unknown', `Slot ${id} is gone already.`)
    return { slot: slotFacts(slot), uvmem: { code: uvmem, name: hCodeName(uvmem) } }
  },
  removeSlot: async ({ vmm }, { path: { lpid, slot }, query }) =>
    codeOf(lpid, await vmm.removeSlot(lpid, slot, query.munmap)),
  flushSlot: async ({ vmm }, { path: { lpid, slot } }) =>
    codeOf(lpid, await vmm.flushSlot(lpid, slot)),
  unmapSlot: async ({ vmm }, { path: { lpid, slot } }) =>
    codeOf(lpid, await vmm.unmapVma(lpid, slot)),
  mapSlot: async ({ vmm }, { path: { lpid, slot } }) => codeOf(lpid, await vmm.mapVma(lpid, slot)),
  failKsm: async ({ vmm }, { path: { lpid, slot }, body }) =>
    codeOf(lpid, await vmm.failKsm(lpid, slot, body.error)),
}
