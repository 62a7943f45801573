/** H_SVM_PAGE_IN with H_PAGE_IN_SHARED: hv.md section 3, "share". */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'

const STORY = `
  * a GFN in no slot
    after init_start
    do share 4 -> H_PARAMETER by gfn_to_hva
  * before H_SVM_INIT_START
    do share 0 -> H_UNSUPPORTED
  * order first
    after init_start
    do share 0 order 0 -> H_P3
  * the mapping is gone
    after init_start; vma_unmap 0
    do share 0 -> H_PARAMETER by find_vma_intersection
  * a normal frame is shared as it is
    with touched=0
    after init_start
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=S,.,.,. h=n,.,.,. used= flags=1
  * a frame never touched is allocated first
    after init_start
    do share 1 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x10000
    leaves g=.,S,.,. h=.,n,.,. used=
  * a paged-out frame
    after init_start; page_in 0; page_out 0
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=S,.,.,. h=n,.,.,. used=
  * a shared frame is shared again, and stays where it is
    with touched=0
    after init_start; share 0
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=S,.,.,. h=n,.,.,. used=
  * a pinned frame can be shared
    after pin 0; init_start
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=S,.,.,. h=n!,.,.,. used=
  * a secure frame is dropped without UV_PAGE_OUT and a fresh one mapped
    with touched=0
    after init_start; page_in 0
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra2 to 0x0
    leaves g=S,.,.,. h=n,.,.,. used=
  * the same under spec
    with touched=0 profile=spec
    after init_start; page_in 0
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra2 to 0x0
    leaves g=S,.,.,. h=n,.,.,. used=
  * an address inside the page goes out as it came
    with touched=0
    after init_start
    do share gpa 7 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x7
    leaves g=S,.,.,.
  * linux-5.6 keeps no state of its own for a shared frame
    with touched=0 profile=linux-5.6
    after init_start
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
  * a secure frame for which no normal frame is left
    with touched=0
    after init_start; page_in 0
    do share 0 oom -> H_PARAMETER by alloc_page_vma
  * the ultravisor refuses a normal frame: the state stays
    with touched=0
    after init_start
    do share 0 !-4 -> H_PARAMETER by kvmppc_share_page
    asks UV_PAGE_IN ra1 to 0x0
  * the ultravisor answers a positive code
    with touched=0
    after init_start
    do share 0 !1 -> H_PARAMETER by kvmppc_share_page
    asks UV_PAGE_IN ra1 to 0x0
  * the ultravisor refuses a frame never touched: it stays allocated
    after init_start
    do share 0 !-75 -> H_PARAMETER
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=.,.,.,. h=n,.,.,. used=
  * linux-6, the ultravisor refuses a secure frame: the device page is gone already
    with touched=0
    after init_start; page_in 0
    do share 0 !-4 -> H_PARAMETER by kvmppc_share_page
    asks UV_PAGE_IN ra2 to 0x0
    leaves g=M,.,.,. h=n,.,.,. used=
  * spec, the ultravisor refuses a secure frame: nothing is lost
    with touched=0 profile=spec
    after init_start; page_in 0
    do share 0 !-4 -> H_PARAMETER by kvmppc_share_page
    asks UV_PAGE_IN ra2 to 0x0
  * spec, the mapping of a secure frame is gone with it: the frame is paged out, and so not shared
    with profile=spec
    after init_start; page_in 0; vma_unmap 0
    do share 0 -> H_PARAMETER by find_vma_intersection
`

t.test('sharing a page', async (t) => {
  checkRows(t, rowsOf(STORY))
})
