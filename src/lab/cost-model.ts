/**
 * Predicts how long a switch takes on a POWER9, from what was counted.
 *
 * Source: lab.md, "Time". The thread gives 7 minutes for 100 GB: 256 microseconds a page that comes
 * in through H_SVM_PAGE_IN. What a page costs that H_SVM_INIT_DONE secures without a call is not
 * known: a parameter.
 */
export interface CostModel {
  /** Microseconds for a page that comes in through a hypercall, its ultracall included. */
  readonly usPerPageIn: number
  /** Microseconds for a page that H_SVM_INIT_DONE secures without a call. */
  readonly usPerLocalPage: number
  /** Microseconds for an UV_PAGE_IN that H_SVM_INIT_DONE makes itself. */
  readonly usPerOfferedPage: number
}

export const DEFAULT_COSTS: CostModel = {
  usPerPageIn: 256,
  usPerLocalPage: 1,
  usPerOfferedPage: 256,
}

/** Pages of one switch, by how they became secure. */
export interface SwitchPages {
  /** Asked for by the ultravisor, one hypercall each. */
  readonly asked: number
  /** Secured in H_SVM_INIT_DONE without a call. */
  readonly local: number
  /** Offered in H_SVM_INIT_DONE with an ultracall each. */
  readonly offered: number
}

/** Seconds. A prediction: nobody measured it on a POWER9. */
export function predictSeconds(pages: SwitchPages, costs: CostModel): number {
  const { asked, local, offered } = pages
  const us =
    asked * costs.usPerPageIn + local * costs.usPerLocalPage + offered * costs.usPerOfferedPage
  return us / 1e6
}
