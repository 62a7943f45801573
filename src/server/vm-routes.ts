/** Handlers: VMs. */
import { asLpid, LPID_MAX } from '../abi/page.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Vm } from '../uvmem/host.ts'
import { vmStateOf } from '../uvmem/vm-state.ts'
import type { Handlers } from './handler.ts'
import { codeOf, limitReached, resultOf, vmUnknown } from './outcome.ts'
import { Problem, problem } from './problem.ts'

/** A VM as the API shows it. */
export function factsOf(hv: Hypervisor, vm: Vm) {
  let frames = 0
  for (const slot of vm.slots) frames += slot.pages
  return {
    lpid: vm.lpid,
    state: vmStateOf(vm.secureGuest),
    secure_guest: vm.secureGuest,
    radix: vm.radix,
    svm_enabled: vm.svmEnabled,
    session: hv.sessions.ownerOf(vm.lpid)?.id ?? null,
    orphaned: hv.isOrphan(vm.lpid),
    fault: vm.fault === undefined ? null : { ...vm.fault },
    slots: vm.slots.size,
    frames,
    pinned: vm.pins.size,
    uvmem_slots: vm.uvmem.size,
    operations: hv.queueLength(vm.lpid),
  }
}

export const VM_HANDLERS: Handlers<'listVms' | 'createVm' | 'getVm' | 'deleteVm' | 'resetVm'> = {
  listVms: ({ hv }, { query }) => {
    const vms = []
    // One VM more than wanted tells whether there is a next page.
    for (let n = (query.after ?? 0) + 1; n <= LPID_MAX && vms.length <= query.limit; n++) {
      const vm = hv.vm(asLpid(n))
      if (vm !== undefined) vms.push(factsOf(hv, vm))
    }
    const shown = vms.slice(0, query.limit)
    return { vms: shown, next: vms.length > query.limit ? (shown.at(-1)?.lpid ?? null) : null }
  },
  createVm: async ({ hv, vmm }, { body }) => {
    const { lpid, radix, svm_enabled: svmEnabled, slots } = body
    const wish = { radix, svmEnabled, slots, ...(lpid === undefined ? {} : { lpid }) }
    const vm = await vmm.create(wish)
    if (vm === 'exists') return problem('vm-exists', `There is a VM ${lpid}.`)
    return 'limit' in vm ? limitReached(vm) : factsOf(hv, vm)
  },
  getVm: ({ hv }, { path: { lpid } }) => {
    const vm = hv.vm(lpid)
    return vm === undefined ? vmUnknown(lpid) : factsOf(hv, vm)
  },
  deleteVm: async ({ vmm }, { path: { lpid } }) => {
    // What `destroy` gives is the number of pages that went with it.
    const ran = resultOf(lpid, await vmm.destroy(lpid))
    return ran instanceof Problem ? ran : { code: 0, name: 'OK' }
  },
  resetVm: async ({ vmm }, { path: { lpid } }) => codeOf(lpid, await vmm.reset(lpid)),
}
