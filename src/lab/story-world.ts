/**
 * One VM of a design in one process: both cores joined, the operations of a story, and what was
 * counted.
 */
import type { UvRequest } from '../abi/calls.ts'
import { Host as HostCode, U } from '../abi/codes.ts'
import {
  asFrame,
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gfn,
  gfnOf,
  gpaOf,
  PAGE_SIZE,
} from '../abi/page.ts'
import { sourceOf } from '../formats/byte-source.ts'
import { buildGuest, type Content, type Guest } from '../guest/guest.ts'
import { invariant, present } from '../lib/assert.ts'
import { nodeCipher, nodeSha512 } from '../peer/node-cipher.ts'
import { runEsm } from '../ultravisor/esm.ts'
import { FrameState } from '../ultravisor/frame-state.ts'
import { sharePages, unsharePages } from '../ultravisor/guest-calls.ts'
import { load, store } from '../ultravisor/guest-memory.ts'
import { UV_PROFILES } from '../ultravisor/profile.ts'
import type { UvSteps } from '../ultravisor/steps.ts'
import { newUltravisor } from '../ultravisor/ultravisor.ts'
import { type Host, type HvSteps, newHost, type Vm } from '../uvmem/host.ts'
import { isFramePte } from '../uvmem/mem-slots.ts'
import { HV_PROFILES } from '../uvmem/profile.ts'
import { createVm, destroyVm, svmOff } from '../uvmem/vmm/life.ts'
import { fillTags, writePage } from '../uvmem/vmm/memory.ts'
import { addSlot, flushSlot, removeSlot } from '../uvmem/vmm/slots.ts'
import { touch, unmap } from '../uvmem/vmm/touch.ts'
import { contentOf, Writer } from './content.ts'
import { Counts } from './counts.ts'
import type { Design } from './design.ts'
import { forgetChanged, GuestMemory, isGuestShared, sharedFrames } from './guest-memory.ts'
import { type Broken, brokenByReset, brokenOf } from './invariants.ts'
import { Machine } from './machine.ts'
import { HOT_SLOT, type StoryOp } from './story.ts'

export const LPID = asLpid(1)
export const SLOT = asSlotId(0)
export const HOT = {
  id: asSlotId(HOT_SLOT.id),
  base: asGfn(HOT_SLOT.base),
  pages: HOT_SLOT.pages,
}
/** Pages from which the guest of the lab boots. */
export const BOOT_PAGES = 16

const FILE = Uint8Array.from({ length: 1_000 }, (_, i) => (i * 7 + 3) % 251)

/** What an operation came to, in a few words. */
export interface Outcome {
  readonly result: string
  /** Found by the operation itself; the state is looked at besides. */
  readonly broken: readonly Broken[]
}

export class StoryWorld {
  readonly machine: Machine
  readonly memory = new GuestMemory(LPID)
  readonly counts = new Counts()
  readonly #design: Design
  readonly #pages: number
  readonly #guest: Guest
  #writes = 0

  /** `pages`: those of the VM, 16 or more; `spare`: device pages beyond them. */
  constructor(design: Design, pages: number, spare = 64) {
    this.#design = design
    this.#pages = pages
    this.#guest = smallGuest(pages)
    this.machine = new Machine(
      newHost({ profile: HV_PROFILES[design.hv], poolSize: pages + spare }),
      newUltravisor({
        profile: UV_PROFILES[design.uv],
        cipher: nodeCipher,
        contentMode: 'tag',
        secureUnits: Math.ceil(pages / 32) + 16,
      }),
    )
    this.machine.onExchange = (exchange) => {
      this.counts.add(exchange)
      const { call, ret } = exchange
      if (call.call !== 'UV_PAGE_IN' || ret !== U.SUCCESS) return
      const svm = this.machine.uv.svms.get(LPID)
      if (svm?.state === 0 && svm.frames.state(gfnOf(call.gpa)) === 0) {
        this.memory.cameIn(gfnOf(call.gpa))
      }
    }
  }

  /** What is wrong now; `most` bounds nothing here, as a story's VM is small. */
  broken(): Broken[] {
    const { host, uv } = this.machine
    return brokenOf({ host, uv, memories: new Map([[LPID, this.memory]]) })
  }

  perform(op: StoryOp): Outcome {
    if (op.op === 'esm') return this.#esm(op.early ?? [])
    return this.#acts[op.op](asGfn('page' in op ? op.page : 0))
  }

  readonly #acts: {
    readonly [Op in Exclude<StoryOp['op'], 'esm'>]: (page: Gfn) => Outcome
  } = {
    boot: () => this.#boot(),
    reboot: () => this.#reboot(),
    destroy: () => this.#host((host, vm) => destroyVm(host, vm)),
    'hot-add': () =>
      this.#host(function* (host, vm) {
        return (yield* addSlot(host, vm, HOT)).ret
      }),
    'hot-remove': () => this.#host((host, vm) => removeSlot(host, vm, HOT.id, true)),
    flush: () => this.#host((host, vm) => flushSlot(host, vm, SLOT)),
    touch: (page) => this.#host((host, vm) => touch(host, vm, page)),
    reclaim: (page) => this.#host((host, vm) => unmap(host, vm, page, 'reclaim')),
    store: (page) => this.#store(page),
    load: (page) => this.#load(page),
    share: (page) => this.#share(sharePages, page),
    unshare: (page) => this.#share(unsharePages, page),
    'host-write': (page) => this.#hostWrite(page),
    tamper: (page) => this.#tamper(page),
  }

  #host(steps: (host: Host, vm: Vm) => HvSteps): Outcome {
    return done(this.machine.hv(steps(this.machine.host, this.machine.vm(LPID))))
  }

  #boot(): Outcome {
    createVm(this.machine.host, {
      lpid: LPID,
      radix: true,
      svmEnabled: true,
      slots: [{ id: SLOT, base: asGfn(0), pages: this.#pages }],
    })
    this.#loadGuest()
    return done(0)
  }

  /** Every page has content: what the boot loader puts, or a tag. */
  #loadGuest(): void {
    const { machine, memory } = this
    const { host } = machine
    const vm = machine.vm(LPID)
    memory.begin()
    const tag = contentOf(Writer.Boot, LPID, asGfn(BOOT_PAGES))
    machine.hv(fillTags(host, vm, asGfn(BOOT_PAGES), this.#pages - BOOT_PAGES, tag, 1n))
    for (const { gpa, content } of this.#guest.placements) {
      machine.hv(writePage(host, vm, gfnOf(gpa), gpa % PAGE_SIZE, bytesOf(content)))
    }
    noteBoot(host, vm, memory)
  }

  #reboot(): Outcome {
    const { machine } = this
    const ret = machine.hv(svmOff(machine.host, machine.vm(LPID)))
    const { host, uv } = machine
    if (ret === HostCode.ENOTTY) {
      machine.hv(destroyVm(host, machine.vm(LPID)))
      this.#boot()
      return { result: 'this kernel cannot reset a secure VM: made anew', broken: [] }
    }
    if (ret !== 0) return this.#broke('I7', asGfn(0), `the reset failed (${ret})`)
    const broken = brokenByReset({ host, uv, memories: new Map() }, LPID)
    this.#loadGuest()
    return { result: 'ok', broken }
  }

  #esm(early: readonly StoryOp[]): Outcome {
    const { kernelBase, fdtGpa: tree } = this.#guest
    const { strategy } = this.#design
    const call = { lpid: LPID, kernelBase, tree, strategy, window: 64, sha512: nodeSha512 }
    const result = this.machine.guest(this.#before(runEsm(this.machine.uv, call), early))
    if (result.kind === 'SECURE') return { result: 'secure', broken: [] }
    const why = result.kind === 'FAILED' ? `${result.step}: ${result.why}` : result.kind
    return { result: why, broken: [{ id: 'I7', lpid: LPID, what: `the switch failed: ${why}` }] }
  }

  /** Lets `early` happen just before H_SVM_INIT_DONE. */
  *#before<R>(steps: UvSteps<R>, early: readonly StoryOp[]): UvSteps<R> {
    let step = steps.next({ ret: 0 })
    while (step.done !== true) {
      const asked = step.value as UvRequest
      if (asked.call === 'H_SVM_INIT_DONE') for (const op of early) this.perform(op)
      step = steps.next(yield step.value)
    }
    return step.value
  }

  #store(gfn: Gfn): Outcome {
    const svm = this.machine.uv.svms.get(LPID)
    if (svm === undefined) return { result: 'there is no SVM', broken: [] }
    const writer = isGuestShared(svm, gfn) ? Writer.GuestPublic : Writer.GuestSecret
    const content = contentOf(writer, LPID, gfn, ++this.#writes)
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, content)
    const got = this.machine.guest(store(this.machine.uv, svm, asGpa(gpaOf(gfn)), bytes))
    if (got.kind === 'OK') this.memory.wrote(gfn, content)
    return { result: got.kind === 'OK' ? 'ok' : got.kind, broken: [] }
  }

  #load(gfn: Gfn): Outcome {
    const svm = this.machine.uv.svms.get(LPID)
    if (svm === undefined) return { result: 'there is no SVM', broken: [] }
    const got = this.machine.guest(load(this.machine.uv, svm, asGpa(gpaOf(gfn)), 8))
    const tampered = this.memory.tampered.has(gfn)
    if (got.kind === 'OK' && tampered) return this.#broke('I8', gfn, 'a changed page was accepted')
    if (got.kind === 'OK' || tampered) return { result: got.kind, broken: [] }
    return this.#broke('I4', gfn, `the guest cannot read its page any more (${got.kind})`)
  }

  #broke(id: Broken['id'], gfn: Gfn, what: string): Outcome {
    return { result: what, broken: [{ id, lpid: LPID, gfn, what }] }
  }

  #share(call: typeof sharePages, gfn: Gfn): Outcome {
    const { uv } = this.machine
    const svm = uv.svms.get(LPID)
    if (svm === undefined) return { result: 'there is no SVM', broken: [] }
    const before = sharedFrames(svm, [gfn])
    const got = this.machine.guest(call(uv, LPID, gfn, 1))
    forgetChanged(this.memory, svm, before)
    const ok = got.kind === 'RET' && got.ret === 0
    return { result: ok ? 'ok' : JSON.stringify(got), broken: [] }
  }

  #hostWrite(gfn: Gfn): Outcome {
    const { host } = this.machine
    const content = contentOf(Writer.Host, LPID, gfn, ++this.#writes)
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, content)
    const ret = this.machine.hv(writePage(host, this.machine.vm(LPID), gfn, 0, bytes))
    const svm = this.machine.uv.svms.get(LPID)
    if (ret === 0 && svm !== undefined && isGuestShared(svm, gfn)) this.memory.wrote(gfn, content)
    return done(ret)
  }

  #tamper(gfn: Gfn): Outcome {
    const { host } = this.machine
    const slot = present(this.machine.vm(LPID).slots.at(gfn), `the slot of GFN ${gfn}`)
    const pte = slot.region.ptes.get(gfn - slot.base)
    const isSealed = this.machine.uv.svms.get(LPID)?.frames.state(gfn) === FrameState.PagedOut
    if (!(isSealed && isFramePte(pte)))
      return { result: 'the host holds no ciphertext', broken: [] }
    host.ram.write(asFrame(pte), contentOf(Writer.Tamper, LPID, gfn))
    this.memory.tampered.add(gfn)
    return done(0)
  }
}

export const done = (ret: number): Outcome => ({
  result: ret === 0 ? 'ok' : String(ret),
  broken: [],
})

/** Notes what the boot loader has put, for as many pages as a story looks at. */
export function noteBoot(host: Host, vm: Vm, memory: GuestMemory): void {
  const slot = present(vm.slots.get(SLOT), 'slot 0')
  for (let i = 0; i < Math.min(slot.pages, 4_096); i++) {
    const pte = slot.region.ptes.get(i)
    if (isFramePte(pte)) memory.boot.set(asGfn(i), host.ram.read(asFrame(pte)))
  }
}

/** What the boot loader puts. */
export const bytesOf = (content: Content): Uint8Array =>
  (content.from === 'bytes' ? content.bytes : FILE.subarray(0, content.length)).slice()

/** The guest of the lab, in the first pages of a VM. */
export function smallGuest(pages: number): Guest {
  const guest = buildGuest({
    kernel: sourceOf(FILE),
    initrd: sourceOf(FILE.subarray(0, 500)),
    bootargs: 'console=hvc0',
    slots: [{ start: asGpa(0), size: Math.min(pages, BOOT_PAGES) * PAGE_SIZE }],
    sha512: nodeSha512,
    kernelBase: asGpa(PAGE_SIZE),
  })
  invariant(typeof guest !== 'string', 'the guest of the lab can be built')
  return guest
}
