import t from 'tap'
import { asGfn, asGpa, asLpid } from '../../src/abi/page.ts'
import { type WaitCondition, type WaitEnd, Waits, waitMsMax } from '../../src/hv/wait.ts'
import { LPID, World } from './inspected-world.ts'

const pageIn = (gfn: number, flags = 0) =>
  ({ call: 'H_SVM_PAGE_IN', lpid: LPID, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const
const secure = { of: 'vm', lpid: LPID, state: 'secure' } as const

/** How a wait has ended so far. */
function wait(world: World, condition: WaitCondition, ms = 1_000) {
  const told: { how: WaitEnd['how'] | 'open'; cancel: () => void } = {
    how: 'open',
    cancel: () => undefined,
  }
  const { end, cancel } = world.inspected.waits.waitFor(condition, ms)
  told.cancel = cancel
  end.then(({ how }) => {
    told.how = how
  })
  return told
}

t.test('who waits for a VM to be secure is told when it is, and not before', async (t) => {
  const world = new World()
  await world.vm(4)
  const told = wait(world, secure)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  t.equal(told.how, 'open')
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  t.equal(told.how, 'met')
  t.equal(world.timers, 0, 'its timer is gone')
  t.equal(world.inspected.waits.size, 0)
})

t.test('what holds already is not waited for', async (t) => {
  const world = new World()
  await world.vm(4)
  const told = wait(world, { of: 'vm', lpid: LPID, state: 'normal' })
  await world.settle()
  t.equal(told.how, 'met')
  t.equal(world.timers, 0)
})

t.test('who waits too long is told so', async (t) => {
  const world = new World()
  await world.vm(4)
  const told = wait(world, secure, 1_000)
  world.pass(999)
  await world.settle()
  t.equal(told.how, 'open')
  world.pass(1)
  await world.settle()
  t.equal(told.how, 'late')
  t.equal(world.inspected.waits.size, 0)
})

t.test('nobody waits longer than the limit', async (t) => {
  const world = new World()
  await world.vm(4)
  const told = wait(world, secure, waitMsMax * 2)
  world.pass(waitMsMax - 1)
  await world.settle()
  t.equal(told.how, 'open')
  world.pass(1)
  await world.settle()
  t.equal(told.how, 'late')
})

t.test('who gives up is not told later', async (t) => {
  const world = new World()
  await world.vm(4)
  const told = wait(world, { of: 'vm', lpid: LPID, state: 'transient' })
  told.cancel()
  told.cancel()
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  t.equal(told.how, 'cancelled')
  t.equal(world.timers, 0)
})

t.test('a VM can be waited for until it is stopped, gone or alone', async (t) => {
  const world = new World()
  await world.vm(4)
  const alone = wait(world, { of: 'vm', lpid: LPID, state: 'orphan' })
  const stopped = wait(world, { of: 'vm', lpid: LPID, state: 'fault' })
  const gone = wait(world, { of: 'vm', lpid: LPID, state: 'gone' })
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  world.script.set('UV_PAGE_IN', [-4])
  await world.run(pageIn(1))
  t.equal(stopped.how, 'open')
  await world.run(pageIn(1, 1))
  t.equal(stopped.how, 'met')
  t.equal(alone.how, 'open')
  world.inspected.hv.closeSession(world.session)
  await world.settle()
  t.equal(alone.how, 'met')
  t.equal(gone.how, 'open')
  await world.settle(world.vmm.destroy(LPID))
  t.equal(gone.how, 'met')
})

t.test('a VM that does not exist yet can be waited for', async (t) => {
  const world = new World()
  const told = wait(world, { of: 'vm', lpid: LPID, state: 'normal' })
  await world.settle()
  t.equal(told.how, 'open')
  await world.vm(4)
  t.equal(told.how, 'met')
})

t.test('a frame can be waited for, moved alone or with all others', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run({ call: 'H_SVM_INIT_START', lpid: LPID })
  const frame = (gfn: number) =>
    wait(world, { of: 'frame', lpid: LPID, gfn: asGfn(gfn), state: 'secure' })
  const [one, two, outside] = [frame(1), frame(2), frame(8)]
  await world.run(pageIn(1))
  t.equal(one.how, 'met')
  t.equal(two.how, 'open')
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  t.equal(two.how, 'met')
  t.equal(outside.how, 'open', 'a frame in no slot is in no state')
})

t.test('sessions can be waited for by name, and until none is left', async (t) => {
  const world = new World()
  const second = wait(world, { of: 'session', session: 'second', state: 'open' })
  const none = wait(world, { of: 'session', state: 'closed' })
  await world.settle()
  t.equal(second.how, 'open')
  const session = world.inspected.hv.openSession('second', world.link())
  await world.settle()
  t.equal(second.how, 'met')
  world.inspected.hv.closeSession(world.session)
  await world.settle()
  t.equal(none.how, 'open')
  if (!('limit' in session)) world.inspected.hv.closeSession(session)
  await world.settle()
  t.equal(none.how, 'met')
})

t.test('a count can be waited for, of a VM or of the host', async (t) => {
  const world = new World()
  const other = asLpid(2)
  await world.vm(8)
  await world.vm(8, other)
  const two = { atLeast: 2 } as const
  const vm = wait(world, { of: 'count', lpid: LPID, count: 'pagesIn', ...two })
  const host = wait(world, { of: 'count', count: { call: 'H_SVM_PAGE_IN' }, ...two })
  for (const lpid of [LPID, other]) {
    await world.run({ call: 'H_SVM_INIT_START', lpid })
    await world.run({ ...pageIn(1), lpid })
  }
  t.equal(vm.how, 'open')
  t.equal(host.how, 'met')
  await world.run(pageIn(2))
  t.equal(vm.how, 'met')
})

t.test('no more than so many wait', async (t) => {
  const waits = new Waits({ holds: () => false, after: () => () => undefined }, 2)
  const first = waits.waitFor(secure, 1)
  waits.waitFor(secure, 1)
  t.same(await waits.waitFor(secure, 1).end, { how: 'full' }, 'one past the limit')
  first.cancel()
  waits.waitFor(secure, 1)
  t.equal(waits.size, 2, 'there is room again')
})
