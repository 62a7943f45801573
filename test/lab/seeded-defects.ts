/**
 * Small wrong variants of both sides, as data: a profile switch that is set wrongly, or a test
 * double, and the world in which the checker must find it.
 */
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import type { HvProfile } from '../../src/uvmem/profile.ts'
import type { DOUBLES } from './doubles.ts'

export interface SeededDefect {
  readonly name: string
  readonly hv?: Partial<HvProfile>
  readonly uv?: Partial<UvProfile>
  /** Name of a double. */
  readonly double?: keyof typeof DOUBLES
  /** The small world that shows it. */
  readonly world: string
  /** The invariant that breaks first. */
  readonly breaks: string
}

const hv = (
  name: string,
  patch: Partial<HvProfile>,
  world: string,
  breaks: string,
): SeededDefect => ({ name, hv: patch, world, breaks })

const uv = (
  name: string,
  patch: Partial<UvProfile>,
  world: string,
  breaks: string,
): SeededDefect => ({ name, uv: patch, world, breaks })

const double = (name: keyof typeof DOUBLES, world: string, breaks: string): SeededDefect => ({
  name: String(name),
  double: name,
  world,
  breaks,
})

export const SEEDED_DEFECTS: readonly SeededDefect[] = [
  double('the cipher takes any page', 'thread', 'I4'),
  double('the cipher leaves pages in clear', 'thread', 'I5'),
  double('the cipher never opens a page', 'thread', 'I4'),
  double('UV_PAGE_INVAL is ignored', 'swap', 'I4'),
  double('UV_PAGE_IN is ignored', 'thread', 'I4'),
  double('UV_PAGE_OUT is ignored', 'thread', 'I2'),
  double('UV_SVM_TERMINATE is ignored', 'thread', 'I7'),
  double('UV_REGISTER_MEM_SLOT is ignored', 'thread', 'I7'),
  double('H_SVM_PAGE_IN is skipped', 'thread', 'I2'),
  double('H_SVM_INIT_START is skipped', 'thread', 'I7'),
  double('H_SVM_INIT_DONE is skipped', 'thread', 'I2'),
  double('the order of H_SVM_INIT_DONE and its work is swapped', 'thread', 'I7'),
  double('H_SVM_PAGE_IN forgets to mark the frame', 'thread', 'I7'),
  double('H_SVM_PAGE_IN gives its PFN back', 'thread', 'FAULT'),
  double('H_SVM_INIT_DONE forgets the last frame', 'thread', 'I1'),
  double('shares are taken for page-ins', 'rtas', 'I7'),
  double('the ultravisor does not zero what is shared', 'thread', 'I4'),
  hv('a refused hot-added slot stays', { hotplugUndone: false }, 'hotplug-refused', 'I1'),
  hv('a flush of a slot that stays drops its pages', { flushDrops: true }, 'thread', 'I1'),
  hv('a refused page-in keeps its PFN', { undoesPageIn: false }, 'hotplug-refused', 'I6'),
  hv('a reset keeps the uvmem slots', { freesUvmemSlots: false }, 'default', 'I7'),
  hv('a refused share drops the page', { shareKeepsUntilAgreed: false }, 'default', 'I2'),
  hv('a reclaimed secure page is dropped', { unmapPagesOut: false }, 'swap', 'I2'),
  hv('a page-in does not read swap', { pageInReadsSwap: false }, 'swap', 'I7'),
  hv('shared frames have no state', { tracksShared: false }, 'rtas', 'I2'),
  hv('paged-out frames have no state', { tracksPagedOut: false }, 'thread', 'I2'),
  hv('INIT_DONE secures nothing', { doneSecures: 'nothing' }, 'thread', 'I1'),
  hv('INIT_DONE offers the rest', { doneSecures: 'by-ultracall' }, 'hotplug', 'I1'),
  hv('hotplug is not told', { hotplug: 'untold' }, 'hotplug', 'I1'),
  hv('hotplug does not secure', { hotplug: 'registered' }, 'hotplug', 'I1'),
  hv('a refused UV_PAGE_IN is ignored', { failsOnUcall: false }, 'hotplug-refused', 'I2'),
  uv(
    'ciphertext is taken for content before the switch is done',
    { copiesCiphertextWhileActive: true },
    'rtas',
    'I4',
  ),
  uv('the last slot takes the page table away', { releasesTableRoughly: true }, 'thread', 'FAULT'),
  uv('a failed share loses IV and tag', { dropsSeal: true }, 'default', 'I2'),
  uv('an invalidated frame is not forgotten', { keepsInvalidatedFrame: true }, 'swap', 'I4'),
  uv('a half-made SVM is kept', { keepsHalfMadeSvm: true }, 'hotplug-refused', 'I7'),
]
