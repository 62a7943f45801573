/** H_SVM_PAGE_OUT: hv.md section 3. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'

const REFUSALS = `
  * from outside secure context, before all else
    do page_out 0 outside -> H_UNSUPPORTED by kvmppc_pseries_do_hcall
  * order before flags
    do page_out 0 flags 1 order 12 -> H_P3 by kvmppc_h_svm_page_out
  * flags 1, which H_SVM_PAGE_IN would take
    do page_out 0 flags 1 -> H_P2 by kvmppc_h_svm_page_out
  * flags before the slot
    do page_out 9 flags 2 -> H_P2
  * a GFN in no slot
    do page_out 4 -> H_PARAMETER by gfn_to_hva
  * a normal frame: nothing to do
    do page_out 1 -> H_SUCCESS
  * no normal frame is left
    do page_out 0 oom -> H_PARAMETER by alloc_page_vma
  * the same under spec
    with profile=spec
    do page_out 0 oom -> H_PARAMETER by alloc_page_vma
`

const MOVES = `
  * a secure frame: the PFN returns to the pool
    do page_out 0 -> H_SUCCESS
    asks UV_PAGE_OUT 0x0 to ra2
    leaves g=M,.,.,. h=n,.,.,. used= flags=1
  * an address inside the page goes out as it came
    do page_out gpa 65535 -> H_SUCCESS
    asks UV_PAGE_OUT 0xffff to ra2
    leaves g=M,.,.,. h=n,.,.,. used=
  * a paged-out frame: nothing to do
    after init_start; page_in 0; page_out 0
    do page_out 0 -> H_SUCCESS
  * a shared frame: nothing to do
    after init_start; share 0
    do page_out 0 -> H_SUCCESS
  * linux-5.6 does not remember that the frame was paged out
    with profile=linux-5.6
    do page_out 0 -> H_SUCCESS
    asks UV_PAGE_OUT 0x0 to ra2
    leaves g=.,.,.,. h=n,.,.,. used=
  * after H_SVM_INIT_DONE the notifier tells the ultravisor first
    with notifies
    after init_start; page_in 0; init_done
    do page_out 0 -> H_SUCCESS
    asks UV_PAGE_INVAL 0x0 via notifier; UV_PAGE_OUT 0x0 to ra2
    leaves g=M,U1,U2,U3 used=1,2,3 flags=3
  * before H_SVM_INIT_START
    after svm_off
    do page_out 0 -> H_UNSUPPORTED by KVMPPC_SECURE_INIT_START
  * the mapping is gone, and the frame with it
    after init_start; page_in 0; vma_unmap 0
    do page_out 0 -> H_PARAMETER by find_vma_intersection
`

const base = { touched: [0], after: ['init_start', 'page_in 0'] }

t.test('H_SVM_PAGE_OUT refuses, in the order the kernel checks, and asks nobody', async (t) => {
  checkRows(t, rowsOf(REFUSALS, base))
})

t.test('H_SVM_PAGE_OUT moves a secure page and leaves others alone', async (t) => {
  checkRows(t, rowsOf(MOVES, base))
})

for (const profile of ['linux-5.6', 'linux-6', 'spec'] as const) {
  t.test(`${profile}: a refused UV_PAGE_OUT changes nothing`, async (t) => {
    for (const code of [1, -4, -55, -56, -58, -75]) {
      const story = `
        * UV_PAGE_OUT answers ${code}
          do page_out 0 !${code} -> H_PARAMETER by kvmppc_svm_page_out
          asks UV_PAGE_OUT 0x0 to ra2
      `
      checkRows(t, rowsOf(story, { ...base, profile }))
    }
  })
}
