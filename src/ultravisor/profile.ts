/**
 * What the firmware does wrong, as switches: the only file that knows profiles by name.
 *
 * Source: the defects seen in the recordings and in the public source of the firmware. Profile
 * `firmware` has them all; `spec` behaves as ultravisor.rst and the firmware's own state table say;
 * `proposal` is `spec` with what the counter-proposal of the 2020 thread wants of the ultravisor.
 */

/** One ultravisor's behaviour; `true` is the defect. */
export interface UvProfile {
  /** A page that was paged out before the SVM turned secure comes back as ciphertext. */
  readonly copiesCiphertextWhileActive: boolean
  /** UV_PAGE_OUT of a shared frame is refused, where the documentation promises success. */
  readonly refusesSharedPageOut: boolean
  /** A failed encryption leaves the page unmapped. */
  readonly unmapsOnFailedSeal: boolean
  /** UV_REGISTER_MEM_SLOT answers every refusal with U_PARAMETER, and ignores unknown flags. */
  readonly registerAnswersParameter: boolean
  /** A registered size is rounded up to whole pages instead of refused. */
  readonly roundsSlotSize: boolean
  /** Registering an id again keeps the old slot's pages, states and budget. */
  readonly replaceKeepsOldSlot: boolean
  /** Register and unregister for an unknown LPID dereference NULL. */
  readonly crashesOnUnknownLpid: boolean
  /** The budget of a slot comes back only when the SVM ends. */
  readonly keepsSlotBudget: boolean
  /** Releasing a slot walks the page table with wrong ends; the last slot takes the table away. */
  readonly releasesTableRoughly: boolean
  /** Releasing a slot also secures the first frame behind it. */
  readonly releaseReachesNextFrame: boolean
  /** Walks over frame states never see GFN 0. */
  readonly walksSkipGfnZero: boolean
  /** Whatever frame a frame's record names becomes its secure page, the HV's included. */
  readonly securesNotedFrame: boolean
  /** Reverting a share that got no answer secures the first frame of the range. */
  readonly revertSecuresFirst: boolean
  /** A share that meets a frame in transition leaves the frames before it HV_SHARED. */
  readonly leavesHalfShared: boolean
  /** A paged-out frame in a failed share, or in an unshare, loses its IV and tag. */
  readonly dropsSeal: boolean
  /** The last try of a share's page-in counts as failure; none left goes on as if it had worked. */
  readonly miscountsTries: boolean
  /** UV_PAGE_INVAL of an HV_SHARED frame does not forget the frame. */
  readonly keepsInvalidatedFrame: boolean
  /** A share that succeeds without a page, or an unshare refused, ends the SVM. */
  readonly abortsOnHvRefusal: boolean
  /** UV_ESM without memory for page-in tracking, or whose abort is refused, leaves an SVM behind. */
  readonly keepsHalfMadeSvm: boolean
  /** An aborted SVM keeps the state it had. */
  readonly abortKeepsState: boolean
  /**
   * No defect, but what the thread's counter-proposal wants: while a guest turns secure, UV_PAGE_IN
   * of a frame that is shared is refused with U_P2.
   */
  readonly refusesSharedPageIn: boolean
}

const allSwitches = (defect: boolean): UvProfile => ({
  copiesCiphertextWhileActive: defect,
  refusesSharedPageOut: defect,
  unmapsOnFailedSeal: defect,
  registerAnswersParameter: defect,
  roundsSlotSize: defect,
  replaceKeepsOldSlot: defect,
  crashesOnUnknownLpid: defect,
  keepsSlotBudget: defect,
  releasesTableRoughly: defect,
  releaseReachesNextFrame: defect,
  walksSkipGfnZero: defect,
  securesNotedFrame: defect,
  revertSecuresFirst: defect,
  leavesHalfShared: defect,
  dropsSeal: defect,
  miscountsTries: defect,
  keepsInvalidatedFrame: defect,
  abortsOnHvRefusal: defect,
  keepsHalfMadeSvm: defect,
  abortKeepsState: defect,
  refusesSharedPageIn: false,
})

export const UV_PROFILES = {
  firmware: allSwitches(true),
  spec: allSwitches(false),
  proposal: { ...allSwitches(false), refusesSharedPageIn: true },
} as const satisfies Record<string, UvProfile>
export type UvProfileName = keyof typeof UV_PROFILES
