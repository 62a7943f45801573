/** H_SVM_INIT_ABORT: hv.md section 3. */
import t from 'tap'
import { initAbort } from '../../src/uvmem/hcalls/init-abort.ts'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

const STORY = `
  * before H_SVM_INIT_START
    do init_abort -> H_UNSUPPORTED by KVMPPC_SECURE_INIT_START
  * after H_SVM_INIT_DONE
    after init_start; init_done
    do init_abort -> H_STATE by kvmppc_h_svm_init_abort
  * linux-5.6 has no such call: the VMM gets it
    with profile=linux-5.6
    after init_start
    do init_abort -> RESUME_HOST
  * linux-6: secure frames are paged out, the others forget; uvmem slots stay
    after init_start; page_in 0; page_in 1; page_out 1; share 2
    do init_abort -> H_PARAMETER by kvmppc_h_svm_init_abort
    asks UV_PAGE_OUT 0x0 to ra3; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,. h=n,n,n,. used=
  * spec frees the uvmem slots
    with profile=spec
    after init_start; page_in 0
    do init_abort -> H_PARAMETER
    asks UV_PAGE_OUT 0x0 to ra1; UV_SVM_TERMINATE
    leaves flags=0 g=x,x,x,x h=n,.,.,. used=
  * it is served from outside secure context, too
    after init_start
    do init_abort outside -> H_PARAMETER
    asks UV_SVM_TERMINATE
    leaves flags=0
  * the answer of UV_SVM_TERMINATE is ignored
    after init_start
    do init_abort !-75 -> H_PARAMETER
    asks UV_SVM_TERMINATE
    leaves flags=0
  * a page that the ultravisor does not give back is left, the next one goes on
    after init_start; page_in 0; page_in 1
    do init_abort !-75 -> H_PARAMETER
    asks UV_PAGE_OUT 0x0 to ra1; UV_PAGE_OUT 0x10000 to ra2; UV_SVM_TERMINATE
    leaves flags=0 g=U0,.,.,. h=d0,n,.,. used=0
  * without a normal frame a page is left
    after init_start; page_in 0
    do init_abort oom -> H_PARAMETER
    asks UV_SVM_TERMINATE
    leaves flags=0 g=U0,.,.,. h=d0,.,.,. used=0
  * a slot whose mapping is gone is passed over
    after init_start; vma_unmap 0
    do init_abort -> H_PARAMETER
    asks UV_SVM_TERMINATE
    leaves flags=0
  * series-v2 resets the states here, though not at a flush
    with profile=series-v2 touched=0
    after init_start; share 1; page_in 0
    do init_abort -> H_PARAMETER
    asks UV_PAGE_OUT 0x0 to ra3; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,. h=n,n,.,. used=
  * linux-6, a stale mark on a PFN that is free: the kernel dies there, and the flags stay
    with slots=0:8+1,1:0+2
    after STALE
    do init_abort -> H_HARDWARE
    leaves fault=OOPS flags=1 g=./U0,U1 h=./.,d1 used=1
`.replace('STALE', 'init_start; page_in 0; page_in 1; init_start; unmap 0; init_start !0,-4')

t.test('H_SVM_INIT_ABORT takes everything back to normal memory', async (t) => {
  checkRows(t, rowsOf(STORY))
})

t.test('an oops says what the kernel would', async (t) => {
  const after = ['init_start', 'page_in 0', 'init_start', 'unmap 0', 'init_start !0,-4']
  const world = new World({ slots: '0:8+1 1:0+2', after })
  world.do('init_abort')
  t.equal(world.vm().fault?.message, 'invalid memory access (kernel NULL/wild dereference)')
})

t.test('an abort lets others run every 4,096 pages that it looks at', async (t) => {
  const world = new World({ slots: '0:0+8192', pool: 8_192, frames: 9_000 })
  const [host, vm] = [world.host, world.vm()]
  world.do('init_start')
  for (let gfn = 0; gfn < 8_192; gfn++) world.do(`page_in ${gfn}`)
  const steps = initAbort(host, vm)
  const turns: number[] = []
  let outs = 0
  for (let step = steps.next(0); step.done !== true; step = steps.next(0)) {
    if (step.value.call === 'UV_PAGE_OUT') outs++
    if (step.value.call === 'RESCHED') turns.push(outs)
  }
  t.same(turns, [4_096, 8_192])
})
