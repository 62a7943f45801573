/**
 * What a VMM, its host and its operator can ask for, as data: what the queue runs, the journal shows
 * and a record keeps.
 */
import type { Gfn, SlotId } from '../abi/page.ts'
import { atOnce, type Host, type HvSteps, type Vm } from '../uvmem/host.ts'
import { destroyVm, svmOff } from '../uvmem/vmm/life.ts'
import { fillTags, type PageRead, readPage, writePage } from '../uvmem/vmm/memory.ts'
import { type AddSlotResult, addSlot, flushSlot, removeSlot } from '../uvmem/vmm/slots.ts'
import { guestFault, pin, touch, type Unmap, unmap, unpin } from '../uvmem/vmm/touch.ts'
import { failKsm, mapVma, unmapVma } from '../uvmem/vmm/vma.ts'

/** What each operation is told. */
interface Wishes {
  readonly destroy: object
  readonly add_slot: { readonly id: SlotId; readonly base: Gfn; readonly pages: number }
  readonly remove_slot: { readonly id: SlotId; readonly munmap: boolean }
  readonly flush_slot: { readonly id: SlotId }
  readonly svm_off: object
  readonly host_touch: { readonly gfn: Gfn }
  readonly unmap: { readonly gfn: Gfn; readonly how: Unmap }
  readonly pin: { readonly gfn: Gfn }
  readonly unpin: { readonly gfn: Gfn }
  readonly guest_fault: { readonly gfn: Gfn }
  readonly vma_unmap: { readonly id: SlotId }
  readonly vma_map: { readonly id: SlotId }
  readonly ksm_fail: { readonly id: SlotId; readonly error: number }
  readonly read: { readonly gfn: Gfn }
  readonly write: {
    readonly gfn: Gfn
    readonly offset: number
    /** `null`: the whole page becomes zeros. */
    readonly bytes: Uint8Array | null
  }
  readonly fill: {
    readonly gfn: Gfn
    readonly count: number
    readonly tag: bigint
    readonly step: bigint
  }
}
export type VmmCallName = keyof Wishes

/** An operation of the VMM or the host; `name` is what the journal calls it. */
export type VmmCall<Name extends VmmCallName = VmmCallName> = {
  readonly [Each in Name]: { readonly name: Each } & Wishes[Each]
}[Name]

/** What each operation answers. */
export interface VmmResults extends Readonly<Record<VmmCallName, unknown>> {
  readonly destroy: number
  readonly add_slot: AddSlotResult
  readonly remove_slot: number
  readonly flush_slot: number
  readonly svm_off: number
  readonly host_touch: number
  readonly unmap: number
  readonly pin: number
  readonly unpin: number
  readonly guest_fault: number
  readonly vma_unmap: number
  readonly vma_map: number
  readonly ksm_fail: number
  readonly read: PageRead
  readonly write: number
  readonly fill: number
}

type Steps = {
  readonly [Name in VmmCallName]: (
    host: Host,
    vm: Vm,
    call: VmmCall<Name>,
  ) => HvSteps<VmmResults[Name]>
}

const STEPS: Steps = {
  destroy: (host, vm) => destroyVm(host, vm),
  add_slot: (host, vm, call) => addSlot(host, vm, call),
  remove_slot: (host, vm, { id, munmap }) => removeSlot(host, vm, id, munmap),
  flush_slot: (host, vm, { id }) => flushSlot(host, vm, id),
  svm_off: (host, vm) => svmOff(host, vm),
  host_touch: (host, vm, { gfn }) => touch(host, vm, gfn),
  unmap: (host, vm, { gfn, how }) => unmap(host, vm, gfn, how),
  pin: (host, vm, { gfn }) => pin(host, vm, gfn),
  unpin: (host, vm, { gfn }) => atOnce(unpin(host, vm, gfn)),
  guest_fault: (host, vm, { gfn }) => guestFault(host, vm, gfn),
  vma_unmap: (host, vm, { id }) => unmapVma(host, vm, id),
  vma_map: (_host, vm, { id }) => atOnce(mapVma(vm, id)),
  ksm_fail: (_host, vm, { id, error }) => atOnce(failKsm(vm, id, error)),
  read: (host, vm, { gfn }) => readPage(host, vm, gfn),
  write: (host, vm, { gfn, offset, bytes }) => writePage(host, vm, gfn, offset, bytes),
  fill: (host, vm, { gfn, count, tag, step }) => fillTags(host, vm, gfn, count, tag, step),
}

export const VMM_CALL_NAMES = Object.keys(STEPS) as readonly VmmCallName[]

/** The steps of an operation. */
export function stepsOf<Call extends VmmCall>(
  host: Host,
  vm: Vm,
  call: Call,
): HvSteps<VmmResults[Call['name']]> {
  const steps = STEPS[call.name] as (
    host: Host,
    vm: Vm,
    call: VmmCall,
  ) => HvSteps<VmmResults[Call['name']]>
  return steps(host, vm, call)
}

/** The code in what an operation answers. */
export function codeOf(result: unknown): number {
  if (typeof result === 'number') return result
  if (typeof result === 'object' && result !== null && 'ret' in result) return codeOf(result.ret)
  return 0
}

/** What an operation answers that ends with a code before it has done anything. */
export function answerOf(name: VmmCallName, code: number): unknown {
  if (name === 'add_slot') return { ret: code, uvmem: 0 } satisfies AddSlotResult
  return name === 'read' ? ({ ret: code, page: null } satisfies PageRead) : code
}
