/**
 * UV_REGISTER_MEM_SLOT and UV_UNREGISTER_MEM_SLOT sent by an ultravisor: a client that plays the VMM
 * as well adds and removes memory. The answers use the ultracalls' documented codes.
 *
 * Source: ultravisor.rst, "UV_REGISTER_MEM_SLOT"; spec of the wire, section 2.
 */
import type { UvRegisterMemSlot, UvUnregisterMemSlot } from '../abi/calls.ts'
import { Host as HostCode, U } from '../abi/codes.ts'
import { gfnOf, offsetInPage, PAGE_SIZE, UV_SLOTS_MAX } from '../abi/page.ts'
import { addSlot, removeSlot } from '../uvmem/vmm/slots.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import type { UvCall } from './operation.ts'
import { failLimit, queue } from './serve-call.ts'

/** The code of the first argument that is not valid; U_SUCCESS when all are. */
function refusalOf({ startGpa, size, flags, slotId }: UvRegisterMemSlot): number {
  if (offsetInPage(startGpa) !== 0 || startGpa >= 2 ** 53) return U.P2
  if (size === 0 || size % PAGE_SIZE !== 0 || startGpa + size > 2 ** 53) return U.P3
  if (flags !== 0) return U.P4
  return slotId < UV_SLOTS_MAX ? U.SUCCESS : U.P5
}

/**
 * The limit that a wish for memory would pass: `slots` in a VM, `pages` in one slot, `total` pages
 * more on the host.
 */
export function limitOf(
  hv: Hypervisor,
  slots: number,
  pages: number,
  total = pages,
): LimitPassed | undefined {
  const { slotsPerVmMax, framesPerSlotMax, framesTotalMax } = hv.config.limits
  if (slots > slotsPerVmMax) return { limit: 'slotsPerVmMax', max: slotsPerVmMax }
  if (pages > framesPerSlotMax) return { limit: 'framesPerSlotMax', max: framesPerSlotMax }
  if (hv.framesTotal + total > framesTotalMax)
    return { limit: 'framesTotalMax', max: framesTotalMax }
  return undefined
}

export function registerFromUv(hv: Hypervisor, call: UvCall, body: UvRegisterMemSlot): void {
  const { lpid, slotId: id, startGpa, size } = body
  const refusal = refusalOf(body)
  if (refusal !== U.SUCCESS) return call.answer(refusal)
  const pages = size / PAGE_SIZE
  const passed = limitOf(hv, (hv.vm(lpid)?.slots.size ?? 0) + 1, pages)
  if (passed !== undefined) return failLimit(hv, call, passed)
  const base = gfnOf(startGpa)
  queue(
    hv,
    call,
    {
      name: 'UV_REGISTER_MEM_SLOT',
      lpid,
      footprint: 'vm',
      begin: (vm) => addSlot(hv.host, vm, { id, base, pages, knownToUv: true }),
    },
    ({ ret }) => {
      if (ret === HostCode.OK) hv.countFrames(pages)
      if (ret === HostCode.OK) return U.SUCCESS
      if (ret === HostCode.EINVAL) return U.PARAMETER
      return hv.vm(lpid)?.slots.get(id) === undefined ? U.P2 : U.P5
    },
  )
}

export function unregisterFromUv(hv: Hypervisor, call: UvCall, body: UvUnregisterMemSlot): void {
  const { lpid, slotId: id } = body
  let pages = 0
  queue(
    hv,
    call,
    {
      name: 'UV_UNREGISTER_MEM_SLOT',
      lpid,
      footprint: 'vm',
      begin: (vm) => {
        pages = vm.slots.get(id)?.pages ?? 0
        return removeSlot(hv.host, vm, id, true, true)
      },
    },
    (ret) => {
      if (ret === HostCode.OK) hv.countFrames(-pages)
      return ret === HostCode.OK ? U.SUCCESS : U.PARAMETER
    },
  )
}
