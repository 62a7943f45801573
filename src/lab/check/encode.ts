/**
 * The whole state of a small world as bytes: equal states give equal bytes, different ones
 * different bytes.
 *
 * Frames of normal memory are numbered by where they are met first, since which frame the host takes
 * nobody can see. The IV of a sealed page counts only in so far as somebody waits for that page.
 * A call under way is what began it, the answers it got, and what it waits for: all that it keeps
 * over a yield follows from those. Left out are the ultravisor's budget, which never runs out here,
 * and why something was refused.
 */

import type { UvRequest } from '../../abi/calls.ts'
import { asDevicePfn, asFrame, asRa, frameOf, type Gfn, gfnOf, type Page } from '../../abi/page.ts'
import { FrameState } from '../../ultravisor/frame-state.ts'
import { Note } from '../../ultravisor/frame-table.ts'
import type { Svm } from '../../ultravisor/svm.ts'
import { isSecureWord, pfnOfWord } from '../../uvmem/frame-state.ts'
import type { Vm } from '../../uvmem/host.ts'
import { isDevicePte, isFramePte, pfnOfPte, type Region } from '../../uvmem/mem-slots.ts'
import type { UvmemSlot } from '../../uvmem/uvmem-slots.ts'
import type { KeyWriter } from './byte-key.ts'
import { HOT_GFN, HOT_ID, SLOT_ID } from './check-world.ts'
import { FRESH, STALE } from './content-codes.ts'
import {
  BUDGET_NAMES,
  type GuestCall,
  type HostCall,
  isList,
  type Live,
  type LiveVm,
  liveFramesMax,
} from './live.ts'
import { ACTS } from './move.ts'
import { codeOfCall } from './run.ts'
import { isCipherPage } from './tag-cipher.ts'

/** A device page in a byte: this and its PFN. */
export const DEVICE = 128
const PHASES = ['asking', 'served', 'answered'] as const

export class StateEncoder {
  readonly #key: KeyWriter
  #live: Live
  /** Frames in the order in which they were met. */
  readonly #frames: number[] = []

  constructor(live: Live, key: KeyWriter) {
    this.#live = live
    this.#key = key
  }

  /** Writes the key of the state. */
  encode(live: Live): void {
    this.#live = live
    this.#frames.length = 0
    const key = this.#key
    key.clear()
    for (const name of BUDGET_NAMES) key.put(live.left[name])
    const { devices } = live.host
    let used = 0
    for (let pfn = 0; pfn < live.setup.world.pool; pfn++)
      if (devices.pool.has(pfn)) used |= 1 << pfn
    key.put(used)
    this.#notes()
    for (const vm of live.vms) this.#vm(vm)
    for (const vm of live.vms) {
      if (vm.host === undefined) key.put(0)
      else this.#hostCall(vm.host)
      for (const call of vm.cpus) {
        if (call === undefined) key.put(0)
        else this.#guestCall(call)
      }
    }
    // A frame that was freed may still be named by somebody.
    const { ram } = live.host
    for (const frame of this.#frames) key.put(ram.has(asFrame(frame)) ? 1 : 0)
  }

  #notes(): void {
    const notes = this.#live.host.devices.notes()
    this.#key.put(notes.size)
    if (notes.size === 0) return
    for (let pfn = 0; pfn < this.#live.setup.world.pool; pfn++) {
      const note = notes.get(asDevicePfn(pfn))
      if (note === undefined) continue
      const gpa = note.gpa === undefined ? 0 : this.#live.frameOf(gfnOf(note.gpa)) + 1
      this.#key.put(pfn)
      this.#key.put(
        (note.skipPageOut === true ? 1 : 0) + (note.removeGfn === true ? 2 : 0) + gpa * 4,
      )
    }
  }

  #vm(live: LiveVm): void {
    const key = this.#key
    const vm = this.#live.host.vms.get(live.lpid)
    const svm = this.#live.uv.svms.get(live.lpid)
    const bits = (vm === undefined ? 0 : 1) + (live.cut ? 2 : 0) + (svm === undefined ? 0 : 4)
    const faults = (vm?.fault === undefined ? 0 : 8) + (svm?.fault === undefined ? 0 : 16)
    key.put(bits + faults + ((vm?.secureGuest ?? 0) << 5) + (live.spoiled ? 128 : 0))
    if (vm !== undefined) this.#hostSide(vm)
    if (svm !== undefined) this.#guestSide(svm)
    this.#memory(live)
  }

  #hostSide(vm: Vm): void {
    const hot = vm.slots.get(HOT_ID)
    this.#key.put(hot === undefined ? 0 : 1)
    const slot = vm.slots.get(SLOT_ID)
    if (slot !== undefined) this.#region(slot.region)
    if (hot !== undefined) this.#region(hot.region)
    const list = vm.uvmem.list()
    this.#key.put(list.length)
    for (const uvmem of list) this.#uvmem(uvmem)
    this.#key.put(vm.kept.length)
    for (const region of vm.kept) this.#region(region)
  }

  #region({ ptes, swap, pages }: Region): void {
    const key = this.#key
    for (let i = 0; i < pages; i++) {
      const pte = ptes.get(i)
      if (isDevicePte(pte)) key.put(DEVICE + pfnOfPte(pte))
      else if (isFramePte(pte)) {
        key.put(this.#frame(pte))
        key.put(this.#content(this.#live.host.ram.read(asFrame(pte))))
      } else key.put(0)
      if (swap.size === 0) key.put(0)
      else {
        const page = swap.get(i)
        key.put(page === undefined ? 0 : 1)
        if (page !== undefined) key.put(this.#content(page))
      }
    }
  }

  #uvmem({ base, count, words }: UvmemSlot): void {
    this.#key.put(base === HOT_GFN ? 1 : 0)
    for (let i = 0; i < count; i++) {
      const word = words.get(i)
      this.#key.put(isSecureWord(word) ? DEVICE + pfnOfWord(word) : word)
    }
  }

  #guestSide(svm: Svm): void {
    const key = this.#key
    const slots = (svm.slots.get(SLOT_ID) ? 1 : 0) + (svm.slots.get(HOT_ID) ? 2 : 0)
    const ended = svm.abortReason === undefined ? 0 : 4
    const table = (svm.pages.hasRoot ? 8 : 0) + (svm.pages.tables.has(0) ? 16 : 0)
    key.put(slots + ended + table + (svm.state << 5))
    for (const gfn of this.#live.setup.gfns) this.#guestFrame(svm, gfn)
  }

  #guestFrame(svm: Svm, gfn: Gfn): void {
    const key = this.#key
    const state = svm.frames.state(gfn)
    const note = svm.frames.note(gfn)
    key.put(state + (note < 0 ? -note << 4 : 0))
    if (note > 0) key.put(this.#frame(frameOf(asRa(note))))
    else if (note === Note.None) key.put(0)
    const entry = svm.pages.peek(gfn)
    const low = entry % 65_536
    key.put(low)
    if (entry !== low) key.put(this.#frame(frameOf(asRa(entry - low))))
    const sealed = state === FrameState.PagedOut && note === Note.Seal
    key.put(sealed ? sealedCode(svm.frames.seal(gfn)) : this.#content(svm.contents.get(gfn)))
  }

  #memory({ lpid }: LiveVm): void {
    const memory = this.#live.memories.get(lpid)
    if (memory === undefined) return
    const { gfns, contents } = this.#live.setup
    for (const gfn of gfns) {
      const bits = (memory.tampered.has(gfn) ? 1 : 0) + (memory.shared.has(gfn) ? 2 : 0)
      this.#key.put(contents.plainCodeOf(memory.expected.get(gfn) ?? null))
      this.#key.put(bits)
    }
  }

  /** The number of a frame, from 1 on, in the order in which frames are met. */
  #frame(frame: number): number {
    const at = this.#frames.indexOf(frame)
    if (at >= 0) return at + 1
    this.#frames.push(frame)
    return this.#frames.length
  }

  #content(page: Page): number {
    if (page === null) return 0
    if (typeof page === 'bigint' && isCipherPage(page)) return this.#freshOf(page)
    return this.#live.setup.contents.plainCodeOf(page)
  }

  /** Which frame waits for this sealed page, if one does. */
  #freshOf(page: bigint): number {
    let number = 0
    for (const { lpid } of this.#live.vms) {
      const svm = this.#live.uv.svms.get(lpid)
      for (const gfn of this.#live.setup.gfns) {
        const seal = svm?.frames.seal(gfn)
        if (seal !== undefined && sealedPage(seal) === page) return FRESH + number
        number++
      }
    }
    return STALE
  }

  #hostCall({ act, frame, cpu, pending, log }: HostCall): void {
    const key = this.#key
    key.put(1 + (act === undefined ? 0 : 1 + ACTS.indexOf(act)))
    key.put(frame + 1 + (cpu + 1) * 16)
    key.put(log.length)
    for (const byte of log) key.put(byte)
    key.put(codeOfCall(pending.call))
    key.put('gpa' in pending ? this.#live.frameOf(gfnOf(pending.gpa)) + 1 : 0)
    key.put('slotId' in pending ? pending.slotId + 1 : 0)
    if ('ra' in pending) key.put(this.#anyFrame(frameOf(pending.ra)))
  }

  /** linux-5.6 sends device pages, whose real addresses are not frames. */
  #anyFrame(frame: number): number {
    return frame > liveFramesMax ? DEVICE : this.#frame(frame)
  }

  #guestCall(call: GuestCall): void {
    const key = this.#key
    key.put(1 + ACTS.indexOf(call.act))
    const gone = call.svm?.gone === true ? 2 : 0
    key.put(call.frame + 16 * PHASES.indexOf(call.phase) + gone * 32)
    key.put(call.disturbed)
    key.put(this.#content(call.content))
    key.put(call.log.length)
    for (let i = 0; i < call.log.length; i++) {
      const value = call.log[i] as number
      key.put(i % 4 === 2 && value > 0 ? this.#frame(value) : value)
    }
    if (isList(call.asked)) for (const request of call.asked) this.#request(request)
    else this.#request(call.asked)
    if (call.phase === 'answered') this.#reply(call)
  }

  #request(request: UvRequest): void {
    const key = this.#key
    key.put(codeOfCall(request.call))
    key.put('gpa' in request ? this.#live.frameOf(gfnOf(request.gpa)) + 1 : 0)
    if ('ra' in request) key.put(this.#frame(frameOf(request.ra)))
    if ('flags' in request) key.put(request.flags)
  }

  #reply({ reply }: GuestCall): void {
    const [first] = Array.isArray(reply) ? reply : [reply]
    this.#key.put((first?.ret ?? 0) & 255)
  }
}

/** The eight bytes that a frame's record waits for. */
const sealedPage = (seal: Uint8Array): bigint =>
  new DataView(seal.buffer, seal.byteOffset).getBigUint64(12)

/** What lies in a sealed page. */
const sealedCode = (seal: Uint8Array | undefined): number =>
  seal === undefined ? STALE : Number(sealedPage(seal) & 0xffn)
