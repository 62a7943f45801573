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
  * series-v2 resets the state of a secure page as well
    with profile=series-v2 touched=0
    after init_start; page_in 0
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,. h=n,.,.,. used=
  * linux-6, the mapping is gone: states are not reset
    after init_start; share 1; vma_unmap 0
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=.,S,.,. h=-
  * series-v3, the mapping is gone: they are, as each page is looked at
    with profile=series-v3
    after init_start; share 1; vma_unmap 0
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=.,.,.,. h=-
  * linux-6, a stale mark on a PFN that is free: the kernel dies
    with slots=0:8+1,1:0+2
    after init_start; page_in 0; init_start; unmap 0; init_start !0,-4
    do svm_off -> H_HARDWARE
    asks UV_UNREGISTER_MEM_SLOT 0
    leaves fault=OOPS flags=1 g=./U0,. used=
  * the host has no frame left: a page stays, and its slot all the same
    with frames=1
    after init_start; page_in 0; touch 3
    do svm_off -> OK
    asks UV_UNREGISTER_MEM_SLOT 0; UV_SVM_TERMINATE
    leaves flags=0 g=U0,.,.,. h=d0,.,.,n used=0
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

t.test(
  'a pinned frame lives until it is let go, and is freed only when nobody maps it',
  async (t) => {
    const cases = [
      { why: 'it is mapped where it was', lines: ['unpin 0'], used: 1 },
      { why: 'it is mapped nowhere any more', lines: ['unmap 0', 'unpin 0'], used: 0 },
      { why: 'another one is mapped there', lines: ['unmap 0', 'touch 0', 'unpin 0'], used: 1 },
      { why: 'until then it is there', lines: ['unmap 0', 'touch 0'], used: 2 },
      {
        why: 'its slot is gone, its mapping is not',
        lines: ['remove_slot 0 keep', 'unpin 0'],
        used: 1,
      },
      { why: 'its slot and its mapping are gone', lines: ['remove_slot 0', 'unpin 0'], used: 0 },
      {
        why: 'its mapping is behind another slot now',
        lines: ['remove_slot 0 keep', 'add_slot 0:8+4', 'unpin 0'],
        used: 1,
      },
    ]
    for (const { why, lines, used } of cases) {
      const world = new World({ after: ['pin 0', ...lines] })
      t.equal(world.host.ram.used, used, why)
    }
  },
)

t.test('a frame that moved with its slot is looked for among frames in a row', async (t) => {
  // Frames 1, 2 and 3 lie in a row behind GFNs 0, 1 and 2.
  const after = ['touch 0', 'touch 1', 'touch 2']
  const moved = ['remove_slot 0 keep', 'add_slot 0:8+4']
  for (const gfn of [0, 1, 2]) {
    const world = new World({ after: [...after, `pin ${gfn}`, ...moved, `unpin ${gfn}`] })
    t.equal(world.host.ram.used, 3, `GFN ${gfn}`)
  }
  for (const [gfn, rest] of [
    [2, 'the frame behind the row'],
    [0, 'the frame before it'],
  ] as const) {
    const lines = [`pin ${gfn}`, `unmap ${gfn}`, ...moved, `unpin ${gfn}`]
    t.equal(new World({ after: [...after, ...lines] }).host.ram.used, 2, rest)
  }
})
