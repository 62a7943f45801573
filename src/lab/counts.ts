/** Counts what the two sides ask of each other. */
/** One call between the sides, and its code. */
export interface Counted {
  readonly by: 'hv' | 'uv'
  readonly call: { readonly call: string }
  readonly ret: number
}

export class Counts {
  hypercalls = 0
  ultracalls = 0
  /** Pages whose content crossed: UV_PAGE_IN and UV_PAGE_OUT that succeeded. */
  pagesMoved = 0
  /** H_SVM_PAGE_IN, shared or not. */
  pagesAsked = 0

  add({ by, call, ret }: Counted): void {
    if (by === 'hv') this.ultracalls++
    else if (call.call.startsWith('H_')) this.hypercalls++
    if (call.call === 'H_SVM_PAGE_IN') this.pagesAsked++
    if (ret === 0 && (call.call === 'UV_PAGE_IN' || call.call === 'UV_PAGE_OUT')) this.pagesMoved++
  }
}
