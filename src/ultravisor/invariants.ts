/**
 * What must hold of the ultravisor's state at any time.
 *
 * Profile `firmware` breaks some of it, by its defects: a broken rule is a finding there, and our
 * own mistake with profile `spec`.
 */
import { asGfn, type Gfn } from '../abi/page.ts'
import { FRAME_STATES, FrameState, isTransient } from './frame-state.ts'
import { Note } from './frame-table.ts'
import { hvFrameOf, isMapped, isOwn, isPresent, isSoftShared } from './page-table.ts'
import { type Svm, SvmState } from './svm.ts'
import type { Ultravisor } from './ultravisor.ts'

export type UvRule =
  /** What is available, reserved by slots and used by tracking is the whole budget. */
  | 'budget'
  /** Slots are sorted by descending base and do not overlap. */
  | 'slots'
  /** The units of the slots are the units reserved. */
  | 'slot-units'
  /** A frame with a record lies in a slot. */
  | 'frame-in-slot'
  /** A frame is between two states only while a call of its guest is under way. */
  | 'transient-at-rest'
  /** A paged-out frame has IV and tag, is not mapped, and its SVM has a key. */
  | 'paged-out'
  /** A shared frame is mapped to the HV's frame, with the soft-shared bit. */
  | 'shared'
  /** A frame without its page, or that the guest must not touch, is not present. */
  | 'not-present'
  /** A secure frame is mapped to its own page, never to one of the HV's. */
  | 'secure-page'
  /** Only a guest that turns secure tracks page-ins. */
  | 'tracking'

export interface UvViolation {
  readonly rule: UvRule
  readonly lpid?: number
  readonly gfn?: number
  readonly detail: string
}

/**
 * Looks at everything. The cost is that of the frames with a record and of the chunks with a table;
 * frames that nobody has touched need no look.
 */
export function violationsOf(uv: Ultravisor): UvViolation[] {
  const found: UvViolation[] = []
  let used = uv.availableUnits
  for (const svm of uv.svms.values()) {
    used += svm.reservedUnits + (svm.tracking === undefined ? 0 : 1)
    if (svm.fault === undefined) checkSvm(svm, found)
  }
  if (used !== uv.secureUnits) {
    found.push({ rule: 'budget', detail: `${used} units of ${uv.secureUnits}` })
  }
  return found
}

function checkSvm(svm: Svm, found: UvViolation[]): void {
  const { lpid } = svm
  checkSlots(svm, found)
  if (svm.tracking !== undefined && svm.state !== SvmState.Active) {
    found.push({ rule: 'tracking', lpid, detail: `SVM state ${svm.state}` })
  }
  for (const gfn of svm.frames.tracked()) checkFrame(svm, gfn, found)
  checkSecurePages(svm, found)
}

function checkSlots(svm: Svm, found: UvViolation[]): void {
  const slots = svm.slots.all()
  const { lpid } = svm
  for (const [i, slot] of slots.entries()) {
    const above = slots[i - 1]
    if (above !== undefined && slot.base + slot.count > above.base) {
      found.push({ rule: 'slots', lpid, detail: `slots ${slot.id} and ${above.id}` })
    }
  }
  const units = slots.reduce((sum, slot) => sum + slot.units, 0)
  if (units !== svm.reservedUnits) {
    found.push({ rule: 'slot-units', lpid, detail: `${units}, reserved ${svm.reservedUnits}` })
  }
}

function checkFrame(svm: Svm, gfn: Gfn, found: UvViolation[]): void {
  const state = svm.frames.state(gfn)
  const entry = svm.pages.peek(gfn)
  const tell = (rule: UvRule): void => {
    found.push({ rule, lpid: svm.lpid, gfn, detail: FRAME_STATES[state].name })
  }
  if (svm.slots.find(gfn) === undefined) tell('frame-in-slot')
  if (isTransient(state) && svm.callsInFlight === 0) tell('transient-at-rest')
  if (state === FrameState.PagedOut) {
    const sealed = svm.frames.note(gfn) === Note.Seal && svm.key !== undefined
    if (!sealed || isPresent(entry)) tell('paged-out')
  }
  const onHvFrame = hvFrameOf(entry) !== undefined && isSoftShared(entry)
  if (state === FrameState.Shared && !(onHvFrame && isPresent(entry))) tell('shared')
  if (state === FrameState.SharedImplicit && !onHvFrame) tell('shared')
  if (MUST_FAULT.has(state) && isPresent(entry)) tell('not-present')
}

const MUST_FAULT: ReadonlySet<FrameState> = new Set([
  FrameState.SharedInv,
  FrameState.SharedImplicit,
  FrameState.SharedImplicitInv,
])

/**
 * Frames without a record are looked at where a table exists: elsewhere one entry maps them all.
 */
function checkSecurePages(svm: Svm, found: UvViolation[]): void {
  const { lpid } = svm
  if (!svm.pages.hasRoot && svm.slots.size > 0) {
    found.push({ rule: 'secure-page', lpid, detail: 'the page table is gone' })
  }
  for (const [chunk, table] of svm.pages.tables) {
    for (const [i, entry] of table.entries()) {
      const gfn = asGfn(chunk * table.length + i)
      if (svm.slots.find(gfn) === undefined) continue
      const state = svm.frames.state(gfn)
      const ownsPage = FRAME_STATES[state].keepsMapping === true
      if (!ownsPage || (isMapped(entry) && isOwn(entry))) continue
      found.push({ rule: 'secure-page', lpid, gfn, detail: FRAME_STATES[state].name })
    }
  }
}
