/** Create, reset to normal, destroy: hv.md section 4. */
import t from 'tap'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

const STORY = `
  * an LPID that is in use
    do create 1 0:0+4 -> EEXIST
  * reset of a normal VM: nothing
    with touched=0
    do svm_off -> OK
  * linux-6, reset of a secure VM: dropped without page-out; uvmem slots stay
    with slots=0:0+2,1:8+2 touched=0
    after init_start; page_in 0; init_done; share 8; page_out 1
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_UNREGISTER_MEM_SLOT 1; UV_SVM_TERMINATE
    leaves flags=0 g=.,./.,. h=n,n/n,n used=
  * spec frees the uvmem slots
    with profile=spec
    after init_start; init_done
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=x,x,x,x h=n,n,n,n used=
  * the ultravisor refuses UV_SVM_TERMINATE: the flags stay
    after init_start; init_done
    do svm_off !0,-75 -> EINVAL by kvmhv_svm_off
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=3 g=.,.,.,. used=
  * a positive answer is a refusal, too
    after init_start
    do svm_off !0,1 -> EINVAL
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
  * a refused UV_UNREGISTER_MEM_SLOT is ignored
    after init_start
    do svm_off !-4 -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0
  * pins are let go, but only when it succeeds
    after pin 0; init_start
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 h=n,.,.,.
  * pins stay when it fails
    after pin 0; init_start
    do svm_off !0,-4 -> EINVAL
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
  * series-v2 resets the states here, though not at a flush
    with profile=series-v2
    after init_start; share 1
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,.
  * series-v3 resets the states
    with profile=series-v3
    after init_start; share 1
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,.
`

t.test('reset to normal and creation', async (t) => {
  checkRows(t, rowsOf(STORY))
})

t.test('destroy gives everything back', async (t) => {
  const cases = [
    { why: 'a normal VM', after: ['pin 0'], calls: [] },
    { why: 'one that has begun', after: ['init_start', 'page_in 0'], calls: ['UV_SVM_TERMINATE'] },
    { why: 'a secure one', after: ['init_start', 'init_done'], calls: ['UV_SVM_TERMINATE'] },
    {
      why: 'one with memory that outlived its slot',
      after: ['init_start', 'init_done', 'remove_slot 0 keep'],
      calls: ['UV_SVM_TERMINATE'],
    },
  ]
  for (const { why, after, calls } of cases) {
    const world = new World({ touched: [0, 1], after })
    const told = world.do('destroy !-75')
    t.equal(told.ret, 0, `${why}: whatever the ultravisor says`)
    t.same(told.calls, calls, `${why}: the ultracalls`)
    t.same(world.all, { used: '' }, `${why}: nothing is left`)
    t.equal(world.host.ram.used, 0, `${why}: no frame of normal memory either`)
    t.equal(world.do('create 1 0:0+4').ret, 0, `${why}: the LPID is free again`)
    t.equal(world.flags, 0, `${why}: and the next VM is normal`)
  }
})

t.test('linux-6: a leaked PFN does not come back with the VM; under spec none leaks', async (t) => {
  for (const [profile, used] of [
    ['linux-6', '0'],
    ['spec', ''],
  ] as const) {
    const world = new World({ profile, touched: [0], after: ['init_start', 'page_in 0 !-4'] })
    world.do('svm_off')
    world.do('destroy')
    t.equal(world.used, used, profile)
  }
})
