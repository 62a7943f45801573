/** Makes a small world alive again from the key of a state in which no call is under way. */
import { asDevicePfn, asFrame, asGfn, asGpa, type Gfn, gpaOf, type Lpid } from '../../abi/page.ts'
import { invariant, present } from '../../lib/assert.ts'
import { FrameState, isFrameState } from '../../ultravisor/frame-state.ts'
import { Note } from '../../ultravisor/frame-table.ts'
import { newSvm, type Svm, type SvmState } from '../../ultravisor/svm.ts'
import { secureWord } from '../../uvmem/frame-state.ts'
import { newVm, type Vm } from '../../uvmem/host.ts'
import { devicePte, newRegion, type Region } from '../../uvmem/mem-slots.ts'
import { contentOf, Writer } from '../content.ts'
import { GuestMemory } from '../guest-memory.ts'
import type { KeyReader } from './byte-key.ts'
import { FIRST_GFN, HOT_GFN, HOT_ID, SLOT_ID } from './check-world.ts'
import { FRESH, JUNK, STALE, ZEROS } from './content-codes.ts'
import { DEVICE } from './encode.ts'
import { BUDGET_NAMES, Live, type LiveVm, type Setup } from './live.ts'
import { cipherOf, type Seal, sealOf } from './tag-cipher.ts'

/** The first IV that a restored SVM gives; those below belong to pages sealed before. */
const FIRST_IV = 100n
const KEY = new Uint8Array(32)
const FIXED = new Uint8Array(4)

/** Places that wait for a sealed page until its frame's record has been read. */
type Waiting = readonly [frame: number, put: (page: bigint) => void]

export class StateRestorer {
  readonly #setup: Setup
  readonly #key: KeyReader
  /** Used again for every state, so that little is made anew. */
  #live: Live
  #spares = new Map<Lpid, Svm>()
  /** The frame that stands for each number of the key, from 1 on. */
  readonly #frames: number[] = []
  #waiting: Waiting[] = []
  /** The sealed page that each frame waits for. */
  readonly #sealed: bigint[] = []
  readonly #seals = new Map<number, Seal & { readonly page: bigint }>()

  constructor(setup: Setup, key: KeyReader) {
    this.#setup = setup
    this.#key = key
    this.#live = new Live(setup)
  }

  /** The state alive; it is the same object each time, and what it was before is lost. */
  restore(bytes: Uint8Array): Live {
    const key = this.#key
    key.read(bytes)
    this.#renew()
    const live = this.#live
    this.#frames.length = 0
    this.#waiting.length = 0
    for (const name of BUDGET_NAMES) live.left[name] = key.next()
    const { pool } = live.host.devices
    const used = key.next()
    for (let pfn = 0; used >> pfn > 0; pfn++) if ((used >> pfn) & 1) pool.take(pfn)
    this.#notes()
    for (let at = 0; at < live.vms.length; at++) this.#vm(live.vms[at] as LiveVm, at)
    for (const [frame, put] of this.#waiting) put(this.#sealed[frame] ?? JUNK)
    for (const vm of live.vms) {
      for (let i = 0; i <= vm.cpus.length; i++) invariant(key.next() === 0, 'no call is under way')
    }
    for (const frame of this.#frames) if (key.next() === 0) live.host.ram.free(asFrame(frame))
    return live
  }

  /** The world that was alive is broken: the next one is made anew. */
  forget(): void {
    this.#live = new Live(this.#setup)
    this.#spares.clear()
  }

  /** An empty world, whose frames are handed out from the first on again. */
  #renew(): void {
    const { host, vms } = this.#live
    const { ram } = host
    for (let n = 1; n < ram.next; n++) if (ram.has(asFrame(n))) ram.free(asFrame(n))
    ram.restore({ next: 1 })
    for (let pfn = 0; pfn < host.devices.pool.size; pfn++) {
      if (host.devices.isUsed(asDevicePfn(pfn))) host.devices.free(asDevicePfn(pfn))
    }
    const { devices } = host
    // Promises of calls that were under way when this world was left.
    while (devices.available < devices.pool.size - devices.pool.taken) devices.release()
    for (const vm of vms) {
      vm.host = undefined
      vm.cpus.fill(undefined)
      vm.cut = false
      vm.spoiled = false
    }
    this.#live.broken = []
  }

  #notes(): void {
    const count = this.#key.next()
    for (let i = 0; i < count; i++) {
      const pfn = asDevicePfn(this.#key.next())
      const bits = this.#key.next()
      const gfn = this.#setup.gfns[(bits >> 2) - 1]
      this.#live.host.devices.setNote(pfn, {
        skipPageOut: (bits & 1) !== 0,
        removeGfn: (bits & 2) !== 0,
        ...(gfn === undefined ? {} : { gpa: asGpa(gpaOf(gfn)) }),
      })
    }
  }

  #vm(vm: LiveVm, at: number): void {
    const bits = this.#key.next()
    vm.cut = (bits & 2) !== 0
    invariant((bits & 25) === 1, 'a VM without fault')
    const made = this.#newVm(vm.lpid)
    made.secureGuest = (bits >> 5) & 3
    vm.spoiled = bits >= 128
    this.#hostSide(made)
    if ((bits & 4) !== 0) this.#guestSide(vm.lpid, at * this.#setup.gfns.length)
    else this.#live.uv.svms.delete(vm.lpid)
    this.#memory(vm.lpid)
  }

  /**
   * In place of the VM of before. A map that is cleared leaves its old table behind, and that keeps
   * alive what was in it until the next full collection: most of the time went there.
   */
  #newVm(lpid: Lpid): Vm {
    const vm = newVm(lpid, true, true)
    const pages = this.#setup.world.frames
    vm.slots.add({ id: SLOT_ID, base: asGfn(FIRST_GFN), pages, region: newRegion(SLOT_ID, pages) })
    this.#live.host.vms.set(lpid, vm)
    return vm
  }

  #hostSide(vm: Vm): void {
    const hasHot = this.#key.next() === 1
    this.#region(vm, present(vm.slots.get(SLOT_ID), 'slot 0').region)
    if (hasHot) {
      const pages = this.#setup.world.hotFrames
      const region = newRegion(HOT_ID, pages)
      vm.slots.add({ id: HOT_ID, base: asGfn(HOT_GFN), pages, region })
      this.#region(vm, region)
    }
    this.#uvmemSlots(vm)
    invariant(this.#key.next() === 0, 'no mapping has outlived its slot')
  }

  #region(vm: Vm, { ptes, swap, pages }: Region): void {
    const key = this.#key
    const { ram } = this.#live.host
    for (let i = 0; i < pages; i++) {
      const pte = key.next()
      if (pte >= DEVICE) ptes.set(i, devicePte(asDevicePfn(pte - DEVICE)))
      else if (pte > 0) {
        const frame = asFrame(this.#frame(pte, vm.lpid))
        ptes.set(i, frame)
        this.#content(key.next(), (page) => ram.write(frame, page))
      }
      if (key.next() === 1) this.#content(key.next(), (page) => swap.set(i, page))
    }
  }

  /** The key lists the newest first; the oldest must be added first. */
  #uvmemSlots(vm: Vm): void {
    const key = this.#key
    const { frames, hotFrames } = this.#setup.world
    const slots: { isHot: boolean; words: number[] }[] = []
    for (let left = key.next(); left > 0; left--) {
      const isHot = key.next() === 1
      const words = Array.from({ length: isHot ? hotFrames : frames }, () => key.next())
      slots.push({ isHot, words })
    }
    for (const { isHot, words } of slots.reverse()) {
      const slot = vm.uvmem.add(asGfn(isHot ? HOT_GFN : FIRST_GFN), words.length)
      for (const [i, word] of words.entries()) {
        if (word === 0) continue
        slot.words.set(i, word >= DEVICE ? secureWord(asDevicePfn(word - DEVICE)) : word)
      }
    }
  }

  #guestSide(lpid: Lpid, first: number): void {
    const bits = this.#key.next()
    const svm = this.#spare(lpid, (bits & 8) !== 0)
    const { world, gfns } = this.#setup
    svm.state = (bits >> 5) as SvmState
    if ((bits & 1) !== 0) {
      svm.slots.put({ id: SLOT_ID, base: asGfn(FIRST_GFN), count: world.frames, units: 1 })
    }
    if ((bits & 2) !== 0) {
      svm.slots.put({ id: HOT_ID, base: asGfn(HOT_GFN), count: world.hotFrames, units: 1 })
    }
    if ((bits & 4) !== 0) svm.abortReason = 'given up'
    if ((bits & 8) === 0) svm.pages.freeRoot()
    else if ((bits & 16) !== 0) svm.pages.tableOf(0)
    else svm.pages.tables.delete(0)
    for (const [i, gfn] of gfns.entries()) this.#guestFrame(svm, gfn, first + i)
    this.#live.uv.svms.set(lpid, svm)
  }

  /** An SVM as new: one that was used before, where that can be told apart by nobody. */
  #spare(lpid: Lpid, hasRoot: boolean): Svm {
    const old = this.#spares.get(lpid)
    const isUsable = old?.pages.hasRoot === true && hasRoot
    if (old === undefined || !isUsable) {
      const fresh = newSvm(lpid, 'tag')
      this.#spares.set(lpid, fresh)
      return fresh
    }
    old.slots.remove(SLOT_ID)
    old.slots.remove(HOT_ID)
    old.key = undefined
    old.callsInFlight = 0
    old.abortReason = undefined
    old.fault = undefined
    old.gone = false
    return old
  }

  #guestFrame(svm: Svm, gfn: Gfn, number: number): void {
    const key = this.#key
    const packed = key.next()
    const state = packed & 15
    const noteKind = packed >> 4
    invariant(isFrameState(state), 'a frame state')
    if (state === FrameState.Secure) svm.frames.forget(gfn)
    else {
      svm.frames.setState(gfn, state)
      if (svm.frames.note(gfn) !== Note.None) svm.frames.setNote(gfn, Note.None)
    }
    if (noteKind === -Note.OwnPage) svm.frames.setNote(gfn, Note.OwnPage)
    if (noteKind === 0) {
      const noted = key.next()
      if (noted > 0) svm.frames.setNote(gfn, this.#frame(noted, svm.lpid) * 65_536)
    }
    const low = key.next()
    const isHv = (low & 1) !== 0 && (low & 24) === 0
    const entry = isHv ? this.#frame(key.next(), svm.lpid) * 65_536 + low : low
    if (svm.pages.hasRoot && svm.pages.peek(gfn) !== entry) svm.pages.set(gfn, entry)
    const code = key.next()
    if (noteKind === -Note.Seal && state === FrameState.PagedOut) {
      svm.contents.set(gfn, null)
      this.#seal(svm, gfn, number, code)
    } else this.#content(code, (page) => svm.contents.set(gfn, page))
  }

  #seal(svm: Svm, gfn: Gfn, number: number, code: number): void {
    const at = number * 256 + code
    let seal = this.#seals.get(at)
    if (seal === undefined) {
      const made = sealOf(number + 1, code, svm.lpid, gfn)
      seal = { ...made, page: cipherOf(number + 1, code, svm.lpid, gfn) }
      this.#seals.set(at, seal)
    }
    svm.frames.setSeal(gfn, seal.iv, seal.tag)
    svm.key ??= { key: KEY, fixed: FIXED, counter: FIRST_IV }
    this.#sealed[number] = seal.page
  }

  #memory(lpid: Lpid): void {
    const { filled, gfns, contents } = this.#setup
    const memory = new GuestMemory(lpid, this.#live.memories.get(lpid)?.boot)
    this.#live.memories.set(lpid, memory)
    if (memory.boot.size === 0) {
      for (const gfn of filled) memory.boot.set(gfn, contentOf(Writer.Boot, lpid, gfn))
    }
    for (const gfn of gfns) {
      const code = this.#key.next()
      const bits = this.#key.next()
      if (code !== ZEROS) memory.expected.set(gfn, contents.tagOf(code))
      if ((bits & 1) !== 0) memory.tampered.add(gfn)
      if ((bits & 2) !== 0) memory.shared.add(gfn)
    }
  }

  /** Frames are numbered in the order in which the key names them first. */
  #frame(n: number, lpid: Lpid): number {
    const known = this.#frames[n - 1]
    if (known !== undefined) return known
    invariant(n === this.#frames.length + 1, 'frames are numbered in the order of the key')
    const frame = present(this.#live.host.ram.allocate(lpid), 'a frame')
    this.#frames.push(frame)
    return frame
  }

  #content(code: number, put: (page: bigint | null) => void): void {
    if (code === ZEROS) put(null)
    else if (code === STALE) put(JUNK)
    else if (code >= FRESH) this.#waiting.push([code - FRESH, put])
    else put(this.#setup.contents.tagOf(code))
  }
}
