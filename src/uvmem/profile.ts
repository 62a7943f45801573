/**
 * What the hypervisor's versions do differently, as data: one record of switches for each.
 *
 * Sources: book3s_hv_uvmem.c of Linux 5.6, 5.7 and 5.9 on, and the linuxppc-dev thread "Migrate
 * non-migrated pages of a SVM" of June and July 2020, versions 1 to 3. The operations ask for a
 * switch, never for a profile's name, so that the effect of each can be studied alone.
 */

/** One hypervisor's behaviour. */
export interface HvProfile {
  /** H_SVM_INIT_START marks the VM before its checks, after them, or only when all has succeeded. */
  readonly startMarks: 'before-checks' | 'last'
  /** H_SVM_INIT_START answers with the last registration's code when that is positive. */
  readonly startAnswersRegistration: boolean
  /** H_SVM_INIT_START asks whether the VMM has switched secure guests on. */
  readonly checksSvmEnabled: boolean
  /** A failed H_SVM_INIT_START takes the earlier slots back: the right ones, the failing one again, or none. */
  readonly startRollback: 'earlier-slots' | 'failing-slot' | 'none'
  /** Page merging goes off for each page at H_SVM_PAGE_IN, or for a slot when it is registered. */
  readonly mergingOff: 'per-page' | 'per-slot'
  /** Shared frames have a state of their own. */
  readonly tracksShared: boolean
  /** Paged-out frames have a state of their own. */
  readonly tracksPagedOut: boolean
  /** H_SVM_INIT_DONE: leaves the rest alone, secures it without a call, or sends it to the ultravisor. */
  readonly doneSecures: 'nothing' | 'locally' | 'by-ultracall'
  /** A memory slot added or removed later is made known to the uvmem code. */
  readonly hotplug: 'untold' | 'registered' | 'secured'
  /** A hot-added slot that the ultravisor refuses gives its uvmem slot up. */
  readonly hotplugChecks: boolean
  /** A hot-added slot that cannot be registered or secured is not added at all. */
  readonly hotplugUndone: boolean
  /** H_SVM_INIT_DONE secures frames that no uvmem slot covers, too. */
  readonly securesUntracked: boolean
  /** A flushed slot's frames all become normal again, not only the secure ones. */
  readonly flushResets: boolean
  /** Flushing a slot: not done, by touching each secure page, or by migrating it. */
  readonly drops: 'never' | 'by-fault' | 'by-migration'
  /** A flush of a slot that stays (a dirty-log toggle) drops its secure pages as a removal does. */
  readonly flushDrops: boolean
  /** A failed UV_PAGE_IN fails H_SVM_PAGE_IN. */
  readonly failsOnUcall: boolean
  /** A failed UV_PAGE_IN gives the device PFN and the frame's state back. */
  readonly undoesPageIn: boolean
  /** H_SVM_INIT_ABORT exists. */
  readonly hasAbort: boolean
  /** KVM_PPC_SVM_OFF exists. */
  readonly hasSvmOff: boolean
  /** A device page can be migrated by a page-in (migrate_vma had no owner check before 5.8). */
  readonly migratesDevicePages: boolean
  /** Calls that the life table of a VM calls an error are refused with H_STATE. */
  readonly guardsVmLife: boolean
  /** A reset or abort frees the uvmem slots, a removal too; device pages that could not be moved go with them. */
  readonly freesUvmemSlots: boolean
  /** Sharing a secure frame forgets the device page only after the ultravisor has agreed. */
  readonly shareKeepsUntilAgreed: boolean
  /** The marks "skip page-out" and "remove" last for one drop only. */
  readonly dropMarksExpire: boolean
  /** The host may discard a secure frame's mapping only after a page-out. */
  readonly unmapPagesOut: boolean
  /** A host access to a device page that no uvmem slot tracks is refused instead of repeated for ever. */
  readonly detectsStaleMarks: boolean
  /** A page-in brings a reclaimed page back first, instead of failing on its swap entry. */
  readonly pageInReadsSwap: boolean
  /** Any answer of UV_REGISTER_MEM_SLOT but 0 is a failure. */
  readonly strictRegistration: boolean
}

const LINUX_6: HvProfile = {
  startMarks: 'before-checks',
  startAnswersRegistration: false,
  checksSvmEnabled: true,
  startRollback: 'failing-slot',
  mergingOff: 'per-slot',
  tracksShared: true,
  tracksPagedOut: true,
  doneSecures: 'locally',
  hotplug: 'secured',
  hotplugChecks: true,
  hotplugUndone: false,
  securesUntracked: false,
  flushResets: true,
  drops: 'by-migration',
  flushDrops: true,
  failsOnUcall: true,
  undoesPageIn: false,
  hasAbort: true,
  hasSvmOff: true,
  migratesDevicePages: false,
  guardsVmLife: false,
  freesUvmemSlots: false,
  shareKeepsUntilAgreed: false,
  dropMarksExpire: false,
  unmapPagesOut: false,
  detectsStaleMarks: false,
  pageInReadsSwap: false,
  strictRegistration: false,
}

const LINUX_5_6: HvProfile = {
  ...LINUX_6,
  startMarks: 'last',
  startAnswersRegistration: true,
  checksSvmEnabled: false,
  startRollback: 'none',
  mergingOff: 'per-page',
  tracksShared: false,
  tracksPagedOut: false,
  doneSecures: 'nothing',
  hotplug: 'untold',
  flushResets: false,
  drops: 'never',
  failsOnUcall: false,
  hasAbort: false,
  hasSvmOff: false,
  migratesDevicePages: true,
}

const LINUX_5_6_FINAL: HvProfile = {
  ...LINUX_5_6,
  checksSvmEnabled: true,
  hotplug: 'registered',
  hotplugChecks: false,
  drops: 'by-fault',
  hasAbort: true,
  hasSvmOff: true,
}

const SERIES_V1: HvProfile = {
  ...LINUX_5_6_FINAL,
  startMarks: 'before-checks',
  tracksShared: true,
  doneSecures: 'locally',
  hotplug: 'secured',
  securesUntracked: true,
  failsOnUcall: true,
  migratesDevicePages: false,
}

const SERIES_V2: HvProfile = { ...SERIES_V1, tracksPagedOut: true }

const SERIES_V3: HvProfile = { ...SERIES_V2, flushResets: true }

const SPEC: HvProfile = {
  ...LINUX_6,
  startMarks: 'last',
  startRollback: 'earlier-slots',
  undoesPageIn: true,
  guardsVmLife: true,
  freesUvmemSlots: true,
  shareKeepsUntilAgreed: true,
  dropMarksExpire: true,
  hotplugUndone: true,
  unmapPagesOut: true,
  flushDrops: false,
  detectsStaleMarks: true,
  pageInReadsSwap: true,
  strictRegistration: true,
}

const STATELESS: HvProfile = {
  ...SPEC,
  tracksShared: false,
  tracksPagedOut: false,
  doneSecures: 'by-ultracall',
}

/** Every profile by its name. */
export const HV_PROFILES = {
  'linux-5.6': LINUX_5_6,
  'linux-5.6-final': LINUX_5_6_FINAL,
  'series-v1': SERIES_V1,
  'series-v2': SERIES_V2,
  'series-v3': SERIES_V3,
  'linux-6': LINUX_6,
  spec: SPEC,
  stateless: STATELESS,
} as const satisfies Record<string, HvProfile>

export type HvProfileName = keyof typeof HV_PROFILES
export const HV_PROFILE_NAMES = Object.keys(HV_PROFILES) as readonly HvProfileName[]
