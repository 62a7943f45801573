/** H_SVM_PAGE_IN with H_PAGE_IN_SHARED: hv.md section 3, "share". */
import t from 'tap'
import { H } from '../../src/abi/codes.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

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

const CORNERS = `
  * linux-6, a device page whose state a second start has hidden
    after init_start; page_in 0; init_start
    do share 0 -> H_HARDWARE
    leaves fault=LIVELOCK g=.,.,.,. h=d0,.,.,. used=0
  * linux-6, a frame that is marked secure by mistake, while the host still maps it
    with touched=0
    after init_start; page_in 0 !-4
    do share 0 -> H_HARDWARE
    leaves fault=LIVELOCK g=U0,.,.,. h=n,.,.,. used=0
  * linux-6, a stale mark on a PFN that is free
    with slots=0:8+1,1:0+2 touched=0
    after STALE
    do share 0 -> H_HARDWARE
    leaves fault=OOPS g=./U0,. h=./.,. used=
  * spec, no normal frame is left for a secure one
    with frames=1 profile=spec
    after init_start; page_in 0; touch 1
    do share 0 -> H_PARAMETER by alloc_page_vma
`.replace('STALE', 'init_start; page_in 0; init_start; unmap 0; init_start !0,-4')

t.test('sharing a page whose state is wrong', async (t) => {
  checkRows(t, rowsOf(CORNERS))
  const world = new World({ after: ['init_start', 'page_in 0', 'init_start', 'share 0'] })
  t.equal(world.vm().fault?.message, 'host page fault loop: device PTE never resolved')
  const marked = new World({ touched: [0], after: ['init_start', 'page_in 0 !-4', 'share 0'] })
  t.match(marked.vm().fault?.message, 'uvmem mark is stale')
  const stale = ['init_start', 'page_in 0', 'init_start', 'unmap 0', 'init_start !0,-4', 'share 0']
  const oops = new World({ slots: '0:8+1 1:0+2', after: stale })
  t.equal(oops.vm().fault?.message, 'invalid memory access (kernel NULL/wild dereference)')
})

t.test('a share that loses nothing refuses what it cannot drop', async (t) => {
  const careful = (name: 'linux-6' | 'linux-5.6') => ({
    ...HV_PROFILES[name],
    shareKeepsUntilAgreed: true,
  })
  checkRows(t, [
    {
      why: 'the slot is gone, its states are not',
      ...{ profile: careful('linux-5.6'), slots: '0:0+4 1:4+1' },
      after: ['init_start', 'page_in 4', 'remove_slot 1 keep'],
      ...{ line: 'share 4', ret: H.PARAMETER, source: 'gfn_to_hva' },
    },
    {
      why: 'the mapping is gone, the mark is not',
      ...{ profile: careful('linux-6'), touched: [0] },
      after: ['init_start', 'page_in 0 !-4', 'vma_unmap 0'],
      ...{ line: 'share 0', ret: H.PARAMETER, source: 'find_vma_intersection' },
    },
    {
      why: 'the host maps a normal frame',
      ...{ profile: careful('linux-6'), touched: [0], after: ['init_start', 'page_in 0 !-4'] },
      ...{ line: 'share 0', ret: H.PARAMETER },
    },
  ])
})

t.test('sharing a page', async (t) => {
  checkRows(t, rowsOf(STORY))
})
