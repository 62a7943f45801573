/**
 * What a VMM, its host and its operator do to VMs: the operations behind the REST API.
 *
 * Each waits for its turn in the VM's queue and ends with a result, a refusal that names its reason,
 * or a host fault; a wish that no operation could fulfil is refused at once.
 */
import { asLpid, type Gfn, LPID_MAX, type Lpid, type SlotId } from '../abi/page.ts'
import type { HostFault, Vm } from '../uvmem/host.ts'
import type { Reason } from '../uvmem/reason.ts'
import type { PageRead } from '../uvmem/vmm/memory.ts'
import type { AddSlot, AddSlotResult } from '../uvmem/vmm/slots.ts'
import type { Unmap } from '../uvmem/vmm/touch.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import { limitOf } from './uv-slots.ts'
import type { VmmCall, VmmResults } from './vmm-call.ts'
import { submitWish } from './vmm-submit.ts'

/** How an operation of the VMM ended. */
export type Outcome<R> =
  | { readonly how: 'done'; readonly result: R; readonly reason: Reason | undefined }
  | { readonly how: 'fault'; readonly fault: HostFault }
  /** No VM has that LPID. */
  | { readonly how: 'gone' }
  | { readonly how: 'limit'; readonly passed: LimitPassed }

export interface NewVm {
  /** The lowest free one when it is left out. */
  readonly lpid?: Lpid
  readonly radix: boolean
  readonly svmEnabled: boolean
  readonly slots: readonly AddSlot[]
}

export class Vmm {
  readonly #hv: Hypervisor

  constructor(hv: Hypervisor) {
    this.#hv = hv
  }

  /** @returns the VM, `exists`, or the limit that forbids it. Its slots must not overlap. */
  async create(wish: NewVm): Promise<Vm | 'exists' | LimitPassed> {
    const lpid = wish.lpid ?? this.#freeLpid()
    if (lpid === undefined) return { limit: 'vmsMax', max: LPID_MAX }
    if (this.#hv.vm(lpid) !== undefined) return 'exists'
    const pages = wish.slots.reduce((sum, slot) => sum + slot.pages, 0)
    const most = wish.slots.reduce((max, slot) => Math.max(max, slot.pages), 0)
    const passed = limitOf(this.#hv, wish.slots.length, most, pages)
    if (passed !== undefined) return passed
    const vm = this.#hv.makeVm(lpid, wish.radix, wish.svmEnabled)
    if ('limit' in vm) return vm
    for (const slot of wish.slots) await this.addSlot(lpid, slot)
    return vm
  }

  destroy(lpid: Lpid): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'destroy' })
  }

  async addSlot(lpid: Lpid, { id, base, pages }: AddSlot): Promise<Outcome<AddSlotResult>> {
    const passed = limitOf(this.#hv, (this.#hv.vm(lpid)?.slots.size ?? 0) + 1, pages)
    if (passed !== undefined) return { how: 'limit', passed }
    return await this.#run(lpid, { name: 'add_slot', id, base, pages })
  }

  /** `munmap`: the memory behind the slot goes with it. */
  removeSlot(lpid: Lpid, id: SlotId, munmap: boolean): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'remove_slot', id, munmap })
  }

  flushSlot(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'flush_slot', id })
  }

  /** KVM_PPC_SVM_OFF: what a reboot does first. */
  reset(lpid: Lpid): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'svm_off' })
  }

  touch(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'host_touch', gfn })
  }

  unmap(lpid: Lpid, gfn: Gfn, how: Unmap): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'unmap', gfn, how })
  }

  pin(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'pin', gfn })
  }

  unpin(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'unpin', gfn })
  }

  guestFault(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'guest_fault', gfn })
  }

  unmapVma(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'vma_unmap', id })
  }

  mapVma(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'vma_map', id })
  }

  /** From now on ksm_madvise() answers `error` for the slot's mapping; 0 heals it. */
  failKsm(lpid: Lpid, id: SlotId, error: number): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'ksm_fail', id, error })
  }

  readPage(lpid: Lpid, gfn: Gfn): Promise<Outcome<PageRead>> {
    return this.#run(lpid, { name: 'read', gfn })
  }

  /** `null`: the whole page becomes zeros. */
  writePage(
    lpid: Lpid,
    gfn: Gfn,
    offset: number,
    bytes: Uint8Array | null,
  ): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'write', gfn, offset, bytes })
  }

  /** Gives `count` pages from `gfn` on the tags `tag`, `tag + step`, ... */
  fill(lpid: Lpid, gfn: Gfn, count: number, tag: bigint, step: bigint): Promise<Outcome<number>> {
    return this.#run(lpid, { name: 'fill', gfn, count, tag, step })
  }

  /** While true no page-out finds a normal frame. */
  denyFrames(denies: boolean): void {
    this.#hv.host.deniesFrames = denies
    this.#hv.watch.denied(denies)
  }

  #freeLpid(): Lpid | undefined {
    for (let n = 1; n <= LPID_MAX; n++) {
      if (this.#hv.vm(asLpid(n)) === undefined) return asLpid(n)
    }
    return undefined
  }

  #run<Call extends VmmCall>(lpid: Lpid, wish: Call): Promise<Outcome<VmmResults[Call['name']]>> {
    if (this.#hv.vm(lpid) === undefined) return Promise.resolve({ how: 'gone' })
    return new Promise((done) => submitWish(this.#hv, lpid, wish, done))
  }
}
