/** H_SVM_PAGE_IN of a page that is not shared: hv.md section 3. */
import t from 'tap'
import { asGfn, gpaOf } from '../../src/abi/page.ts'
import { pageIn } from '../../src/uvmem/hcalls/page-in.ts'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

const REFUSALS = `
  * from outside secure context, before all else
    after init_start
    do page_in 0 outside -> H_UNSUPPORTED by kvmppc_pseries_do_hcall
  * before H_SVM_INIT_START, whatever order and flags are
    do page_in 0 flags 9 order 12 -> H_UNSUPPORTED by KVMPPC_SECURE_INIT_START
  * order before flags
    after init_start
    do page_in 0 flags 9 order 12 -> H_P3 by kvmppc_h_svm_page_in
  * order one below
    after init_start
    do page_in 0 order 15 -> H_P3
  * order one above
    after init_start
    do page_in 0 order 17 -> H_P3
  * flags 2
    after init_start
    do page_in 0 flags 2 -> H_P2 by kvmppc_h_svm_page_in
  * the shared flag with another one
    after init_start
    do page_in 0 flags 3 -> H_P2
  * flags above 32 bits are flags too
    after init_start
    do page_in 0 flags 4294967296 -> H_P2
  * flags before the slot
    after init_start
    do page_in 99 flags 2 -> H_P2
  * a GFN one past the slot
    after init_start
    do page_in 4 -> H_PARAMETER by gfn_to_hva
  * the highest GPA of 64 bits
    after init_start
    do page_in gpa 18446744073709486080 -> H_PARAMETER by gfn_to_hva
  * secure already
    after init_start; page_in 0
    do page_in 0 -> H_PARAMETER by kvmppc_h_svm_page_in
  * secure already is asked before the mapping
    after init_start; page_in 0 !-4; vma_unmap 0
    do page_in 0 -> H_PARAMETER by kvmppc_h_svm_page_in
  * the mapping is gone
    after init_start; vma_unmap 0
    do page_in 0 -> H_PARAMETER by find_vma_intersection
  * no device PFN is free
    with pool=1
    after init_start; page_in 1
    do page_in 0 -> H_PARAMETER by kvmppc_uvmem_get_page
  * the same under spec
    with pool=1 profile=spec
    after init_start; page_in 1
    do page_in 0 -> H_PARAMETER by kvmppc_uvmem_get_page
  * no device PFN is free for a shared page, which stays shared
    with pool=1
    after init_start; share 0; page_in 1
    do page_in 0 -> H_PARAMETER by kvmppc_uvmem_get_page
  * the host has pinned the page
    after pin 0; init_start
    do page_in 0 -> H_PARAMETER by migrate_vma_setup
`

t.test('H_SVM_PAGE_IN refuses, in the order the kernel checks, and asks nobody', async (t) => {
  checkRows(t, rowsOf(REFUSALS, { touched: [0] }))
})

const MOVES = `
  * a frame that was touched goes to the ultravisor
    with touched=0
    after init_start
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=U0,.,.,. h=d0,.,.,. used=0 flags=1
  * a frame never touched needs no ultracall
    after init_start
    do page_in 2 -> H_SUCCESS
    leaves g=.,.,U0,. h=.,.,d0,. used=0 flags=1
  * the first and the last frame of a slot
    after init_start; page_in 0
    do page_in 3 -> H_SUCCESS
    leaves g=U0,.,.,U1 h=d0,.,.,d1 used=0,1
  * the lowest free PFN is taken
    after init_start; page_in 3; page_in 2; page_in 1; page_out 2
    do page_in 0 -> H_SUCCESS
    leaves g=U1,U2,M,U0 h=d1,d2,n,d0 used=0,1,2
  * an address inside the page goes out as it came
    with touched=1
    after init_start
    do page_in gpa 131071 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x1ffff
    leaves g=.,U0,.,. used=0
  * an address inside the page is the one that the host's access asks for
    with touched=1
    after init_start; page_in gpa 131071
    do touch 1 -> 0
    asks UV_PAGE_OUT 0x1ffff to ra2
    leaves g=.,M,.,. used=
  * the last PFN of the pool can be taken
    with pool=2
    after init_start; page_in 0
    do page_in 1 -> H_SUCCESS
    leaves g=U0,U1,.,. used=0,1
  * under spec, too
    with pool=2 profile=spec touched=1
    after init_start; page_in 0
    do page_in 1 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x10000
    leaves g=U0,U1,.,. h=d0,d1,.,. used=0,1
  * a shared page is unshared this way
    with touched=0
    after init_start; share 0
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=U0,.,.,. h=d0,.,.,. used=0
  * a paged-out page comes back this way
    with touched=0
    after init_start; page_in 0; page_out 0
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_IN ra2 to 0x0
    leaves g=U0,.,.,. h=d0,.,.,. used=0
  * after H_SVM_INIT_DONE the notifier tells the ultravisor first
    with touched=0 notifies
    after init_start; share 0; init_done
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_INVAL 0x0 via notifier; UV_PAGE_IN ra1 to 0x0
    leaves g=U3,U0,U1,U2 used=0,1,2,3 flags=3
  * a page that is mapped nowhere goes under the notifier's eyes twice
    with notifies
    after init_start; init_done; unmap 0
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_INVAL 0x0 via notifier; UV_PAGE_INVAL 0x0 via notifier
    leaves g=U0,U1,U2,U3 used=0,1,2,3 flags=3
  * a VM's page of another VM's GFN is another page
    after create 2 0:0+4; init_start; 2: init_start; page_in 0
    do 2: page_in 0 -> H_SUCCESS
    leaves g=U0,.,.,. used=0,1
`

t.test('H_SVM_PAGE_IN moves a page, and says so only where there is one', async (t) => {
  checkRows(t, rowsOf(MOVES))
})

for (const code of [1, -2, -4, -5, -55, -56, -58, -75]) {
  t.test(`UV_PAGE_IN answers ${code} to H_SVM_PAGE_IN`, async (t) => {
    const story = `
      * spec: nothing stays behind
        with profile=spec
        do page_in 0 !${code} -> H_PARAMETER by kvmppc_svm_page_in
        asks UV_PAGE_IN ra1 to 0x0
      * linux-6: the PFN leaks and the frame is marked, while the host still maps it
        do page_in 0 !${code} -> H_PARAMETER by kvmppc_svm_page_in
        asks UV_PAGE_IN ra1 to 0x0
        leaves g=U0,.,.,. h=n,.,.,. used=0 flags=1
      * linux-5.6: it is taken for success
        with profile=linux-5.6
        do page_in 0 !${code} -> H_SUCCESS
        asks UV_PAGE_IN ra1 to 0x0
        leaves g=U0,.,.,. h=d0,.,.,. used=0
    `
    checkRows(t, rowsOf(story, { touched: [0], after: ['init_start'] }))
  })
}

t.test('where a PFN is promised, a page without content waits for those before it', async (t) => {
  for (const [profile, gfn, asks] of [
    ['spec', 0, ['UV_PAGE_IN']],
    ['spec', 1, ['RESCHED']],
    ['linux-6', 0, ['UV_PAGE_IN']],
    ['linux-6', 1, []],
  ] as const) {
    const world = new World({ profile, touched: [0], after: ['init_start'] })
    const steps = pageIn(world.host, world.vm(), gpaOf(asGfn(gfn)), 0, 16)
    const asked: string[] = []
    for (let step = steps.next(0); step.done !== true; step = steps.next(0)) {
      asked.push(step.value.call)
    }
    t.same(asked, asks, `${profile}, GFN ${gfn}`)
  }
})
