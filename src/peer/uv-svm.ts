/**
 * One guest of an ultravisor client: its memory slots, its switch, its loads, stores and shares.
 *
 * Whatever the hypervisor or the ultravisor answers is a result. A promise is rejected, with
 * UvCallError, only when the wire fails.
 */
import type { UpCall } from '../../schemas/messages.ts'
import type { UvRequest } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import type { Gfn, Gpa, Lpid, SlotId } from '../abi/page.ts'
import { type EsmResult, type EsmStrategy, runEsm } from '../ultravisor/esm.ts'
import {
  type GuestResult,
  sharePages,
  unshareAllPages,
  unsharePages,
} from '../ultravisor/guest-calls.ts'
import { type LoadResult, load, type StoreResult, store } from '../ultravisor/guest-memory.ts'
import { serve } from '../ultravisor/serve.ts'
import type { UvSteps } from '../ultravisor/steps.ts'
import { type Svm, SvmState } from '../ultravisor/svm.ts'
import { nodeSha512 } from './node-cipher.ts'
import type { UvApp } from './uv-app.ts'
import type { UvCounts } from './uv-counts.ts'
import { UvCallError } from './uv-errors.ts'
import { countsOf, runsOf, type UvRun, type UvStateName } from './uv-frames.ts'

export interface EsmWish {
  /** Where the kernel image begins: the first argument of UV_ESM. */
  readonly kernelBase: Gpa
  /** Where the device tree begins: the second one. */
  readonly tree: Gpa
  readonly strategy: EsmStrategy
}

/** `none`: no SVM, the guest is a normal VM. */
export type SvmLife = 'none' | 'active' | 'secure' | 'abort'

/** A load or store of a guest that has no SVM: the ultravisor has no part in it. */
export interface NoSvm {
  readonly kind: 'NO_SVM'
}

const LIFE = {
  [SvmState.Active]: 'active',
  [SvmState.Secure]: 'secure',
  [SvmState.Abort]: 'abort',
} as const satisfies Record<SvmState, SvmLife>

export class UvSvm {
  readonly lpid: Lpid
  readonly #app: UvApp
  readonly #lost: () => string | undefined

  /** `lost` says how the connection ended, once it has. */
  constructor(app: UvApp, lpid: Lpid, lost: () => string | undefined) {
    this.#app = app
    this.lpid = lpid
    this.#lost = lost
  }

  get life(): SvmLife {
    const svm = this.#svm()
    return svm === undefined ? 'none' : LIFE[svm.state]
  }

  /** Counts since the connection began; the object is live. */
  get counts(): UvCounts {
    return this.#app.countsOf(this.lpid)
  }

  /** Frames of each state; empty without an SVM. */
  get frameCounts(): ReadonlyMap<UvStateName, number> {
    return countsOf(this.frames())
  }

  /** Frames in all memory slots; 0 without an SVM. */
  get framesTotal(): number {
    let total = 0
    for (const slot of this.#svm()?.slots.all() ?? []) total += slot.count
    return total
  }

  /** The frames as runs, ascending. Read them at once: they are drawn from the live state. */
  *frames(): Generator<UvRun> {
    const svm = this.#svm()
    if (svm !== undefined) yield* runsOf(svm)
  }

  /**
   * UV_REGISTER_MEM_SLOT, sent by the client that also plays the VMM: the hypervisor adds the slot.
   * Both in bytes. @returns the ultracall's code. With an SVM the ultravisor takes the slot first.
   */
  async registerSlot(slotId: SlotId, startGpa: Gpa, size: number): Promise<number> {
    const body = {
      call: 'UV_REGISTER_MEM_SLOT',
      lpid: this.lpid,
      startGpa,
      size,
      flags: 0,
      slotId,
    } as const
    const svm = this.#svm()
    // A slot of this id is refused by the hypervisor, and must not be replaced here before.
    const takes = svm !== undefined && svm.slots.get(slotId) === undefined
    if (takes) {
      const { ret } = serve(this.#app.uv, body)
      if (ret !== U.SUCCESS) return ret
    }
    const ret = await this.#call(body)
    if (takes && ret !== U.SUCCESS) this.#forgetSlot(slotId)
    return ret
  }

  /** UV_UNREGISTER_MEM_SLOT, likewise: the memory goes at the hypervisor, then here. */
  async unregisterSlot(slotId: SlotId): Promise<number> {
    const ret = await this.#call({ call: 'UV_UNREGISTER_MEM_SLOT', lpid: this.lpid, slotId })
    if (ret === U.SUCCESS) this.#forgetSlot(slotId)
    return ret
  }

  /** UV_ESM: turns the guest secure, or says why not. */
  esm({ kernelBase, tree, strategy }: EsmWish): Promise<EsmResult> {
    const { lpid } = this
    const window = this.#app.stepWindow
    const call = { lpid, kernelBase, tree, strategy, window, sha512: nodeSha512 }
    return this.#run(runEsm(this.#app.uv, call))
  }

  /** The guest reads `length` bytes. */
  load(gpa: Gpa, length: number): Promise<LoadResult | NoSvm> {
    return this.#onSvm((svm) => load(this.#app.uv, svm, gpa, length))
  }

  /** The guest writes bytes. */
  store(gpa: Gpa, bytes: Uint8Array): Promise<StoreResult | NoSvm> {
    return this.#onSvm((svm) => store(this.#app.uv, svm, gpa, bytes))
  }

  /** UV_SHARE_PAGE. */
  sharePages(gfn: Gfn, num: number): Promise<GuestResult> {
    return this.#run(sharePages(this.#app.uv, this.lpid, gfn, num))
  }

  /** UV_UNSHARE_PAGE. */
  unsharePages(gfn: Gfn, num: number): Promise<GuestResult> {
    return this.#run(unsharePages(this.#app.uv, this.lpid, gfn, num))
  }

  /** UV_UNSHARE_ALL_PAGES. */
  unshareAll(): Promise<GuestResult> {
    return this.#run(unshareAllPages(this.#app.uv, this.lpid))
  }

  /** Ends the SVM here without telling the hypervisor, as when the machine loses power. */
  terminateLocal(): void {
    this.#app.terminateLocal(this.lpid)
  }

  #svm(): Svm | undefined {
    return this.#app.uv.svms.get(this.lpid)
  }

  #forgetSlot(slotId: SlotId): void {
    if (this.#svm()?.slots.get(slotId) === undefined) return
    serve(this.#app.uv, { call: 'UV_UNREGISTER_MEM_SLOT', lpid: this.lpid, slotId })
  }

  #onSvm<R>(steps: (svm: Svm) => UvSteps<R>): Promise<R | NoSvm> {
    const svm = this.#svm()
    return svm === undefined ? Promise.resolve({ kind: 'NO_SVM' }) : this.#run(steps(svm))
  }

  #call(body: Exclude<UpCall, UvRequest>): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#app.call(body, (outcome) => {
        if (outcome.kind === 'answer') resolve(outcome.ret)
        else reject(new UvCallError(body, outcome, this.#lost()))
      })
    })
  }

  #run<R>(steps: UvSteps<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#app.run(this.lpid, steps, (end) => {
        if (end.how === 'done') resolve(end.result)
        else reject(new UvCallError(end.request, end.error, this.#lost()))
      })
    })
  }
}
