/**
 * Puts what a VMM asks for into its VM's queue, and does what the hypervisor keeps beside the VMs when
 * it has ended: in the same moment, so that whatever comes next finds it done.
 */
import { Host as HostCode } from '../abi/codes.ts'
import type { Lpid } from '../abi/page.ts'
import type { HvSteps, Vm } from '../uvmem/host.ts'
import type { Hypervisor } from './hypervisor.ts'
import type { Ended } from './operation.ts'
import { codeOf, stepsOf, type VmmCall, type VmmResults } from './vmm-call.ts'

/** `done` is told once how it ended. */
export function submitWish<Call extends VmmCall>(
  hv: Hypervisor,
  lpid: Lpid,
  wish: Call,
  done: (end: Ended<VmmResults[Call['name']]>) => void,
): void {
  /** Pages that it takes from the VM when it ends well. */
  let pages = 0
  const begin = (vm: Vm): HvSteps<VmmResults[Call['name']]> => {
    pages = pagesLost(vm, wish)
    return stepsOf(hv.host, vm, wish)
  }
  hv.submit<VmmResults[Call['name']]>({
    name: wish.name,
    wish,
    lpid,
    gfn: 'gfn' in wish ? wish.gfn : undefined,
    call: undefined,
    footprint: 'vm',
    begin,
    done: (end) => {
      if (end.how === 'done') account(hv, lpid, wish, codeOf(end.result), pages)
      done(end)
    },
  })
}

function pagesLost(vm: Vm, wish: VmmCall): number {
  if (wish.name === 'remove_slot') return vm.slots.get(wish.id)?.pages ?? 0
  let pages = 0
  if (wish.name === 'destroy') for (const slot of vm.slots) pages += slot.pages
  return pages
}

function account(hv: Hypervisor, lpid: Lpid, wish: VmmCall, code: number, pages: number): void {
  if (wish.name === 'destroy') hv.countFrames(-pages)
  else if (wish.name === 'svm_off') {
    if (hv.vm(lpid)?.secureGuest === 0) hv.disown(lpid)
  } else if (code !== HostCode.OK) return
  else if (wish.name === 'add_slot') hv.countFrames(wish.pages)
  else if (wish.name === 'remove_slot') hv.countFrames(-pages)
}
