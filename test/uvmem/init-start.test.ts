/** H_SVM_INIT_START: hv.md section 3. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

const REFUSALS = `
  * linux-6, from outside secure context: the flag is not touched either
    do init_start outside -> H_UNSUPPORTED by kvmppc_pseries_do_hcall
  * linux-6, no secure memory: INIT_START is set before any check
    with pool=0
    do init_start -> H_UNSUPPORTED by kvmppc_h_svm_init_start
    leaves flags=1 g=x,x,x,x/x,x
  * spec, no secure memory
    with pool=0 profile=spec
    do init_start -> H_UNSUPPORTED by kvmppc_h_svm_init_start
  * linux-5.6, no secure memory
    with pool=0 profile=linux-5.6
    do init_start -> H_UNSUPPORTED
  * linux-6, a hash VM
    with hash
    do init_start -> H_UNSUPPORTED
    leaves flags=1 g=x,x,x,x/x,x
  * spec, a hash VM
    with hash profile=spec
    do init_start -> H_UNSUPPORTED
  * no secure memory is asked before the capability
    with pool=0 svmoff profile=spec
    do init_start -> H_UNSUPPORTED
  * hash is asked before the capability
    with hash svmoff profile=spec
    do init_start -> H_UNSUPPORTED
  * linux-6, the VMM has not switched the capability on
    with svmoff
    do init_start -> H_AUTHORITY by kvmppc_h_svm_init_start
    leaves flags=1 g=x,x,x,x/x,x
  * spec, the VMM has not switched the capability on
    with svmoff profile=spec
    do init_start -> H_AUTHORITY by kvmppc_h_svm_init_start
  * linux-5.6 does not ask for the capability
    with svmoff profile=linux-5.6 slots=
    do init_start -> H_SUCCESS
    leaves flags=1
  * spec, begun already
    with profile=spec
    after init_start
    do init_start -> H_STATE
  * spec, secure already
    with profile=spec
    after init_start; init_done
    do init_start -> H_STATE
`

const REGISTRATION = `
  * every slot is registered, by ascending id
    do init_start -> H_SUCCESS
    asks UV_REGISTER_MEM_SLOT 0 0x0+0x40000; UV_REGISTER_MEM_SLOT 3 0x80000+0x20000
    leaves flags=1 g=.,.,.,./.,. used=
  * by id, not by address
    with slots=2:0+1,1:4+1
    do init_start -> H_SUCCESS
    asks UV_REGISTER_MEM_SLOT 1 0x40000+0x10000; UV_REGISTER_MEM_SLOT 2 0x0+0x10000
    leaves flags=1 g=./. used=
  * a VM without slots
    with slots=
    do init_start -> H_SUCCESS
    leaves flags=1
  * linux-6, the second slot is refused: it is unregistered again, the first one stays
    do init_start !0,-4 -> H_PARAMETER by kvmppc_h_svm_init_start
    asks CALL0; CALL3; UV_UNREGISTER_MEM_SLOT 3
    leaves flags=1 g=.,.,.,./x,x
  * linux-6, the third slot is refused: unregistered once for each earlier one
    with slots=0:0+4,3:8+2,4:16+1
    do init_start !0,0,-55 -> H_PARAMETER
    asks CALL0; CALL3; CALL4; UV_UNREGISTER_MEM_SLOT 4; UV_UNREGISTER_MEM_SLOT 4
    leaves flags=1 g=.,.,.,./.,./x
  * spec, the third slot is refused: the earlier ones are unregistered
    with profile=spec slots=0:0+4,3:8+2,4:16+1
    do init_start !0,0,-55 -> H_PARAMETER
    asks CALL0; CALL3; CALL4; UV_UNREGISTER_MEM_SLOT 0; UV_UNREGISTER_MEM_SLOT 3
    leaves flags=0 g=x,x,x,x/x,x/x
  * linux-5.6, the second slot is refused: nothing is unregistered, the flag stays unset
    with profile=linux-5.6
    do init_start !0,-4 -> H_PARAMETER
    asks CALL0; CALL3
    leaves flags=0 g=.,.,.,./x,x
  * the first slot is refused: nothing to roll back
    with profile=spec
    do init_start !-56 -> H_PARAMETER
    asks CALL0
  * linux-6 takes U_BUSY (1) for success
    do init_start !0,1 -> H_SUCCESS
    asks CALL0; CALL3
    leaves flags=1 g=.,.,.,./.,.
  * spec does not
    with profile=spec
    do init_start !0,1 -> H_PARAMETER
    asks CALL0; CALL3; UV_UNREGISTER_MEM_SLOT 0
    leaves flags=0 g=x,x,x,x/x,x
  * linux-5.6 answers with the last registration's code
    with profile=linux-5.6
    do init_start !0,1 -> H_BUSY by kvmppc_h_svm_init_start
    asks CALL0; CALL3
    leaves flags=1 g=.,.,.,./.,.
  * linux-5.6, a positive code of an earlier slot is forgotten
    with profile=linux-5.6
    do init_start !1,0 -> H_SUCCESS
    asks CALL0; CALL3
    leaves flags=1 g=.,.,.,./.,.
  * linux-6, page merging cannot be switched off: the slot is not registered
    after ksm_fail 3 -12
    do init_start -> H_PARAMETER by kvmppc_memslot_page_merge
    asks CALL0; UV_UNREGISTER_MEM_SLOT 3
    leaves flags=1 g=.,.,.,./x,x
  * spec, page merging cannot be switched off: the earlier slot is taken back
    with profile=spec
    after ksm_fail 3 -12
    do init_start -> H_PARAMETER by kvmppc_memslot_page_merge
    asks CALL0; UV_UNREGISTER_MEM_SLOT 0
    leaves flags=0 g=x,x,x,x/x,x
  * linux-5.6 does not ask at registration
    with profile=linux-5.6
    after ksm_fail 3 -12
    do init_start -> H_SUCCESS
    asks CALL0; CALL3
    leaves flags=1
  * linux-6, the mapping of a slot is gone
    after vma_unmap 0
    do init_start -> H_PARAMETER by kvmppc_memslot_page_merge
    leaves flags=1 g=x,x,x,x/x,x
  * linux-6, a second call clears INIT_DONE and shadows all states
    after init_start; page_in 0; init_done
    do init_start -> H_SUCCESS
    asks CALL0; CALL3
    leaves flags=1 g=.,.,.,./.,. h=d0,d1,d2,d3/d4,d5 used=0,1,2,3,4,5
`
  .replaceAll('CALL0', 'UV_REGISTER_MEM_SLOT 0 0x0+0x40000')
  .replaceAll('CALL3', 'UV_REGISTER_MEM_SLOT 3 0x80000+0x20000')
  .replaceAll('CALL4', 'UV_REGISTER_MEM_SLOT 4 0x100000+0x10000')

t.test('H_SVM_INIT_START refuses in order and asks nobody', async (t) => {
  checkRows(t, rowsOf(REFUSALS, { slots: '0:0+4 3:8+2' }))
})

t.test('H_SVM_INIT_START registers the slots, and rolls back as its profile does', async (t) => {
  checkRows(t, rowsOf(REGISTRATION, { slots: '0:0+4 3:8+2' }))
})

t.test('a start that succeeds gives no reason', async (t) => {
  t.equal(new World().do('init_start').source, undefined)
})
