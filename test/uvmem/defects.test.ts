/**
 * What the real code does wrong (hv.md section 5): each row under the profile that has the defect,
 * and beside it under spec.
 */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'

const LEAK = `
  * linux-6, after a failed UV_PAGE_IN: page-in says "secure already"
    after init_start; page_in 0 !-4
    do page_in 0 -> H_PARAMETER by kvmppc_h_svm_page_in
  * spec: page-in works
    with profile=spec
    after init_start; page_in 0 !-4
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=U0,.,.,. used=0
  * linux-6: page-out succeeds without effect
    after init_start; page_in 0 !-4
    do page_out 0 -> H_SUCCESS
  * linux-6: share loops for ever in the kernel
    after init_start; page_in 0 !-4
    do share 0 -> H_HARDWARE
    leaves fault=LIVELOCK g=U0,.,.,. h=n,.,.,. used=0
  * spec: share works
    with profile=spec
    after init_start; page_in 0 !-4
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra1 to 0x0
    leaves g=S,.,.,. used=
  * linux-6: a reset does not give the PFN back
    after init_start; page_in 0 !-4
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 used=0
`

const START = `
  * linux-6, a page-in of a GFN without uvmem slot succeeds: nobody tracks the device page
    with slots=0:0+4,1:8+1
    after init_start !0,-4
    do page_in 8 -> H_SUCCESS
    leaves g=.,.,.,./x h=n,.,.,./d0 used=0
  * linux-6, any host access to it then faults for ever
    with slots=0:0+4,1:8+1
    after init_start !0,-4; page_in 8
    do touch 8 -> H_HARDWARE
    leaves fault=LIVELOCK h=n,.,.,./d0 used=0
  * spec, H_SVM_INIT_START has failed: a page-in is refused
    with profile=spec slots=0:0+4,1:8+1
    after init_start !0,-4
    do page_in 8 -> H_UNSUPPORTED by KVMPPC_SECURE_INIT_START
  * linux-6, a second H_SVM_INIT_START shadows the states: the same endless fault
    after init_start; page_in 0; init_start
    do touch 0 -> H_HARDWARE
    leaves fault=LIVELOCK h=d0,.,.,. used=0
  * spec, a second H_SVM_INIT_START is refused: the page comes back
    with profile=spec
    after init_start; page_in 0; init_start
    do touch 0 -> OK
    asks UV_PAGE_OUT 0x0 to ra2
    leaves g=M,.,.,. h=n,.,.,. used=
  * linux-6, with unmapping and a third, failing H_SVM_INIT_START: NULL dereference at share
    with slots=0:8+1,1:0+4
    after init_start; page_in 0; init_start; unmap 0; init_start !0,-4
    do share 0 -> H_HARDWARE
    leaves fault=OOPS g=./U0,.,.,. h=./.,.,.,. used=
  * linux-6, the same at a reset
    with slots=0:8+1,1:0+4
    after init_start; page_in 0; init_start; unmap 0; init_start !0,-4
    do svm_off -> H_HARDWARE
    asks UV_UNREGISTER_MEM_SLOT 0
    leaves fault=OOPS used=
  * spec: there is nothing to dereference
    with profile=spec slots=0:8+1,1:0+4
    after init_start; page_in 0; init_start; unmap 0; init_start !0,-4
    do share 0 -> H_SUCCESS
    asks UV_PAGE_IN ra3 to 0x0
    leaves g=./S,.,.,. h=./n,.,.,. used=
`

const LOST = `
  * linux-6, the host discards a secure page: no page-out, content lost
    after init_start; page_in 0
    do unmap 0 -> OK
    leaves g=M,.,.,. h=.,.,.,. used=
  * spec: paged out first
    with profile=spec
    after init_start; page_in 0
    do unmap 0 -> OK
    asks UV_PAGE_OUT 0x0 to ra2
    leaves g=M,.,.,. h=.,.,.,. used=
  * linux-6, the marks of a failed drop stick: the next page-out skips the copy
    after init_start; page_in 0; flush_slot 0 oom
    do page_out 0 -> H_SUCCESS
    leaves g=.,.,.,. h=n,.,.,. used=
  * spec, they do not
    with profile=spec
    after init_start; page_in 0; flush_slot 0 oom
    do page_out 0 -> H_SUCCESS
    asks UV_PAGE_OUT 0x0 to ra2
    leaves g=M,.,.,. h=n,.,.,. used=
`

const SLOTS = `
  * linux-5.6-final: memory whose slot was removed is added again: an endless fault
    with profile=linux-5.6-final
    after init_start; page_in 0; remove_slot 0 keep; add_slot 0:0+4
    do touch 0 -> H_HARDWARE
    leaves fault=LIVELOCK used=0
  * spec drops the pages when the slot goes
    with profile=spec
    after init_start; page_in 0; remove_slot 0 keep; add_slot 0:0+4
    do page_out 0 -> H_SUCCESS
    asks UV_PAGE_OUT 0x0 to ra3
    leaves used=1,2,3
  * linux-6, H_SVM_INIT_START after a reset: the old uvmem slots lie below the new ones
    after init_start; page_in 0; svm_off; init_start
    do page_in 0 -> H_SUCCESS
    asks UV_PAGE_IN ra2 to 0x0
    leaves g=U0,.,.,. used=0
`

const base = { touched: [0] }

t.test('a failed UV_PAGE_IN', async (t) => checkRows(t, rowsOf(LEAK, base)))
t.test('a failed or repeated H_SVM_INIT_START', async (t) => checkRows(t, rowsOf(START, base)))
t.test('lost contents and marks that stick', async (t) => checkRows(t, rowsOf(LOST, base)))
t.test('slots', async (t) => checkRows(t, rowsOf(SLOTS, base)))
