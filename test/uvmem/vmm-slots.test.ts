/** Memory slots added, removed and flushed: hv.md section 4. */
import t from 'tap'
import { asGfn, asSlotId } from '../../src/abi/page.ts'
import type { HvSteps } from '../../src/uvmem/host.ts'
import { addSlot, removeSlot } from '../../src/uvmem/vmm/slots.ts'
import { checkRows } from './rows.ts'
import { rowsOf } from './story.ts'
import { World } from './world.ts'

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
  * linux-6, a page that cannot be dropped: its PFN is lost
    after init_start; page_in 4; page_in 5
    do remove_slot 1 keep oom -> OK
    asks UV_UNREGISTER_MEM_SLOT 1
    leaves flags=1 g=.,.,.,. used=0,1
  * spec, pages that cannot be dropped: what they held is lost, not their PFNs
    with profile=spec
    after init_start; page_in 4; page_in 5
    do remove_slot 1 keep oom -> OK
    asks UV_UNREGISTER_MEM_SLOT 1
    leaves flags=1 g=.,.,.,. used=
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

/** The device pages that note an address, with it. */
const noted = (world: World): readonly (readonly [number, number])[] =>
  [...world.host.devices.notes()].flatMap(([pfn, { gpa }]) =>
    gpa === undefined ? [] : [[pfn, gpa] as const],
  )

t.test('memory that outlives its slot notes where its device pages belonged', async (t) => {
  const slots = '0:0+4 1:4+3'
  const options = { profile: 'linux-5.6-final', slots } as const
  const kept = ['init_start', 'touch 4', 'page_in 5', 'page_in 6', 'remove_slot 1 keep']
  const world = new World({ ...options, after: kept })
  t.same(noted(world), [
    [0, 0x50000],
    [1, 0x60000],
  ])
  world.do('add_slot 1:4+3')
  t.same(noted(world), [], 'at the same place again the notes say nothing')
  t.equal(world.h, '.,.,.,./n,d0,d1')

  const moved = new World({ ...options, after: [...kept, 'add_slot 1:8+3'] })
  t.equal(moved.h, '.,.,.,./n,d0,d1')
  t.same(noted(moved), [
    [0, 0x50000],
    [1, 0x60000],
  ])
  moved.do('remove_slot 1 keep')
  t.same(noted(moved)[0], [0, 0x50000], 'a note that is there stays')

  const odd = ['init_start', 'page_in gpa 327687', 'remove_slot 1 keep', 'add_slot 1:4+3']
  t.same(noted(new World({ ...options, after: odd })), [[0, 327_687]], 'an odd address stays, too')
})

t.test('a device page that moved with its slot is freed where its note says', async (t) => {
  const after = ['init_start', 'page_in 4', 'page_in 5', 'remove_slot 1 keep', 'add_slot 2:4+2']
  const moved = [...after, 'page_in 4', 'page_in 5', 'add_slot 1:8+2']
  const world = new World({ profile: 'linux-5.6-final', slots: '0:0+1 1:4+2', after: moved })
  t.equal(world.g, './.,./U2,U3')
  world.do('vma_unmap 1')
  t.equal(world.g, './.,./.,.', 'the frames that have these addresses now count as normal')
})

t.test('a slot gets the memory back that was made for it, if it is as big', async (t) => {
  const slots = '0:0+1 1:1+1 2:2+1'
  const after = [
    'touch 0',
    'touch 2',
    'remove_slot 0 keep',
    'remove_slot 1 keep',
    'remove_slot 2 keep',
  ]
  const own = new World({ slots, after: [...after, 'add_slot 2:2+1', 'add_slot 1:1+1'] })
  t.equal(own.h, './n', 'each its own')
  t.equal(own.host.ram.used, 2)
  const other = new World({ slots, after: [...after, 'add_slot 3:8+1'] })
  t.equal(other.h, '.', 'another slot gets none of it')
  t.equal(other.host.ram.used, 2)
  const bigger = new World({ slots, after: [...after, 'add_slot 2:2+2'] })
  t.equal(bigger.h, '.,.', 'memory of another size is given up')
  t.equal(bigger.host.ram.used, 1)
  const unmapped = new World({ slots, after: [...after, 'vma_unmap 2', 'add_slot 2:2+1'] })
  t.equal(unmapped.h, '.')
})

t.test('the ultravisor is not called for a slot that it asked for itself', async (t) => {
  for (const knownToUv of [true, false]) {
    const world = new World({ profile: 'spec', pool: 1, after: ['init_start'] })
    const [host, vm, id] = [world.host, world.vm(), asSlotId(1)]
    const calls = (steps: HvSteps<unknown>): readonly string[] => {
      const asked: string[] = []
      for (let step = steps.next(0); step.done !== true; step = steps.next(0)) {
        asked.push(step.value.call)
      }
      return asked.filter((call) => call !== 'RESCHED')
    }
    const wish = { id, base: asGfn(8), pages: 2, knownToUv }
    const both = ['UV_REGISTER_MEM_SLOT', 'UV_UNREGISTER_MEM_SLOT']
    t.same(calls(addSlot(host, vm, wish)), knownToUv ? [] : both, 'too few PFNs: it is undone')
    t.equal(vm.slots.get(id), undefined)
    t.same(calls(addSlot(host, vm, { ...wish, pages: 1 })), knownToUv ? [] : both.slice(0, 1))
    t.equal(vm.uvmem.at(asGfn(8))?.count, 1, 'its states are kept')
    t.same(calls(removeSlot(host, vm, id, true, knownToUv)), knownToUv ? [] : both.slice(1))
    t.equal(vm.uvmem.at(asGfn(8)), undefined)
  }
})

t.test('add a slot', async (t) => {
  checkRows(t, rowsOf(ADD))
})
t.test('remove a slot', async (t) => {
  checkRows(t, rowsOf(REMOVE, { slots: '0:0+4 1:4+2' }))
})
t.test('flush a slot', async (t) => {
  checkRows(t, rowsOf(FLUSH, { slots: '0:0+4 1:4+2' }))
})
