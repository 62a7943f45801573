/**
 * The 14 states of a guest frame, their families, and what three ultracalls do in each.
 *
 * Source: enum gpf_state and the macros below it in the firmware's svm_host.h. The numbers are the
 * firmware's, so that a recording can be read beside this table.
 */

export const FrameState = {
  /** Mapped to its secure page; the state of every frame nobody has touched. */
  Secure: 0,
  /** Secure, its content encrypted in one of the HV's frames. */
  PagedOut: 1,
  /** Shared at the SVM's request. */
  Shared: 2,
  /** Shared, but the HV has taken its frame back. */
  SharedInv: 3,
  /** Shared by the ultravisor without the SVM's knowledge. */
  SharedImplicit: 4,
  SharedImplicitInv: 5,
  /** A share was asked of the HV; no answer yet. */
  HvSharing: 6,
  /** The HV gave a frame; not committed yet. */
  HvShared: 7,
  HvSharedInv: 8,
  /** An unshare was asked of the HV. */
  HvUnsharing: 9,
  HvUnsharingInv: 10,
  /** The HV agreed to unshare; not committed yet. */
  HvUnshared: 11,
  /** The HV sees it shared, the SVM keeps its secure page. */
  PseudoShared: 12,
  PseudoSharedInv: 13,
} as const
export type FrameState = (typeof FrameState)[keyof typeof FrameState]

const S = FrameState

interface FrameStateFacts {
  readonly name: string
  /** Between two answers of the HV: no new share or unshare may begin. */
  readonly transient?: true
  /** The HV holds a frame of the guest in clear, or believes so. */
  readonly shared?: true
  /** Never unshared while the SVM lives. */
  readonly unsharable?: true
  /** UV_PAGE_INVAL moves it here; absent: the call is refused. */
  readonly invalidated?: FrameState
  /** Releasing the frame leaves its mapping alone: it is the secure page already. */
  readonly keepsMapping?: true
}

/** One row per state. */
export const FRAME_STATES: { readonly [State in FrameState]: FrameStateFacts } = {
  [S.Secure]: { name: 'SECURE', keepsMapping: true },
  [S.PagedOut]: { name: 'PAGEDOUT', keepsMapping: true },
  [S.Shared]: { name: 'SHARED', shared: true, invalidated: S.SharedInv },
  [S.SharedInv]: { name: 'SHARED_INV', shared: true, invalidated: S.SharedInv },
  [S.SharedImplicit]: {
    name: 'SHARED_IMPLICIT',
    shared: true,
    unsharable: true,
    invalidated: S.SharedImplicitInv,
  },
  [S.SharedImplicitInv]: {
    name: 'SHARED_IMPLICIT_INV',
    shared: true,
    unsharable: true,
    invalidated: S.SharedImplicitInv,
  },
  [S.HvSharing]: { name: 'HV_SHARING', transient: true },
  [S.HvShared]: { name: 'HV_SHARED', transient: true, invalidated: S.HvSharedInv },
  [S.HvSharedInv]: { name: 'HV_SHARED_INV', transient: true, invalidated: S.HvSharedInv },
  [S.HvUnsharing]: { name: 'HV_UNSHARING', transient: true, invalidated: S.HvUnsharingInv },
  [S.HvUnsharingInv]: { name: 'HV_UNSHARING_INV', transient: true, invalidated: S.HvUnsharingInv },
  [S.HvUnshared]: { name: 'HV_UNSHARED', transient: true },
  [S.PseudoShared]: {
    name: 'PSEUDO_SHARED',
    shared: true,
    unsharable: true,
    invalidated: S.PseudoSharedInv,
    keepsMapping: true,
  },
  [S.PseudoSharedInv]: {
    name: 'PSEUDO_SHARED_INV',
    shared: true,
    unsharable: true,
    invalidated: S.PseudoSharedInv,
    keepsMapping: true,
  },
}

export const FRAME_STATE_COUNT = 14

export const isFrameState = (value: number): value is FrameState =>
  Number.isInteger(value) && value >= 0 && value < FRAME_STATE_COUNT

export const isTransient = (state: FrameState): boolean => FRAME_STATES[state].transient === true
export const isShared = (state: FrameState): boolean => FRAME_STATES[state].shared === true
export const isUnsharable = (state: FrameState): boolean => FRAME_STATES[state].unsharable === true
/** SECURE or PAGEDOUT: the HV has no claim on the content. */
export const isSecure = (state: FrameState): boolean => state === S.Secure || state === S.PagedOut

/** What UV_PAGE_IN does in each state. Source: handle_page_in(). */
export const PAGE_IN_ACTION = {
  [S.Secure]: 'copy',
  [S.HvUnshared]: 'copy',
  [S.PagedOut]: 'decrypt',
  [S.Shared]: 'map-shared',
  [S.SharedInv]: 'map-shared',
  [S.SharedImplicit]: 'map-implicit',
  [S.SharedImplicitInv]: 'map-implicit',
  [S.PseudoShared]: 'note-pseudo',
  [S.PseudoSharedInv]: 'note-pseudo',
  [S.HvUnsharing]: 'unsharing',
  [S.HvUnsharingInv]: 'unsharing',
  [S.HvSharing]: 'note',
  [S.HvShared]: 'note',
  [S.HvSharedInv]: 'note',
} as const satisfies Record<FrameState, string>
export type PageInAction = (typeof PAGE_IN_ACTION)[FrameState]

/** What a guest's load or store that faults leads to in each state. Source: svm_e00_handle(). */
export const DATA_FAULT_ACTION = {
  [S.Secure]: 'return',
  [S.PagedOut]: 'page-in',
  [S.Shared]: 'return',
  [S.SharedInv]: 'reflect',
  [S.SharedImplicit]: 'abort',
  [S.SharedImplicitInv]: 'abort',
  [S.HvSharing]: 'return',
  [S.HvShared]: 'return',
  [S.HvSharedInv]: 'return',
  [S.HvUnsharing]: 'return',
  [S.HvUnsharingInv]: 'return',
  [S.HvUnshared]: 'return',
  [S.PseudoShared]: 'return',
  [S.PseudoSharedInv]: 'return',
} as const satisfies Record<FrameState, string>

/** How a share ends. Source: enum share_type. */
export const ShareType = {
  /** The SVM asked for it. */
  Explicit: 0,
  /** The ultravisor did, behind the SVM's back. */
  Implicit: 1,
  /** The ultravisor did, and the SVM keeps its secure page. */
  Pseudo: 2,
} as const
export type ShareType = (typeof ShareType)[keyof typeof ShareType]
