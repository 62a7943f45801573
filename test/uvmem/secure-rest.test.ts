/** What H_SVM_INIT_DONE secures where slots, states and mappings do not lie alike. */
import t from 'tap'
import { asFrame, asGfn, asLpid } from '../../src/abi/page.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { unmap } from '../../src/uvmem/vmm/touch.ts'
import { World } from './world.ts'

t.test('linux-6 walks the uvmem slot, and ends at a frame that no memory slot has', async (t) => {
  const world = new World({ after: ['init_start'] })
  world.vm().uvmem.add(asGfn(0), 6)
  const { ret, source } = world.do('init_done')
  t.same([ret, source], [-75, 'gfn_to_hva'])
  t.equal(world.g, 'U0,U1,U2,U3', 'what came before it is secure')
  t.equal(world.flags, 1)
})

t.test('the series walk the memory slot, and no further', async (t) => {
  const world = new World({ profile: 'series-v3', slots: '0:10+4', after: ['init_start'] })
  world.vm().uvmem.add(asGfn(10), 8)
  t.equal(world.do('init_done').ret, 0)
  t.equal(world.g, 'U0,U1,U2,U3')
  t.equal(world.used, '0,1,2,3')
})

t.test('states that rise like numbers are not taken for normal ones', async (t) => {
  const world = new World({ after: ['init_start', 'share 1', 'page_in 2', 'page_out 2'] })
  t.equal(world.g, '.,S,M,.')
  t.equal(world.do('init_done').ret, 0)
  t.equal(world.g, 'U0,S,M,U1')
})

t.test('stateless: without a normal frame to offer, the ultravisor is not asked', async (t) => {
  const world = new World({ profile: 'stateless', frames: 1, touched: [0], after: ['init_start'] })
  world.host.ram.write(asFrame(1), 5n)
  world.do('share 0')
  t.equal(world.g, '.,.,.,.', 'a shared frame has no state there')
  const other = new World({ profile: 'stateless', frames: 1, slots: '0:0+2 1:8+1', touched: [8] })
  other.do('init_start')
  const { ret, calls } = other.do('init_done')
  t.same([ret, calls], [-75, []])
  t.same([other.g, other.used, other.flags], ['.,./.', '', 1])
})

t.test('stateless: what is paged out is normal', async (t) => {
  const world = new World({
    profile: 'stateless',
    after: ['init_start', 'page_in 0', 'page_out 0'],
  })
  t.equal(world.g, '.,.,.,.')
})

t.test('a frame that no uvmem slot has is offered, and stays where it is', async (t) => {
  const profile = { ...HV_PROFILES.stateless, securesUntracked: true }
  const world = new World({ profile, after: ['init_start'] })
  world.vm().uvmem.clear()
  world.vm().uvmem.add(asGfn(0), 2)
  const { ret, calls } = world.do('init_done')
  t.equal(ret, 0)
  t.equal(calls.length, 4)
  t.same([world.g, world.h], ['U0,U1,x,x', 'd0,d1,n,n'])
})

t.test('a slot whose merging cannot be switched off, where it is so for each page', async (t) => {
  const world = new World({ profile: 'series-v3', after: ['init_start', 'ksm_fail 0 -12'] })
  t.equal(world.do('init_done').ret, -75)
  t.same([world.g, world.used, world.flags], ['.,.,.,.', '', 1])
})

t.test('linux-6: a page in swap ends it, and what is in swap stays', async (t) => {
  const world = new World({ touched: [2] })
  world.host.ram.write(asFrame(1), 7n)
  unmap(world.host, world.vm(), asGfn(2), 'reclaim').next(0)
  world.do('init_start')
  t.equal(world.do('init_done').ret, -75)
  t.equal(world.g, 'U0,U1,.,.')
  t.equal(world.vm().slots.at(asGfn(2))?.region.swap.get(2), 7n)
})

t.test('frame by frame or at a stroke, the ultravisor is not asked', async (t) => {
  for (const how of ['pin', 'touch']) {
    const after = [`${how} 8`, 'init_start', 'share 8']
    const world = new World({ slots: '0:0+4 1:8+1', touched: [1], after })
    const { ret, calls } = world.do('init_done')
    t.same([ret, calls], [0, []], how)
    t.equal(world.g, 'U0,U1,U2,U3/S', how)
    t.equal(world.host.ram.used, 1, `${how}: the frame of GFN 1 is free, too`)
  }
})

t.test(
  'linux-6: a device page whose state a second start has hidden cannot be moved',
  async (t) => {
    const world = new World({ after: ['init_start', 'page_in 0', 'init_start'] })
    const { ret, source } = world.do('init_done')
    t.same([ret, source], [-75, 'migrate_vma_setup'])
    t.same([world.g, world.h, world.used], ['.,.,.,.', 'd0,.,.,.', '0'])
  },
)

t.test('stateless: a frame that no PFN is left for is not offered', async (t) => {
  const world = new World({ profile: 'stateless', pool: 1, slots: '0:10+2', after: ['init_start'] })
  const { ret, calls, source } = world.do('init_done')
  t.same([ret, source], [-75, 'kvmppc_uvmem_get_page'])
  t.same(calls, ['UV_PAGE_IN ra1 to 0xa0000'])
  t.same([world.g, world.h, world.used], ['U0,.', 'd0,n', '0'])
})

t.test('frames that are secured one by one let others run, too', async (t) => {
  const pages = 8_194
  const world = new World({ pool: pages, frames: pages, slots: `0:0+${pages}` })
  world.do('init_start')
  const vm = world.vm()
  const words = vm.uvmem.at(asGfn(0))?.words
  for (let i = 1; i < pages; i += 2) words?.set(i, 1)
  const steps = hypercall(world.host, vm, { call: 'H_SVM_INIT_DONE', lpid: asLpid(1) })
  const asked: string[] = []
  for (let step = steps.next(0); step.done !== true; step = steps.next(0)) {
    asked.push(step.value.call)
    t.equal(world.host.devices.pool.taken, 4_096, 'after 4,096 of them')
  }
  t.same(asked, ['RESCHED'])
  t.equal(world.host.devices.pool.taken, 4_097)
})
