/**
 * What a VMM, its host and its operator do to VMs: the operations behind the REST API.
 *
 * Each waits for its turn in the VM's queue and ends with a result, a refusal that names its reason,
 * or a host fault; a wish that no operation could fulfil is refused at once.
 */
import { Host as HostCode } from '../abi/codes.ts'
import { asLpid, type Gfn, LPID_MAX, type Lpid, type SlotId } from '../abi/page.ts'
import { atOnce, type HostFault, type HvSteps, type Vm } from '../uvmem/host.ts'
import type { Reason } from '../uvmem/reason.ts'
import { destroyVm, svmOff } from '../uvmem/vmm/life.ts'
import { fillTags, type PageRead, readPage, writePage } from '../uvmem/vmm/memory.ts'
import {
  type AddSlot,
  type AddSlotResult,
  addSlot,
  flushSlot,
  removeSlot,
} from '../uvmem/vmm/slots.ts'
import { guestFault, pin, touch, type Unmap, unmap, unpin } from '../uvmem/vmm/touch.ts'
import { failKsm, mapVma, unmapVma } from '../uvmem/vmm/vma.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import type { Footprint } from './operation.ts'
import { limitOf } from './uv-slots.ts'

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
    const { host } = this.#hv
    return this.#run('destroy', lpid, 'vm', function* (vm) {
      let pages = 0
      for (const slot of vm.slots) pages += slot.pages
      const ret = yield* destroyVm(host, vm)
      return ret === HostCode.OK ? pages : ret
    }).then((outcome) => {
      if (outcome.how === 'done') this.#hv.countFrames(-outcome.result)
      return outcome
    })
  }

  async addSlot(lpid: Lpid, wish: AddSlot): Promise<Outcome<AddSlotResult>> {
    const passed = limitOf(this.#hv, (this.#hv.vm(lpid)?.slots.size ?? 0) + 1, wish.pages)
    if (passed !== undefined) return { how: 'limit', passed }
    const { host } = this.#hv
    const outcome = await this.#run('add_slot', lpid, 'vm', (vm) => addSlot(host, vm, wish))
    if (outcome.how === 'done' && outcome.result.ret === HostCode.OK) {
      this.#hv.countFrames(wish.pages)
    }
    return outcome
  }

  /** `munmap`: the memory behind the slot goes with it. */
  async removeSlot(lpid: Lpid, id: SlotId, munmap: boolean): Promise<Outcome<number>> {
    const { host } = this.#hv
    let pages = 0
    const outcome = await this.#run('remove_slot', lpid, 'vm', (vm) => {
      pages = vm.slots.get(id)?.pages ?? 0
      return removeSlot(host, vm, id, munmap)
    })
    if (outcome.how === 'done' && outcome.result === HostCode.OK) this.#hv.countFrames(-pages)
    return outcome
  }

  flushSlot(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run('flush_slot', lpid, 'vm', (vm) => flushSlot(this.#hv.host, vm, id))
  }

  /** KVM_PPC_SVM_OFF: what a reboot does first. */
  async reset(lpid: Lpid): Promise<Outcome<number>> {
    const outcome = await this.#run('svm_off', lpid, 'vm', (vm) => svmOff(this.#hv.host, vm))
    if (outcome.how === 'done' && this.#hv.vm(lpid)?.secureGuest === 0) this.#hv.disown(lpid)
    return outcome
  }

  touch(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run('host_touch', lpid, gfn, (vm) => touch(this.#hv.host, vm, gfn))
  }

  unmap(lpid: Lpid, gfn: Gfn, how: Unmap): Promise<Outcome<number>> {
    return this.#run('unmap', lpid, gfn, (vm) => unmap(this.#hv.host, vm, gfn, how))
  }

  pin(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run('pin', lpid, gfn, (vm) => pin(this.#hv.host, vm, gfn))
  }

  unpin(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run('unpin', lpid, gfn, (vm) => atOnce(unpin(this.#hv.host, vm, gfn)))
  }

  guestFault(lpid: Lpid, gfn: Gfn): Promise<Outcome<number>> {
    return this.#run('guest_fault', lpid, gfn, (vm) => guestFault(this.#hv.host, vm, gfn))
  }

  unmapVma(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run('vma_unmap', lpid, 'vm', (vm) => unmapVma(this.#hv.host, vm, id))
  }

  mapVma(lpid: Lpid, id: SlotId): Promise<Outcome<number>> {
    return this.#run('vma_map', lpid, 'vm', (vm) => atOnce(mapVma(vm, id)))
  }

  /** From now on ksm_madvise() answers `error` for the slot's mapping; 0 heals it. */
  failKsm(lpid: Lpid, id: SlotId, error: number): Promise<Outcome<number>> {
    return this.#run('ksm_fail', lpid, 'vm', (vm) => atOnce(failKsm(vm, id, error)))
  }

  readPage(lpid: Lpid, gfn: Gfn): Promise<Outcome<PageRead>> {
    return this.#run('read', lpid, gfn, (vm) => readPage(this.#hv.host, vm, gfn))
  }

  writePage(lpid: Lpid, gfn: Gfn, offset: number, bytes: Uint8Array): Promise<Outcome<number>> {
    const { host } = this.#hv
    return this.#run('write', lpid, gfn, (vm) => writePage(host, vm, gfn, offset, bytes))
  }

  /** Gives `count` pages from `gfn` on the tags `tag`, `tag + step`, ... */
  fill(lpid: Lpid, gfn: Gfn, count: number, tag: bigint, step: bigint): Promise<Outcome<number>> {
    const { host } = this.#hv
    return this.#run('fill', lpid, 'vm', (vm) => fillTags(host, vm, gfn, count, tag, step))
  }

  /** While true no page-out finds a normal frame. */
  denyFrames(denies: boolean): void {
    this.#hv.host.deniesFrames = denies
  }

  #freeLpid(): Lpid | undefined {
    for (let n = 1; n <= LPID_MAX; n++) {
      if (this.#hv.vm(asLpid(n)) === undefined) return asLpid(n)
    }
    return undefined
  }

  #run<R>(
    name: string,
    lpid: Lpid,
    on: Gfn | 'vm',
    begin: (vm: Vm) => HvSteps<R>,
  ): Promise<Outcome<R>> {
    if (this.#hv.vm(lpid) === undefined) return Promise.resolve({ how: 'gone' })
    const footprint: Footprint = 'vm'
    const gfn = on === 'vm' ? {} : { gfn: on }
    return new Promise((done) => {
      this.#hv.submit({ name, lpid, ...gfn, call: undefined, footprint, begin, done })
    })
  }
}
