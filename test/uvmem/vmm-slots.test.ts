/** Memory slots added, removed and flushed: hv.md section 4. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'

const ADD = `
  * an id that is in use
    do add_slot 0:100+1 -> EEXIST by kvm_set_memory_region
  * an overlap with the end of a slot
    do add_slot 1:3+2 -> EEXIST
  * an overlap with the start of a slot
    with slots=0:4+4
    do add_slot 1:0+5 -> EEXIST
  * around a whole slot
    with slots=0:4+1
    do add_slot 1:0+9 -> EEXIST
  * right behind a slot, of a normal VM: nobody is told
    do add_slot 1:4+2 -> OK
    leaves flags=0 g=x,x,x,x/x,x
  * between H_SVM_INIT_START and H_SVM_INIT_DONE: registered, and secured at once
    after init_start
    do add_slot 1:4+2 -> OK
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=1 g=.,.,.,./U0,U1 used=0,1
  * hot-added to a secure VM
    after init_start; init_done
    do add_slot 1:4+2 -> OK
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=3 g=U0,U1,U2,U3/U4,U5 h=d0,d1,d2,d3/d4,d5
  * refused by the ultravisor: the slot is there, without a uvmem slot
    after init_start
    do add_slot 1:4+2 !-58 -> OK
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=1 g=.,.,.,./x,x used=
  * too few PFNs: what was done stays
    with pool=1
    after init_start
    do add_slot 1:4+2 -> OK by kvmppc_uvmem_get_page
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=1 g=.,.,.,./U0,. used=0
  * linux-5.6 tells nobody
    with profile=linux-5.6
    after init_start; init_done
    do add_slot 1:4+2 -> OK
    leaves flags=3 g=.,.,.,./x,x
  * linux-5.6-final registers but does not secure
    with profile=linux-5.6-final
    after init_start; init_done
    do add_slot 1:4+2 -> OK
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=3 g=.,.,.,./.,.
  * linux-5.6-final keeps the uvmem slot of a refused registration
    with profile=linux-5.6-final
    after init_start
    do add_slot 1:4+2 !-58 -> OK
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x20000
    leaves flags=1 g=.,.,.,./.,.
`

const REMOVE = `
  * an id that does not exist
    do remove_slot 9 -> ENOENT by kvm_set_memory_region
  * of a normal VM: nobody is told
    do remove_slot 1 -> OK
    leaves flags=0 g=x,x,x,x
  * of a secure VM: dropped without page-out, unregistered, PFNs back
    after init_start; init_done
    do remove_slot 1 -> OK
    asks UV_UNREGISTER_MEM_SLOT 1
    leaves flags=3 g=U0,U1,U2,U3 used=0,1,2,3
  * the memory is kept mapped: its pages are normal all the same
    after init_start; init_done
    do remove_slot 1 keep -> OK
    asks UV_UNREGISTER_MEM_SLOT 1
    leaves flags=3 g=U0,U1,U2,U3 used=0,1,2,3
  * linux-5.6-final drops nothing, as the slot is invalid by then
    with profile=linux-5.6-final
    after init_start; page_in 4
    do remove_slot 1 keep -> OK
    asks UV_UNREGISTER_MEM_SLOT 1
    leaves flags=1 g=.,.,.,. used=0
  * linux-5.6 tells nobody; the uvmem slot stays
    with profile=linux-5.6
    after init_start; page_in 4
    do remove_slot 1 -> OK
    leaves flags=1 g=.,.,.,. used=
`

const FLUSH = `
  * an id that does not exist
    do flush_slot 9 -> ENOENT by kvm_set_memory_region
  * of a normal VM: nothing
    do flush_slot 0 -> OK
  * linux-6: every frame becomes normal, without page-out
    after init_start; page_in 0; share 1; page_in 2; page_out 2
    do flush_slot 0 -> OK
    leaves flags=1 g=.,.,.,./.,. h=n,n,n,./.,. used=
  * linux-6, without a normal frame: the page stays secure
    after init_start; page_in 0
    do flush_slot 0 oom -> OK
    leaves flags=1 g=U0,.,.,./.,. h=d0,.,.,./.,. used=0
  * series-v2 keeps "paged out" and "shared" at a flush
    with profile=series-v2
    after init_start; page_in 0; share 1
    do flush_slot 0 -> OK
    leaves flags=1 g=M,S,.,./.,. h=n,n,.,./.,. used=
  * linux-5.6 flushes nothing
    with profile=linux-5.6
    after init_start; page_in 0
    do flush_slot 0 -> OK
`

t.test('add a slot', async (t) => {
  checkRows(t, rowsOf(ADD))
})
t.test('remove a slot', async (t) => {
  checkRows(t, rowsOf(REMOVE, { slots: '0:0+4 1:4+2' }))
})
t.test('flush a slot', async (t) => {
  checkRows(t, rowsOf(FLUSH, { slots: '0:0+4 1:4+2' }))
})
