import t from 'tap'
import { FaultFile, FaultRule, faultDelayMsMax, faultRulesMax } from '../../schemas/faults.ts'
import { asGfn, asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { Faults } from '../../src/hv/faults.ts'
import { FAULT_PRESETS } from '../../src/hv/faults-presets.ts'
import { LPID, World } from './inspected-world.ts'

const GFN = asGfn(1)
const rule = (wish: object): FaultRule => FaultRule.parse(wish)
const refused = { do: 'answer', code: -4 } as const
const pageIn = (gfn: number, flags = 0) =>
  ({ call: 'H_SVM_PAGE_IN', lpid: LPID, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const
const start = { call: 'H_SVM_INIT_START', lpid: LPID } as const

/** A VM in transition, and rules that hold from then on. */
async function started(...rules: readonly object[]): Promise<World> {
  const world = new World()
  await world.vm(8)
  await world.run(start)
  for (const wish of rules) world.inspected.faults.add(rule(wish))
  return world
}

const used = (world: World): number => world.inspected.hv.host.devices.pool.taken

t.test('a hypercall that a rule answers has no effect', async (t) => {
  const world = await started({ call: 'H_SVM_PAGE_IN', times: 1, action: refused })
  t.equal(await world.run(pageIn(1)), -4)
  t.equal(used(world), 0)
  t.equal(world.inspected.counters.callCount('UV_PAGE_IN'), 0, 'the ultravisor is not asked')
  t.equal(await world.run(pageIn(1)), 0, 'the next one goes its way')
  const { events } = world.inspected.journal.query({ limit: 9, order: 'oldest', kind: 'fault' })
  t.same(
    events.map(({ call, gfn, args }) => ({ call, gfn, args })),
    [{ call: 'H_SVM_PAGE_IN', gfn: 1, args: { rule: 'f1', ...refused } }],
    'the journal says that it was a rule',
  )
})

t.test(
  'an ultracall that a rule answers never leaves, and its hypercall finds the code',
  async (t) => {
    const world = await started({ call: 'UV_PAGE_IN', nth: 2, action: refused })
    t.equal(await world.run(pageIn(1)), 0)
    world.answers = false
    const told = world.call(pageIn(2))
    await world.settle()
    t.equal(world.asked.length, 0)
    t.equal(told.end, -4)
    t.equal(used(world), 2, 'linux-6 loses the device PFN')
  },
)

t.test('what a VMM does can be answered, put off or starved', async (t) => {
  const world = await started(
    { call: 'host_touch', times: 1, action: { do: 'answer', code: -7 } },
    { call: 'add_slot', times: 1, action: { do: 'answer', code: -22 } },
    { call: 'read', times: 1, action: { do: 'answer', code: -7 } },
    { call: 'pin', action: { do: 'delay', ms: 50 } },
  )
  const { vmm } = world
  t.match(await world.settle(vmm.touch(LPID, GFN)), {
    how: 'done',
    result: -7,
    reason: { source: 'fault rule' },
  })
  const slot = { id: asSlotId(1), base: asGfn(8), pages: 8 }
  t.match(await world.settle(vmm.addSlot(LPID, slot)), { result: { ret: -22, uvmem: 0 } })
  t.equal(world.inspected.hv.vm(LPID)?.slots.size, 1)
  t.match(await world.settle(vmm.readPage(LPID, GFN)), { result: { ret: -7, page: null } })
  let pinned: unknown
  vmm.pin(LPID, GFN).then((outcome) => {
    pinned = outcome
  })
  await world.settle()
  t.equal(pinned, undefined)
  t.equal(world.inspected.hv.vm(LPID)?.pins.size, 0)
  world.pass(50)
  await world.settle()
  t.match(pinned, { how: 'done', result: 0 })
})

t.test('a call that is put off lets others pass', async (t) => {
  const world = await started({ call: 'H_SVM_PAGE_IN', gfn: 1, action: { do: 'delay', ms: 100 } })
  const late = world.call(pageIn(1))
  t.equal(await world.run(pageIn(2)), 0)
  t.equal(late.end, undefined)
  world.pass(99)
  await world.settle()
  t.equal(late.end, undefined)
  world.pass(1)
  await world.settle()
  t.equal(late.end, 0)
})

t.test('a call that is put off goes on when its rule is removed', async (t) => {
  const put = { action: { do: 'delay', ms: 60_000 } }
  const world = await started(
    { call: 'H_SVM_PAGE_IN', gfn: 1, ...put },
    { call: 'H_SVM_PAGE_IN', gfn: 2, ...put },
    { call: 'pin', ...put },
  )
  const [one, two] = [world.call(pageIn(1)), world.call(pageIn(2))]
  let pinned: unknown
  world.vmm.pin(LPID, asGfn(5)).then((outcome) => {
    pinned = outcome
  })
  const { faults } = world.inspected
  await world.settle()
  t.same([one.end, two.end, world.timers], [undefined, undefined, 3])
  faults.remove('f1')
  await world.settle()
  t.same([one.end, two.end, world.timers], [0, undefined, 2], 'that of the other rule waits on')
  faults.clear()
  await world.settle()
  t.same([one.end, two.end, world.timers], [0, 0, 0])
  t.match(pinned, { how: 'done', result: 0 })
  world.pass(60_000)
  await world.settle()
  t.equal(used(world), 2, 'nothing is done twice')
})

t.test('a call that is put off is forgotten when its session is closed', async (t) => {
  const world = await started({ call: 'H_SVM_PAGE_IN', action: { do: 'delay', ms: 100 } })
  const late = world.call(pageIn(1))
  world.inspected.hv.closeSession(world.session)
  world.pass(100)
  await world.settle()
  t.equal(late.end, undefined)
  t.equal(used(world), 0)
})

t.test('an ultracall that is put off holds its VM up', async (t) => {
  const world = await started({ call: 'UV_PAGE_IN', action: { do: 'delay', ms: 100 } })
  const late = world.call(pageIn(1))
  const done = world.call({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  await world.settle()
  t.same([late.end, done.end], [undefined, undefined])
  world.pass(100)
  await world.settle()
  t.same([late.end, done.end], [0, 0])
})

t.test('a call whose answer is dropped has its effect', async (t) => {
  const world = await started({ call: 'H_SVM_PAGE_IN', action: { do: 'drop' } })
  t.equal(await world.run(pageIn(1)), undefined)
  t.equal(used(world), 1)
})

t.test('an ultracall whose answer is dropped is waited for until the session ends', async (t) => {
  const world = await started({ call: 'UV_PAGE_IN', action: { do: 'drop' } })
  const told = world.call(pageIn(1))
  await world.settle()
  t.equal(told.end, undefined)
  t.equal(world.inspected.counters.callCount('UV_PAGE_IN'), 0, 'no answer has come')
  world.inspected.hv.closeSession(world.session)
  await world.settle()
  t.equal(told.end, -4)
})

t.test(
  'a connection that is cut before a call leaves no effect, one cut after it does',
  async (t) => {
    for (const when of ['before', 'after'] as const) {
      const world = await started({ call: 'H_SVM_PAGE_IN', action: { do: 'cut', when } })
      t.equal(await world.run(pageIn(1)), undefined, when)
      t.same(world.ends, ['cut'], when)
      t.equal(used(world), when === 'before' ? 0 : 1, when)
    }
  },
)

t.test(
  'a connection is cut before an ultracall leaves, or when it has been answered',
  async (t) => {
    for (const when of ['before', 'after'] as const) {
      const world = await started({ call: 'UV_PAGE_IN', action: { do: 'cut', when } })
      world.answers = false
      const told = world.call(pageIn(1))
      await world.settle()
      t.equal(world.asked.length, when === 'before' ? 0 : 1, when)
      world.answer()
      t.same(world.ends, ['cut'], when)
      t.equal(told.end, undefined, `${when}: nobody has an answer yet`)
      t.equal(world.inspected.hv.queueLength(LPID), 1, `${when}: the operation waits`)
      world.inspected.hv.closeSession(world.session)
      world.lose()
      await world.settle()
      t.equal(world.inspected.hv.queueLength(LPID), 0, when)
      const { events } = world.inspected.journal.query({
        limit: 1,
        order: 'newest',
        call: 'H_SVM_PAGE_IN',
      })
      t.equal(events[0]?.code, -4, when)
    }
  },
)

t.test('after a cut the answer that was lost comes with the next connection', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const world = await started({ call: 'UV_PAGE_IN', nth: 1, action: { do: 'cut', when } })
    world.answers = false
    const told = world.call(pageIn(1))
    await world.settle()
    world.answer()
    t.equal(told.end, undefined, `${when}: it waits`)
    world.resume()
    t.equal(world.asked.length, when === 'before' ? 1 : 0, `${when}: asked as often as needed`)
    world.answer()
    await world.settle()
    t.equal(told.end, 0, when)
    t.equal(used(world), 1, when)
  }
})

t.test('the pool is empty for one call, and only for that one', async (t) => {
  const world = await started({ call: 'H_SVM_PAGE_IN', gfn: 1, action: { do: 'exhaust-pool' } })
  world.answers = false
  const other = world.call(pageIn(2))
  const starved = world.call(pageIn(1))
  world.answers = true
  await world.settle()
  t.same([other.end, starved.end], [0, -4])
  const { host } = world.inspected.hv
  t.equal(host.devices.denies, false)
  t.equal(host.devices.available, 63)
  const { events } = world.inspected.journal.query({ limit: 9, order: 'oldest', code: -4 })
  t.equal(events[0]?.reason?.why, 'no device PFN is free')
})

t.test('a rule fits by call, VM and frames', async (t) => {
  const cases = [
    { why: 'another call', call: 'H_SVM_PAGE_OUT', lpid: 1, gfn: 5, fires: false },
    { why: 'another VM', call: 'H_SVM_PAGE_IN', lpid: 2, gfn: 5, fires: false },
    { why: 'before the first frame', call: 'H_SVM_PAGE_IN', lpid: 1, gfn: 3, fires: false },
    { why: 'the first frame', call: 'H_SVM_PAGE_IN', lpid: 1, gfn: 4, fires: true },
    { why: 'the last frame', call: 'H_SVM_PAGE_IN', lpid: 1, gfn: 5, fires: true },
    { why: 'one past it', call: 'H_SVM_PAGE_IN', lpid: 1, gfn: 6, fires: false },
    { why: 'no frame', call: 'H_SVM_PAGE_IN', lpid: 1, gfn: undefined, fires: false },
  ]
  const faults = new Faults()
  faults.add(rule({ call: 'H_SVM_PAGE_IN', lpid: 1, gfn: 4, count: 2, action: refused }))
  for (const { why, call, lpid, gfn, fires } of cases) {
    t.equal(faults.on(call, asLpid(lpid), gfn) !== undefined, fires, why)
  }
  t.match(faults.list(), [{ id: 'f1', seen: 2, hits: 2 }])
})

t.test('a rule fires at the n-th call, at every n-th, or so often', async (t) => {
  const firing = (wish: object): number[] => {
    const faults = new Faults()
    faults.add(rule({ call: 'UV_PAGE_IN', action: refused, ...wish }))
    return [1, 2, 3, 4, 5, 6].filter(() => faults.on('UV_PAGE_IN', LPID, 0) !== undefined)
  }
  t.same(firing({}), [1, 2, 3, 4, 5, 6])
  t.same(firing({ nth: 3 }), [3])
  t.same(firing({ every: 2 }), [2, 4, 6])
  t.same(firing({ times: 2 }), [1, 2])
  t.same(firing({ every: 2, times: 2 }), [2, 4])
  t.same(firing({ probability: 0 }), [])
  t.same(firing({ probability: 1 }), [1, 2, 3, 4, 5, 6])
})

t.test('chance is the same each time for a seed, and another for another', async (t) => {
  const drawn = (seed: number): string => {
    const faults = new Faults()
    faults.add(rule({ call: 'UV_PAGE_IN', probability: 0.5, seed, action: refused }))
    const hit = () => (faults.on('UV_PAGE_IN', LPID, 0) === undefined ? '.' : 'x')
    return Array.from({ length: 64 }, hit).join('')
  }
  t.equal(drawn(7), drawn(7))
  t.not(drawn(7), drawn(8))
  t.match(drawn(7), /x.*\..*x/)
})

t.test('the first rule that fires decides; those behind it do not see the call', async (t) => {
  const faults = new Faults()
  const call = 'UV_PAGE_IN'
  faults.add(rule({ call, nth: 2, action: { do: 'answer', code: 1 } }))
  faults.add(rule({ call, action: { do: 'answer', code: 2 } }))
  const codes = [1, 2, 3].map(() => {
    const action = faults.on(call, LPID, 0)?.action
    return action?.do === 'answer' ? action.code : undefined
  })
  t.same(codes, [2, 1, 2])
  t.match(faults.list(), [
    { id: 'f1', seen: 3, hits: 1 },
    { id: 'f2', seen: 2, hits: 2 },
  ])
})

t.test('rules can be removed, one or all; ids are not used again', async (t) => {
  const faults = new Faults()
  faults.add(rule({ call: 'UV_PAGE_IN', action: refused }))
  faults.add(rule({ call: 'UV_PAGE_IN', action: refused }))
  t.equal(faults.remove('f1'), true)
  t.equal(faults.remove('f1'), false)
  t.equal(faults.on('UV_PAGE_IN', LPID, 0)?.id, 'f2')
  faults.clear()
  t.equal(faults.on('UV_PAGE_IN', LPID, 0), undefined)
  t.equal(faults.size, 0)
  t.equal(faults.add(rule({ call: 'UV_PAGE_IN', action: refused }))?.id, 'f3')
})

t.test('there are no more rules than so many', async (t) => {
  const faults = new Faults()
  const one = rule({ call: 'UV_PAGE_IN', action: refused })
  for (let i = 0; i < faultRulesMax; i++) faults.add(one)
  t.equal(faults.size, faultRulesMax)
  t.equal(faults.add(one), undefined, 'one past the limit')
  t.equal(faults.remove('f1'), true)
  t.equal(faults.add(one)?.id, `f${faultRulesMax + 1}`)
})

t.test('a rule that cannot be is refused, and says which member is wrong', async (t) => {
  const ok = { call: 'H_SVM_PAGE_IN', action: refused }
  const cases = [
    { why: 'no call', wish: { action: refused }, path: 'call' },
    { why: 'an unknown call', wish: { ...ok, call: 'H_NOTHING' }, path: 'call' },
    { why: 'no action', wish: { call: 'H_SVM_PAGE_IN' }, path: 'action' },
    { why: 'count without gfn', wish: { ...ok, count: 2 }, path: 'count' },
    { why: 'nth and every', wish: { ...ok, nth: 1, every: 2 }, path: 'every' },
    { why: 'nth 0', wish: { ...ok, nth: 0 }, path: 'nth' },
    { why: 'LPID 0', wish: { ...ok, lpid: 0 }, path: 'lpid' },
    { why: 'more than certain', wish: { ...ok, probability: 1.1 }, path: 'probability' },
    {
      why: 'too long a delay',
      wish: { ...ok, action: { do: 'delay', ms: faultDelayMsMax + 1 } },
      path: 'action.ms',
    },
    {
      why: 'no answer to drop',
      wish: { call: 'host_touch', action: { do: 'drop' } },
      path: 'action',
    },
    {
      why: 'no connection to cut',
      wish: { call: 'pin', action: { do: 'cut', when: 'after' } },
      path: 'action',
    },
    {
      why: 'an ultracall takes no PFN',
      wish: { call: 'UV_PAGE_IN', action: { do: 'exhaust-pool' } },
      path: 'action',
    },
    {
      why: 'a load without bytes',
      wish: { call: 'MEM_READ', action: { do: 'answer', code: 0 } },
      path: 'action',
    },
  ]
  for (const { why, wish, path } of cases) {
    const { error } = FaultRule.safeParse(wish)
    t.equal(error?.issues[0]?.path.join('.'), path, why)
  }
  t.ok(FaultRule.safeParse({ ...ok, action: { do: 'delay', ms: faultDelayMsMax } }).success)
  t.notOk(FaultRule.safeParse({ ...ok, more: 1 }).success, 'a member that nobody knows')
})

t.test('every preset is a file of rules, and each is about something', async (t) => {
  for (const [name, { about, rules }] of Object.entries(FAULT_PRESETS)) {
    t.ok(FaultFile.safeParse({ rules }).success, name)
    t.match(about, /^[A-Z].*\.$/, name)
  }
})

t.test('presets lead where they say', async (t) => {
  const done = { call: 'H_SVM_INIT_DONE', lpid: LPID } as const
  const reset = async (world: World) => await world.settle(world.vmm.reset(LPID))
  t.equal(await (await started(...FAULT_PRESETS['pool-empty-at-done'].rules)).run(done), -75)
  const refusing = await started(...FAULT_PRESETS['terminate-refused'].rules)
  t.match(await reset(refusing), { result: -22 })
  t.equal(refusing.inspected.hv.vm(LPID)?.secureGuest, 1, 'its flags stay')
  t.match(await reset(refusing), { result: 0 }, 'once is all')
  const lost = await started(...FAULT_PRESETS['done-answer-lost'].rules)
  t.equal(await lost.run(done), undefined)
  t.equal(lost.inspected.hv.vm(LPID)?.secureGuest, 3)
  const world = new World()
  await world.vm(8)
  for (const each of FAULT_PRESETS['crash-in-start'].rules) world.inspected.faults.add(each)
  const told = world.call(start)
  await world.settle()
  t.equal(told.end, undefined)
  world.inspected.hv.closeSession(world.session)
  world.lose()
  await world.settle()
  t.equal(world.inspected.hv.queueLength(LPID), 0)
  t.equal(world.inspected.counters.callCount('H_SVM_INIT_START'), 1, 'it has ended')
  t.equal(world.inspected.hv.isOrphan(LPID), true)
})
