/**
 * UV_REGISTER_MEM_SLOT and UV_UNREGISTER_MEM_SLOT sent by an ultravisor: a client that plays the VMM
 * as well adds and removes memory. The answers use the ultracalls' documented codes.
 *
 * Source: ultravisor.rst, "UV_REGISTER_MEM_SLOT"; spec of the wire, section 2.
 */
import type { UvRegisterMemSlot, UvUnregisterMemSlot } from '../abi/calls.ts'
import { Host as HostCode, U } from '../abi/codes.ts'
import { gfnOf, offsetInPage, PAGE_SIZE, UV_SLOTS_MAX } from '../abi/page.ts'
import { type Host, type HvSteps, refuse, type Vm } from '../uvmem/host.ts'
import { Reason } from '../uvmem/reason.ts'
import { addSlot, removeSlot } from '../uvmem/vmm/slots.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import type { UvCall } from './operation.ts'
import { failLimit, queue } from './serve-call.ts'

interface Refusal {
  readonly code: number
  readonly reason: Reason
}

/** The first argument that is not valid. */
function refusalOf({ startGpa, size, flags, slotId }: UvRegisterMemSlot): Refusal | undefined {
  if (offsetInPage(startGpa) !== 0 || startGpa >= 2 ** 53) {
    return { code: U.P2, reason: Reason.slotStart }
  }
  if (size === 0 || size % PAGE_SIZE !== 0 || startGpa + size > 2 ** 53) {
    return { code: U.P3, reason: Reason.slotSize }
  }
  if (flags !== 0) return { code: U.P4, reason: Reason.slotFlags }
  return slotId < UV_SLOTS_MAX ? undefined : { code: U.P5, reason: Reason.slotId }
}

/** `mayAdd`: asked at its turn whether the host still takes so many pages. */
export function* registerSlot(
  host: Host,
  vm: Vm,
  body: UvRegisterMemSlot,
  mayAdd: (pages: number) => boolean = () => true,
): HvSteps {
  const refusal = refusalOf(body)
  if (refusal !== undefined) return refuse(vm, refusal.code, refusal.reason)
  const { slotId: id, startGpa, size } = body
  const pages = size / PAGE_SIZE
  if (!mayAdd(pages)) return refuse(vm, U.PARAMETER, Reason.framesFull)
  const { ret } = yield* addSlot(host, vm, { id, base: gfnOf(startGpa), pages, knownToUv: true })
  if (ret === HostCode.OK) return U.SUCCESS
  if (ret === HostCode.EINVAL) return U.PARAMETER
  return vm.slots.get(id) === undefined ? U.P2 : U.P5
}

export function* unregisterSlot(host: Host, vm: Vm, { slotId }: UvUnregisterMemSlot): HvSteps {
  const ret = yield* removeSlot(host, vm, slotId, true, true)
  return ret === HostCode.OK ? U.SUCCESS : U.PARAMETER
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
  const { lpid, size } = body
  const pages = size / PAGE_SIZE
  if (refusalOf(body) === undefined) {
    const passed = limitOf(hv, (hv.vm(lpid)?.slots.size ?? 0) + 1, pages)
    if (passed !== undefined) return failLimit(hv, call, passed)
  }
  // Calls that came before this one may have taken what was left when it came.
  const mayAdd = (more: number): boolean => limitOf(hv, 0, 0, more) === undefined
  queue(hv, call, body, 'vm', {
    begin: (_hv, vm) => registerSlot(hv.host, vm, body, mayAdd),
    finish: (_hv, _body, ret) => {
      if (ret === U.SUCCESS) hv.countFrames(pages)
      return ret
    },
  })
}

export function unregisterFromUv(hv: Hypervisor, call: UvCall, body: UvUnregisterMemSlot): void {
  let pages = 0
  queue(hv, call, body, 'vm', {
    begin: (_hv, vm) => {
      pages = vm.slots.get(body.slotId)?.pages ?? 0
      return unregisterSlot(hv.host, vm, body)
    },
    finish: (_hv, _body, ret) => {
      if (ret === U.SUCCESS) hv.countFrames(-pages)
      return ret
    },
  })
}
