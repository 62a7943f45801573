/**
 * Small wrong variants of both sides, as data: a profile switch that is set wrongly, a test double,
 * or a lock that is not held, and who finds it (finders.ts).
 */
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import type { HvProfile } from '../../src/uvmem/profile.ts'
import type { DOUBLES } from './doubles.ts'
import type { LOOSE_LOCKS } from './loose-locks.ts'

/** The small world that shows it to the checker, and the invariant that breaks there first. */
type InWorld = readonly [world: string, breaks: string]
type Finder = 'recordings' | 'random tests'

export interface SeededDefect {
  readonly name: string
  readonly hv?: Partial<HvProfile>
  readonly uv?: Partial<UvProfile>
  /** Name of a double. */
  readonly double?: keyof typeof DOUBLES
  /** Name of a lock that is not held. */
  readonly lock?: keyof typeof LOOSE_LOCKS
  /** Undefined: the checker does not find it, or cannot be shown it. */
  readonly checker: InWorld | undefined
  /** Who else finds it; whoever is not named does not. */
  readonly foundBy: readonly Finder[]
}

const hv = (
  name: string,
  patch: Partial<HvProfile>,
  checker: InWorld,
  foundBy: readonly Finder[],
): SeededDefect => ({ name, hv: patch, checker, foundBy })

const uv = (
  name: string,
  patch: Partial<UvProfile>,
  checker: InWorld,
  foundBy: readonly Finder[],
): SeededDefect => ({ name, uv: patch, checker, foundBy })

const double = (
  name: keyof typeof DOUBLES,
  checker: InWorld | undefined,
  foundBy: readonly Finder[],
): SeededDefect => ({ name: String(name), double: name, checker, foundBy })

export const SEEDED_DEFECTS: readonly SeededDefect[] = [
  double('the cipher takes any page', ['thread', 'I4'], []),
  double('the cipher leaves pages in clear', ['thread', 'I5'], []),
  double('the cipher never opens a page', ['thread', 'I4'], []),
  double('UV_PAGE_INVAL is ignored', ['swap', 'I4'], ['recordings']),
  double('UV_PAGE_IN is ignored', ['thread', 'I4'], ['recordings']),
  double('UV_PAGE_OUT is ignored', ['thread', 'I2'], ['recordings']),
  double('UV_SVM_TERMINATE is ignored', ['thread', 'I7'], ['recordings']),
  double('UV_REGISTER_MEM_SLOT is ignored', ['thread', 'I7'], ['recordings']),
  double('H_SVM_PAGE_IN is skipped', ['thread', 'I2'], ['recordings']),
  double('H_SVM_INIT_START is skipped', ['thread', 'I7'], ['recordings']),
  double('H_SVM_INIT_DONE is skipped', ['thread', 'I2'], ['recordings']),
  double(
    'the order of H_SVM_INIT_DONE and its work is swapped',
    ['thread', 'I7'],
    ['recordings', 'random tests'],
  ),
  double(
    'H_SVM_PAGE_IN forgets to mark the frame',
    ['thread', 'I7'],
    ['recordings', 'random tests'],
  ),
  double('H_SVM_PAGE_IN gives its PFN back', ['thread', 'FAULT'], ['recordings', 'random tests']),
  double(
    'H_SVM_INIT_DONE forgets the last frame',
    ['thread', 'I1'],
    ['recordings', 'random tests'],
  ),
  double('shares are taken for page-ins', ['rtas', 'I7'], ['recordings']),
  double('the ultravisor does not zero what is shared', ['thread', 'I4'], []),
  hv('a refused hot-added slot stays', { hotplugUndone: false }, ['hotplug-refused', 'I1'], []),
  hv('a flush of a slot that stays drops its pages', { flushDrops: true }, ['thread', 'I1'], []),
  hv(
    'a refused page-in keeps its PFN',
    { undoesPageIn: false },
    ['hotplug-refused', 'I6'],
    ['random tests'],
  ),
  hv(
    'a reset keeps the uvmem slots',
    { freesUvmemSlots: false },
    ['default', 'I7'],
    ['random tests'],
  ),
  hv('a refused share drops the page', { shareKeepsUntilAgreed: false }, ['default', 'I2'], []),
  hv('a reclaimed secure page is dropped', { unmapPagesOut: false }, ['swap', 'I2'], []),
  hv('a page-in does not read swap', { pageInReadsSwap: false }, ['swap', 'I7'], []),
  hv(
    'shared frames have no state',
    { tracksShared: false },
    ['rtas', 'I2'],
    ['recordings', 'random tests'],
  ),
  hv(
    'paged-out frames have no state',
    { tracksPagedOut: false },
    ['thread', 'I2'],
    ['recordings', 'random tests'],
  ),
  hv('INIT_DONE secures nothing', { doneSecures: 'nothing' }, ['thread', 'I1'], ['recordings']),
  hv(
    'INIT_DONE offers the rest',
    { doneSecures: 'by-ultracall' },
    ['hotplug', 'I1'],
    ['recordings'],
  ),
  hv('hotplug is not told', { hotplug: 'untold' }, ['hotplug', 'I1'], ['recordings']),
  hv('hotplug does not secure', { hotplug: 'registered' }, ['hotplug', 'I1'], ['recordings']),
  hv(
    'a refused UV_PAGE_IN is ignored',
    { failsOnUcall: false },
    ['hotplug-refused', 'I2'],
    ['recordings'],
  ),
  uv(
    'ciphertext is taken for content before the switch is done',
    { copiesCiphertextWhileActive: true },
    ['rtas', 'I4'],
    [],
  ),
  uv(
    'the last slot takes the page table away',
    { releasesTableRoughly: true },
    ['thread', 'FAULT'],
    ['random tests'],
  ),
  uv('a failed share loses IV and tag', { dropsSeal: true }, ['default', 'I2'], []),
  uv('an invalidated frame is not forgotten', { keepsInvalidatedFrame: true }, ['swap', 'I4'], []),
  uv('a half-made SVM is kept', { keepsHalfMadeSvm: true }, ['hotplug-refused', 'I7'], []),
  double(
    'H_SVM_PAGE_IN lets its VM go while it asks',
    ['thread', 'FAULT'],
    ['recordings', 'random tests'],
  ),
  double('a frame is let go in the middle of its share', ['thread', 'I2'], ['recordings']),
  double('page hypercalls look at their flags before their order', undefined, ['recordings']),
  double('UV_PAGE_OUT looks for the slot before the order', undefined, ['recordings']),
  double('H_SVM_INIT_ABORT says that all went well', undefined, ['recordings']),
  {
    name: 'two moves of one frame run at once',
    lock: 'two moves of one frame run at once',
    checker: undefined,
    foundBy: ['random tests'],
  },
  {
    name: 'a device page is taken while another one is about to come back',
    lock: 'a device page is taken while another one is about to come back',
    checker: undefined,
    foundBy: ['random tests'],
  },
  {
    name: 'a reset does not wait for the page moves before it',
    lock: 'a reset does not wait for the page moves before it',
    checker: undefined,
    foundBy: ['random tests'],
  },
]
