/**
 * Back to SECURE, from whatever state.
 *
 * Source: svm_secure_gfn() of svm_host.h. A frame's record names the page that it had before it was
 * shared; once the HV has given its frame, the record names that frame instead.
 */
import { asRa, type Gfn } from '../abi/page.ts'
import { FRAME_STATES } from './frame-state.ts'
import { Note } from './frame-table.ts'
import { hvEntry, hvFrameOf, isMapped, isOwn, isWild, OWN_PRESENT, Pte } from './page-table.ts'
import type { UvProfile } from './profile.ts'
import type { Svm } from './svm.ts'

/** Makes a frame SECURE and maps its secure page where it was not mapped. */
export function secureFrame(profile: UvProfile, svm: Svm, gfn: Gfn): void {
  if (FRAME_STATES[svm.frames.state(gfn)].keepsMapping !== true) {
    // DIFF: profile `firmware` maps whatever the record names, even a frame of the HV.
    const note = profile.securesNotedFrame ? svm.frames.note(gfn) : Note.OwnPage
    if (note !== Note.None) svm.pages.set(gfn, entryOf(note))
  }
  svm.frames.forget(gfn)
}

/** What the page table maps now, as a note; `Note.None` when it maps nothing. */
export function noteOfEntry(entry: number): number {
  if (!isMapped(entry)) return Note.None
  if (isOwn(entry)) return Note.OwnPage
  return isWild(entry) ? Note.Seal : (hvFrameOf(entry) ?? Note.None)
}

function entryOf(note: number): number {
  if (note === Note.OwnPage) return OWN_PRESENT
  if (note === Note.Seal) return Pte.Valid | Pte.Present | Pte.Wild
  return hvEntry(asRa(note), Pte.Present)
}
