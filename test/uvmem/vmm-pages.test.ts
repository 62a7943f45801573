/** Touch, unmap, pin, mappings and guest faults: hv.md section 4. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

const TOUCH = `
  * a GFN in no slot
    do touch 4 -> NOSLOT by gfn_to_hva
  * no mapping
    after vma_unmap 0
    do touch 0 -> SIGSEGV by find_vma_intersection
  * a frame never touched gets zeros
    do touch 0 -> OK
    leaves h=n,.,.,. g=x,x,x,x
  * a normal frame
    after touch 0
    do touch 0 -> OK
  * a secure frame is paged out
    after init_start; page_in 0
    do touch 0 -> OK
    asks UV_PAGE_OUT 0x0 to ra1
    leaves g=M,.,.,. h=n,.,.,. used=
  * a normal frame that is marked secure by mistake: nobody is told
    with touched=0 notifies
    after init_start; share 0; init_done; page_in 0 !-4
    do touch 0 -> OK
  * a refused page-out is a SIGBUS
    after init_start; page_in 0
    do touch 0 !-75 -> SIGBUS by kvmppc_svm_page_out
    asks UV_PAGE_OUT 0x0 to ra1
  * no normal frame for a page-out
    after init_start; page_in 0
    do touch 0 oom -> SIGBUS by alloc_page_vma
  * the host's memory is full
    with frames=1
    after touch 0
    do touch 1 -> SIGBUS by alloc_page_vma
`

const UNMAP = `
  * a GFN in no slot
    do unmap 4 -> NOSLOT
  * no mapping
    after vma_unmap 0
    do unmap 0 -> SIGSEGV
  * a normal VM: nobody is told
    after touch 0
    do unmap 0 -> OK
    leaves h=.,.,.,. g=x,x,x,x
  * between the two calls nobody is told either
    after init_start; touch 0
    do unmap 0 -> OK
    leaves h=.,.,.,. g=.,.,.,.
  * a secure VM: the ultravisor is told, the state stays
    after init_start; share 0; init_done
    do unmap 0 -> OK
    asks UV_PAGE_INVAL 0x0 via notifier
    leaves h=.,d0,d1,d2 g=S,U0,U1,U2
  * linux-6, a secure frame: gone without page-out, content lost
    after init_start; init_done
    do unmap 0 -> OK
    asks UV_PAGE_INVAL 0x0 via notifier
    leaves h=.,d1,d2,d3 g=M,U1,U2,U3 used=1,2,3
  * spec, a secure frame: paged out first
    with profile=spec
    after init_start; init_done
    do unmap 0 -> OK
    asks UV_PAGE_OUT 0x0 to ra1; UV_PAGE_INVAL 0x0 via notifier
    leaves h=.,d1,d2,d3 g=M,U1,U2,U3 used=1,2,3
  * spec, the page-out is refused: the page stays
    with profile=spec
    after init_start; init_done
    do unmap 0 !-4 -> SIGBUS
    asks UV_PAGE_OUT 0x0 to ra1
`

const PIN = `
  * a GFN in no slot
    do pin 4 -> NOSLOT
  * no mapping
    after vma_unmap 0
    do pin 0 -> SIGSEGV
  * a page that is pinned
    after pin 0
    do pin 0 -> EEXIST by get_user_pages
  * a page never touched
    do pin 0 -> OK
    leaves h=n!,.,.,. g=x,x,x,x
  * a secure page is paged out first
    after init_start; page_in 0
    do pin 0 -> OK
    asks UV_PAGE_OUT 0x0 to ra1
    leaves h=n!,.,.,. g=M,.,.,. used=
  * a secure page that does not come back
    after init_start; page_in 0
    do pin 0 !-75 -> SIGBUS
    asks UV_PAGE_OUT 0x0 to ra1
  * let go
    after pin 0
    do unpin 0 -> OK
    leaves h=n,.,.,.
  * not pinned
    do unpin 0 -> ENOENT by put_page
  * not pinned any more
    after pin 0; unpin 0
    do unpin 0 -> ENOENT
`

const VMA = `
  * unmap the memory of a slot that does not exist
    do vma_unmap 9 -> ENOENT
  * map the memory of a slot that does not exist
    do vma_map 9 -> ENOENT
  * map what is mapped
    do vma_map 0 -> ENOENT
  * unmap what is unmapped
    after vma_unmap 0
    do vma_unmap 0 -> ENOENT
  * unmap a normal VM's memory
    after touch 0
    do vma_unmap 0 -> OK
    leaves h=- g=x,x,x,x
  * unmap a secure VM's memory: the ultravisor is told of each page; PFNs return
    after init_start; init_done; share 1
    do vma_unmap 0 -> OK
    asks INVAL 0x0 N; INVAL 0x10000 N; INVAL 0x20000 N; INVAL 0x30000 N
    leaves h=- g=M,S,M,M used=
  * a secure VM's memory with frames in a row: a shared one behind them stays shared
    after init_start; init_done; share 2
    do vma_unmap 0 -> OK
    asks INVAL 0x0 N; INVAL 0x10000 N; INVAL 0x20000 N; INVAL 0x30000 N
    leaves h=- g=M,M,S,M used=
  * memory that outlived its slot
    after touch 0; remove_slot 0 keep
    do vma_unmap 0 -> OK
    leaves h=
  * memory of another slot that outlived it
    after remove_slot 0 keep
    do vma_unmap 1 -> ENOENT
  * page merging of memory that outlived its slot
    after remove_slot 0 keep
    do ksm_fail 0 -12 -> OK
  * of another slot that did
    after remove_slot 0 keep
    do ksm_fail 1 -12 -> ENOENT
  * map memory that outlived its slot
    after remove_slot 0 keep; vma_unmap 0
    do vma_map 0 -> OK
    leaves h=
  * map it again: nothing in it
    after touch 0; vma_unmap 0
    do vma_map 0 -> OK
    leaves h=.,.,.,.
  * page merging of a slot that does not exist
    do ksm_fail 9 -12 -> ENOENT
  * page merging of one that does
    do ksm_fail 0 -12 -> OK
`
  .replaceAll(' N', ' via notifier')
  .replaceAll('INVAL', 'UV_PAGE_INVAL')

const FAULT = `
  * before H_SVM_INIT_DONE, no slot: emulate MMIO
    after init_start
    do guest_fault 4 -> RESUME_HOST
  * before H_SVM_INIT_DONE: a frame is mapped, nobody is told
    do guest_fault 0 -> RESUME_GUEST
    leaves h=n,.,.,. g=x,x,x,x
  * before H_SVM_INIT_DONE, no mapping
    after vma_unmap 0
    do guest_fault 0 -> EFAULT
  * before H_SVM_INIT_DONE, a secure frame is paged out
    after init_start; page_in 0
    do guest_fault 0 -> RESUME_GUEST
    asks UV_PAGE_OUT 0x0 to ra1
    leaves g=M,.,.,. h=n,.,.,. used=
  * before H_SVM_INIT_DONE, a device page whose state a second start has hidden
    after init_start; page_in 0; init_start
    do guest_fault 0 -> H_HARDWARE
    leaves fault=LIVELOCK g=.,.,.,. h=d0,.,.,. used=0
  * secure VM, no slot
    after init_start; init_done
    do guest_fault 4 -> EFAULT
  * secure VM, a shared frame is sent; no state changes
    after init_start; share 0; init_done
    do guest_fault 0 -> RESUME_GUEST
    asks UV_PAGE_IN ra1 to 0x0
  * secure VM, a shared frame that was discarded is allocated and sent
    after init_start; share 0; init_done; unmap 0
    do guest_fault 0 -> RESUME_GUEST
    asks UV_PAGE_IN ra2 to 0x0
    leaves h=n,d0,d1,d2 g=S,U0,U1,U2
  * secure VM, a normal frame that is marked secure by mistake: it is not sent
    after init_start; share 0; init_done; page_in 0 !-4
    do guest_fault 0 -> RESUME_GUEST
  * secure VM, a device page that nobody tracks
    after init_start !-4; page_in 0; init_done
    do guest_fault 0 -> H_HARDWARE
    leaves fault=LIVELOCK
  * secure VM, the ultravisor refuses
    after init_start; share 0; init_done
    do guest_fault 0 !-75 -> EFAULT by kvmppc_send_page_to_uv
    asks UV_PAGE_IN ra1 to 0x0
`

t.test('the host touches a page', async (t) => checkRows(t, rowsOf(TOUCH)))
t.test('the host discards a page', async (t) => checkRows(t, rowsOf(UNMAP)))
t.test('the host pins a page', async (t) => checkRows(t, rowsOf(PIN)))
t.test('the VMM changes the mapping behind a slot', async (t) => checkRows(t, rowsOf(VMA)))
t.test('the guest faults', async (t) => checkRows(t, rowsOf(FAULT)))

t.test('memory goes with all of its frames, whatever lies before them', async (t) => {
  for (const touched of [[1], [1, 2], [0, 2], [2, 1, 0], [3]]) {
    const world = new World({ touched })
    world.do('vma_unmap 0')
    t.equal(world.host.ram.used, 0, `touched ${String(touched)}`)
  }
})
