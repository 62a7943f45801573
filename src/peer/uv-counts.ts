/** What an ultravisor has asked for and served for one LPID. */
export interface UvCounts {
  /** Requests of guests' calls: hypercalls, reflected faults, loads and stores. */
  asked: number
  answered: number
  /** H_SVM_PAGE_IN among them that were answered. */
  pageIns: number
  /** Ultracalls served. */
  ultracalls: number
  /** UV_PAGE_IN among them. */
  pagesTaken: number
  /** UV_PAGE_OUT among them. */
  pagesGiven: number
}

export const newUvCounts = (): UvCounts => ({
  asked: 0,
  answered: 0,
  pageIns: 0,
  ultracalls: 0,
  pagesTaken: 0,
  pagesGiven: 0,
})
