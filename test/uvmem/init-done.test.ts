/** H_SVM_INIT_DONE: hv.md section 3. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'

const STORY = `
  * from outside secure context
    after init_start
    do init_done outside -> H_UNSUPPORTED by kvmppc_pseries_do_hcall
  * before H_SVM_INIT_START
    do init_done -> H_UNSUPPORTED by KVMPPC_SECURE_INIT_START
  * frames that were never moved become secure without a call
    with touched=1
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3 g=U0,U1,U2,U3 h=d0,d1,d2,d3 used=0,1,2,3
  * secure, paged-out and shared frames are left alone
    with slots=0:0+6
    after init_start; page_in 1; page_in 3; page_out 3; share 4
    do init_done -> H_SUCCESS
    leaves flags=3 g=U1,U0,U2,M,S,U3 h=d1,d0,d2,n,n,d3 used=0,1,2,3
  * all slots, by ascending id
    with slots=2:0+2,1:8+2
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3 g=U0,U1/U2,U3 used=0,1,2,3
  * a VM without slots
    with slots=
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3
  * exactly as many PFNs as frames
    with pool=4
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3 used=0,1,2,3
  * one PFN too few: what was done stays, INIT_DONE stays unset
    with pool=3
    after init_start
    do init_done -> H_STATE by kvmppc_uvmem_get_page
    leaves flags=1 g=U0,U1,U2,. h=d0,d1,d2,. used=0,1,2
  * the pool is empty in the second slot
    with pool=3 slots=0:0+2,1:8+2
    after init_start
    do init_done -> H_STATE by kvmppc_uvmem_get_page
    leaves flags=1 g=U0,U1/U2,. used=0,1,2
  * a pinned page stops it there
    after pin 2; init_start
    do init_done -> H_STATE by migrate_vma_setup
    leaves flags=1 g=U0,U1,.,. h=d0,d1,n!,. used=0,1
  * a pinned page that is shared does not
    after pin 2; init_start; share 2
    do init_done -> H_SUCCESS
    leaves flags=3 g=U0,U1,S,U2 h=d0,d1,n!,d2 used=0,1,2
  * the mapping is gone
    after init_start; vma_unmap 0
    do init_done -> H_STATE by find_vma_intersection
  * linux-6, a second call succeeds and does nothing
    after init_start; init_done
    do init_done -> H_SUCCESS
  * spec, a second call is refused
    with profile=spec
    after init_start; init_done
    do init_done -> H_STATE
  * linux-5.6 only sets its flag
    with profile=linux-5.6 touched=1
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3 g=.,.,.,. h=.,n,.,. used=
  * stateless does not take a page that the host has pinned
    with profile=stateless
    after pin 1; init_start
    do init_done -> H_STATE by migrate_vma_setup
    asks UV_PAGE_IN ra2 to 0x0
    leaves flags=1 g=U0,.,.,. h=d0,n!,.,. used=0
  * stateless offers every frame that is not secure; refused ones stay normal
    with profile=stateless touched=0,1
    after init_start; page_in 0
    do init_done !0,-4,0 -> H_SUCCESS
    asks UV_PAGE_IN ra2 to 0x10000; UV_PAGE_IN ra3 to 0x20000; UV_PAGE_IN ra4 to 0x30000
    leaves flags=3 g=U0,U1,.,U2 h=d0,d1,n,d2 used=0,1,2
  * a pinned page after the first ones, with the notifier heard only once the VM is secure
    with notifies
    after init_start
    do init_done -> H_SUCCESS
    leaves flags=3 g=U0,U1,U2,U3
`

t.test('H_SVM_INIT_DONE secures what is still normal, and nothing else', async (t) => {
  checkRows(t, rowsOf(STORY))
})
