import t from 'tap'
import { asGfn, asGpa, asLpid } from '../../src/abi/page.ts'
import {
  checkpointNameCharsMax,
  checkpointsMax,
  quietWaitMsMax,
  StateControl,
} from '../../src/hv/state-control.ts'
import { LPID, World } from './inspected-world.ts'

const pageIn = (gfn: number) =>
  ({ call: 'H_SVM_PAGE_IN', lpid: LPID, gpa: asGpa(gfn * 65_536), flags: 0, order: 16 }) as const
const start = { call: 'H_SVM_INIT_START', lpid: LPID } as const

async function newWorld(config = {}): Promise<{ world: World; control: StateControl }> {
  const world = new World(config)
  await world.vm(8)
  await world.run(start)
  const { hv } = world.inspected
  const control = new StateControl(hv, { after: (ms, run) => world.after(ms, run) })
  return { world, control }
}

const stateOf = ({ inspected }: World): string => {
  const { hv } = inspected
  const vms = [...hv.host.vms.values()].map(({ lpid, secureGuest }) => `${lpid}:${secureGuest}`)
  return `VMs ${vms.join(' ')}, pool ${hv.host.devices.pool.taken}, frames ${hv.framesTotal}`
}

t.test('a checkpoint brings everything back as it was', async (t) => {
  const { world, control } = await newWorld()
  await world.run(pageIn(1))
  t.match(await world.settle(control.save('one')), { name: 'one', vms: 1 })
  await world.run(pageIn(2))
  await world.vm(4, asLpid(2))
  t.equal(stateOf(world), 'VMs 1:1 2:0, pool 2, frames 12')
  t.equal(await world.settle(control.load('one')), undefined)
  t.equal(stateOf(world), 'VMs 1:1, pool 1, frames 8')
  t.equal(world.inspected.hv.isOrphan(LPID), true, 'its ultravisor is gone')
  t.same(world.ends, ['HOST_RESET'])
  t.equal(await world.settle(control.load('one')), undefined, 'a checkpoint can be used again')
})

t.test('a reset leaves nothing behind', async (t) => {
  const { world, control } = await newWorld()
  await world.run(pageIn(1))
  world.inspected.faults.add({ call: 'pin', action: { do: 'answer', code: -7 } })
  t.equal(await world.settle(control.reset()), undefined)
  t.equal(stateOf(world), 'VMs , pool 0, frames 0')
  t.equal(world.inspected.faults.size, 0)
  t.equal(world.inspected.hv.sessions.size, 0)
  t.same(world.inspected.history.of(LPID, asGfn(1)), [])
  await world.vm(4)
  t.equal(stateOf(world), 'VMs 1:0, pool 0, frames 4', 'and all begins again')
})

t.test('a reset ends calls that are under way, and those that wait for them', async (t) => {
  const { world, control } = await newWorld()
  world.answers = false
  const running = world.call(pageIn(1))
  const waiting = world.call({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  const done = control.reset()
  await world.settle()
  t.equal(waiting.end, 'LPID_UNKNOWN', 'its VM is gone')
  t.equal(world.call(pageIn(2)).end, 'LPID_UNKNOWN', 'so is that of one that comes now')
  t.equal(running.end, undefined)
  world.lose()
  await world.settle(done)
  t.equal(running.end, -4, 'the connection went with its ultracall')
  t.equal(stateOf(world), 'VMs , pool 0, frames 0')
})

t.test('a reset does not wait for what a rule has put off', async (t) => {
  const { world, control } = await newWorld()
  world.inspected.faults.add({ call: 'UV_PAGE_IN', action: { do: 'delay', ms: 100_000 } })
  const late = world.call(pageIn(1))
  world.answers = false
  const done = control.reset()
  await world.settle()
  t.equal(world.asked.length, 1, 'sent at last, on a connection that is ending')
  world.lose()
  await world.settle(done)
  t.equal(late.end, -4)
  t.equal(world.timers, 0)
})

t.test('a snapshot waits for a quiet moment, and new operations wait for it', async (t) => {
  const { world, control } = await newWorld()
  world.answers = false
  const running = world.call(pageIn(1))
  let taken: unknown
  control.snapshot().then((snapshot) => {
    taken = snapshot
  })
  await world.settle()
  t.equal(taken, undefined)
  const waiting = world.call(pageIn(2))
  world.answers = true
  await world.settle()
  t.match(
    taken,
    { devices: { used: [[0, 1]] } },
    'the one that was under way, not the one that came',
  )
  t.same([running.end, waiting.end], [0, 0])
  t.equal(world.inspected.hv.host.devices.pool.taken, 2)
})

t.test('a snapshot that finds no quiet moment is refused, and all goes on', async (t) => {
  const { world, control } = await newWorld()
  world.answers = false
  const running = world.call(pageIn(1))
  const refused = control.snapshot()
  await world.settle()
  const waiting = world.call(pageIn(2))
  world.pass(quietWaitMsMax - 1)
  await world.settle()
  t.equal(waiting.end, undefined)
  world.pass(1)
  t.match(await world.settle(refused), { why: 'busy' })
  world.answers = true
  await world.settle()
  t.same([running.end, waiting.end], [0, 0])
})

t.test(
  'a call inside an ultracall is not held back: what waits for it would never end',
  async (t) => {
    const { world, control } = await newWorld()
    await world.vm(8, asLpid(2))
    world.answers = false
    world.call(pageIn(1))
    const snapshot = control.snapshot()
    await world.settle()
    const nested = world.call({ ...start, lpid: asLpid(2) }, world.asked[0]?.body)
    world.answers = true
    t.match(await world.settle(snapshot), { format: 'uvmem-hypervisor' })
    t.equal(nested.end, 0)
  },
)

t.test('one VM can be taken from a host and put into it again', async (t) => {
  const { world, control } = await newWorld()
  await world.run(pageIn(1))
  const snapshot = await world.settle(control.snapshotVm(LPID))
  t.match(await world.settle(control.restoreVm(snapshot)), { why: 'unfit' }, 'while it is there')
  await world.settle(world.vmm.destroy(LPID))
  t.equal(await world.settle(control.restoreVm(snapshot)), undefined)
  t.equal(stateOf(world), 'VMs 1:1, pool 1, frames 8')
  t.match(await world.settle(control.snapshotVm(asLpid(9))), { why: 'unknown' })
})

t.test('a snapshot that does not fit changes nothing', async (t) => {
  const { world, control } = await newWorld()
  const before = stateOf(world)
  const other = await newWorld({ poolPages: 32 })
  const spec = await newWorld({ profile: 'spec' })
  const cases = [
    { why: 'not a snapshot', json: { format: 'else' } },
    { why: 'another pool', json: await other.world.settle(other.control.snapshot()) },
    { why: 'another profile', json: await spec.world.settle(spec.control.snapshot()) },
  ]
  for (const { why, json } of cases) {
    t.match(await world.settle(control.restore(json)), { why: 'unfit' }, why)
  }
  t.equal(stateOf(world), before)
  t.same(world.ends, [], 'nobody is disconnected')
  t.match(await world.settle(control.load('none')), { why: 'unknown' })
})

t.test('checkpoints are bounded in number and name, and can be removed', async (t) => {
  const { world, control } = await newWorld()
  const save = (name: string) => world.settle(control.save(name))
  for (let i = 0; i < checkpointsMax; i++) t.match(await save(`c${i}`), { name: `c${i}` })
  t.match(await save('more'), { why: 'full' }, 'one past the limit')
  t.match(await save('c0'), { name: 'c0' }, 'one that is there is replaced')
  t.equal(control.remove('c0'), true)
  t.equal(control.remove('c0'), false)
  t.match(await save('x'.repeat(checkpointNameCharsMax)), { vms: 1 })
  t.match(await save('x'.repeat(checkpointNameCharsMax + 1)), { why: 'unfit' })
  t.match(await save(''), { why: 'unfit' })
  t.equal(control.checkpoints().length, checkpointsMax)
})
