/**
 * The invariants I1 to I8 of the lab, over both sides at once.
 *
 * They hold whenever no call of the VM is under way. I7 is asked for after a reset; the others at any
 * time. Each is read as far as the hypervisor's profile can know it: a kernel that keeps no state for
 * shared or paged-out frames holds them for normal, and is not blamed for that.
 */
import { asFrame, type Gfn, gfnAt, type Lpid, type Page } from '../abi/page.ts'
import { FRAME_STATES, isShared, FrameState as UvState } from '../ultravisor/frame-state.ts'
import { openPage } from '../ultravisor/page-crypto.ts'
import { hvFrameOf, isOwn } from '../ultravisor/page-table.ts'
import { type Svm, SvmState } from '../ultravisor/svm.ts'
import type { Ultravisor } from '../ultravisor/ultravisor.ts'
import { FrameState, pfnOfWord, stateOfWord } from '../uvmem/frame-state.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import { stateWordAt } from '../uvmem/mapping.ts'
import { isDevicePte, isFramePte, type MemSlot, pfnOfPte } from '../uvmem/mem-slots.ts'
import { SECURE_INIT_DONE } from '../uvmem/vm-state.ts'
import { agrees } from './agreement.ts'
import { samePage, Writer, writtenFor } from './content.ts'
import type { GuestMemory } from './guest-memory.ts'

/** What each invariant says; `FAULT` stands for a kernel or firmware that would hang or crash. */
export const INVARIANTS = {
  I1: 'no stray normal GFN',
  I2: 'agreement',
  I3: 'secrecy',
  I4: 'integrity',
  I5: 'freshness',
  I6: 'conservation',
  I7: 'reboot',
  I8: 'tamper',
  FAULT: 'nobody hangs or crashes',
} as const
export type InvariantId = keyof typeof INVARIANTS

/** One place where an invariant does not hold. */
export interface Broken {
  readonly id: InvariantId
  readonly lpid?: Lpid
  readonly gfn?: Gfn
  readonly what: string
}

export interface Sides {
  /** VMs whose ultravisor is gone: nobody is left to agree with. */
  readonly cut?: ReadonlySet<Lpid>
  readonly host: Host
  readonly uv: Ultravisor
  readonly memories: ReadonlyMap<Lpid, GuestMemory>
}

type Tell = (id: InvariantId, gfn: Gfn | undefined, what: string) => void

/**
 * What does not hold, by VM and GFN. `isAtRest` says which VMs have no call under way, `isNew` which
 * ones have changed since they were looked at last: what both sides hold of the others, and what they
 * have to hold, is what it was then, so that it is not looked at again.
 */
export function brokenOf(
  sides: Sides,
  isAtRest: (lpid: Lpid) => boolean = () => true,
  isNew: (lpid: Lpid) => boolean = () => true,
): Broken[] {
  const found: Broken[] = []
  let resting = true
  for (const vm of sides.host.vms.values()) {
    const tell: Tell = (id, gfn, what) =>
      found.push({ id, lpid: vm.lpid, what, ...(gfn === undefined ? {} : { gfn }) })
    const svm = sides.uv.svms.get(vm.lpid)
    if (isFaulty(vm, svm, tell)) continue
    const hasChanged = isNew(vm.lpid)
    if (hasChanged) checkSecrecy(sides, vm, tell)
    if (!isAtRest(vm.lpid)) {
      resting = false
      continue
    }
    if (hasChanged && sides.cut?.has(vm.lpid) !== true) checkVm(sides, vm, svm, tell)
  }
  if (resting) checkPool(sides.host, found)
  return found
}

/** I7: what a VM must look like after a reset that succeeded. */
export function brokenByReset({ host, uv }: Sides, lpid: Lpid): Broken[] {
  const vm = host.vms.get(lpid)
  if (vm === undefined || vm.fault !== undefined) return []
  const found: Broken[] = []
  if (uv.svms.has(lpid)) found.push({ id: 'I7', lpid, what: 'the ultravisor still has the SVM' })
  for (const slot of vm.slots) {
    for (let i = 0; i < slot.pages; i++) {
      const gfn = gfnAt(slot.base, i)
      const state = stateOfWord(stateWordAt(vm, gfn))
      if (state !== FrameState.Normal) {
        found.push({ id: 'I7', lpid, gfn, what: `the GFN is still ${state} after the reset` })
      }
    }
  }
  return found
}

function isFaulty(vm: Vm, svm: Svm | undefined, tell: Tell): boolean {
  if (vm.fault !== undefined) tell('FAULT', undefined, `host: ${vm.fault.kind} ${vm.fault.message}`)
  const fault = svm?.fault
  if (fault !== undefined) tell('FAULT', undefined, `ultravisor: ${fault.kind} ${fault.message}`)
  return vm.fault !== undefined || fault !== undefined
}

/** I3: no page that the host can read holds what a guest wrote to a secure page. */
function checkSecrecy(sides: Sides, vm: Vm, tell: Tell): void {
  for (const slot of vm.slots) {
    for (let i = 0; i < slot.pages; i++) {
      if (!isWrittenBy(sides, Writer.GuestSecret, hostPage(sides.host, slot, i))) continue
      tell('I3', gfnAt(slot.base, i), 'the host can read what the guest wrote to a secure page')
    }
  }
}

/** Ciphertext that begins as a tag does by chance names a guest that never was. */
function isWrittenBy({ host, memories }: Sides, writer: Writer, page: Page): boolean {
  const lpid = writtenFor(writer, page)
  return lpid !== undefined && (host.vms.has(lpid) || memories.has(lpid))
}

/** What the host would find behind a page: its frame, or what it swapped out. */
function hostPage(host: Host, { region }: MemSlot, index: number): Page {
  const pte = region.ptes.get(index)
  if (isFramePte(pte)) return host.ram.read(asFrame(pte))
  return region.swap.get(index) ?? null
}

function checkVm(sides: Sides, vm: Vm, svm: Svm | undefined, tell: Tell): void {
  const done = (vm.secureGuest & SECURE_INIT_DONE) !== 0
  const secure = svm?.state === SvmState.Secure
  // An SVM that its ultravisor has given up waits to be reset: there is nothing to agree on.
  if (svm?.state === SvmState.Abort || svm?.abortReason !== undefined) return
  if (done !== secure) {
    const hv = done ? 'is secure' : 'is not secure'
    tell('I2', undefined, `the hypervisor says the VM ${hv}, the ultravisor the opposite`)
    return
  }
  if (svm === undefined || !secure) return
  for (const slot of vm.slots) {
    for (let i = 0; i < slot.pages; i++) checkFrame(sides, vm, svm, slot, i, tell)
  }
}

function checkFrame(
  sides: Sides,
  vm: Vm,
  svm: Svm,
  slot: MemSlot,
  index: number,
  tell: Tell,
): void {
  const gfn = gfnAt(slot.base, index)
  const hv = stateOfWord(stateWordAt(vm, gfn))
  const uv = svm.frames.state(gfn)
  if (!agrees(sides.host.profile, hv, uv)) {
    const stray = hv === FrameState.Normal
    const uvName = FRAME_STATES[uv].name
    tell(stray ? 'I1' : 'I2', gfn, `${hv} at the hypervisor, ${uvName} at the ultravisor`)
    if (stray) tell('I2', gfn, `${hv} at the hypervisor, ${uvName} at the ultravisor`)
  }
  const held = hostPage(sides.host, slot, index)
  if (isWrittenBy(sides, Writer.Boot, held) && !isShared(uv)) {
    tell('I5', gfn, 'the host reads clear text from before the switch')
  }
  const memory = sides.memories.get(vm.lpid)
  if (memory !== undefined) checkContent(sides, memory, svm, slot, index, held, tell)
}

/** I4 and I8: the page can still be read as what it must hold, or not at all once tampered with. */
function checkContent(
  { uv }: Sides,
  memory: GuestMemory,
  svm: Svm,
  slot: MemSlot,
  index: number,
  held: Page,
  tell: Tell,
): void {
  const gfn = gfnAt(slot.base, index)
  const state = svm.frames.state(gfn)
  const expected = memory.expected.get(gfn) ?? null
  const tampered = memory.tampered.has(gfn)
  const entry = svm.pages.peek(gfn)
  if (state === UvState.PagedOut) {
    const seal = svm.frames.seal(gfn)
    const opened = seal === undefined ? undefined : openPage(uv, svm, gfn, held, seal)
    if (tampered && opened !== undefined && !samePage(opened.page, expected)) {
      tell('I8', gfn, 'a page that the host changed would be accepted')
    } else if (!tampered && (opened === undefined || !samePage(opened.page, expected))) {
      tell('I4', gfn, 'nobody holds the ciphertext of this page any more: its content is lost')
    }
    return
  }
  if (isOwn(entry)) {
    if (samePage(svm.contents.get(gfn), expected)) return
    tell(tampered ? 'I8' : 'I4', gfn, 'the guest reads something else than it last wrote')
    return
  }
  const frame = hvFrameOf(entry)
  if (state !== UvState.Shared && state !== UvState.SharedInv) return
  const pte = slot.region.ptes.get(index)
  if (state === UvState.Shared && frame !== pte * 65_536) {
    tell('I4', gfn, 'the guest and the host use different frames for a shared page')
  } else if (!samePage(held, expected)) tell('I4', gfn, 'a shared page lost what was written to it')
}

/** I6: PFNs in use are those of secure frames, over all VMs; none is used twice. */
function checkPool(host: Host, found: Broken[]): void {
  const seen = new Set<number>()
  for (const vm of host.vms.values()) {
    if (vm.fault !== undefined) return
    for (const slot of vm.slots) {
      for (let i = 0; i < slot.pages; i++) checkPfn(vm, slot, i, seen, found)
    }
  }
  const { taken } = host.devices.pool
  if (taken > seen.size) {
    found.push({ id: 'I6', what: `${taken - seen.size} device pages are in use by no frame` })
  }
}

function checkPfn(vm: Vm, slot: MemSlot, index: number, seen: Set<number>, found: Broken[]): void {
  const gfn = gfnAt(slot.base, index)
  const tell = (what: string): void => {
    found.push({ id: 'I6', lpid: vm.lpid, gfn, what })
  }
  const word = stateWordAt(vm, gfn)
  const pte = slot.region.ptes.get(index)
  const marked = stateOfWord(word) === FrameState.Secure
  if (isDevicePte(pte)) {
    const pfn = pfnOfPte(pte)
    if (seen.has(pfn)) tell(`device page ${pfn} backs two frames`)
    seen.add(pfn)
    if (!marked) tell(`device page ${pfn} backs a frame that is not secure`)
    else if (pfnOfWord(word) !== pfn) tell('the state names another device page than the mapping')
  } else if (marked) tell('secure, but no device page is mapped there')
}
