import t from 'tap'
import { asGfn, asGpa, asLpid, asRa } from '../../src/abi/page.ts'
import { Journal } from '../../src/hv/journal.ts'
import type { JournalEvent } from '../../src/hv/journal-entry.ts'
import { JournalNames } from '../../src/hv/journal-names.ts'
import { journalFollowersMax } from '../../src/hv/journal-stream.ts'
import { changesPerOperationMax } from '../../src/hv/journal-transitions.ts'
import { LPID, World } from './inspected-world.ts'

const ALL = { limit: 1_000, order: 'oldest' } as const

/** An event in a few words: what a reader of the journal looks at. */
const wordsOf = (event: JournalEvent): string => {
  const { kind, call, gfn, codeName, from, to, count, end, error } = event
  const frame = gfn === undefined ? '' : ` ${gfn}`
  if (kind === 'frames') return `${kind}${frame}+${count} ${from}>${to} by ${call}`
  if (kind === 'vm') return `vm ${from}>${to} by ${call}`
  return `${kind} ${call}${frame} ${codeName ?? error ?? end}`
}

const journalOf = ({ inspected }: World, since = 0): string[] =>
  inspected.journal.query({ ...ALL, since }).events.map(wordsOf)

const start = { call: 'H_SVM_INIT_START', lpid: LPID } as const
const pageIn = (gfn: number, flags = 0) =>
  ({ call: 'H_SVM_PAGE_IN', lpid: LPID, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const

t.test('the journal tells of a switch from its first call to its last', async (t) => {
  const world = new World()
  await world.vm(4)
  const since = world.inspected.journal.last
  await world.run(start)
  await world.run(pageIn(2))
  await world.run(pageIn(3, 1))
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  t.same(journalOf(world, since), [
    'hypercall H_SVM_INIT_START H_SUCCESS',
    'ultracall UV_REGISTER_MEM_SLOT U_SUCCESS',
    'vm normal>transient by H_SVM_INIT_START',
    'hypercall H_SVM_PAGE_IN 2 H_SUCCESS',
    'ultracall UV_PAGE_IN 2 U_SUCCESS',
    'frames 2+1 normal>secure by H_SVM_PAGE_IN',
    'hypercall H_SVM_PAGE_IN 3 H_SUCCESS',
    'ultracall UV_PAGE_IN 3 U_SUCCESS',
    'frames 3+1 normal>shared by H_SVM_PAGE_IN',
    'hypercall H_SVM_INIT_DONE H_SUCCESS',
    'frames 0+2 normal>secure by H_SVM_INIT_DONE',
    'vm transient>secure by H_SVM_INIT_DONE',
  ])
})

t.test('an event names its arguments, its stack and how long it took', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.run(start)
  world.answers = false
  const { journal } = world.inspected
  const since = journal.last
  world.call(pageIn(1))
  await world.settle()
  world.now += 5
  world.turn()
  const [open] = journal.query({ ...ALL, since }).events
  t.equal(open?.end, 'open', 'a call that waits is there already')
  t.equal(open?.duration, undefined)
  t.equal(open?.code, undefined)
  world.answer()
  await world.settle()
  const [hypercall, ultracall, frames] = journal.query({ ...ALL, since }).events
  t.same(hypercall?.args, { gpa: 65_536, flags: 0, order: 16 })
  t.equal(hypercall?.parent, 0)
  t.equal(hypercall?.duration, 5)
  t.same(ultracall?.args, { ra: 131_072, gpa: 65_536, flags: 0, order: 16 })
  t.equal(ultracall?.parent, hypercall?.serial, 'an ultracall is made in its hypercall')
  t.equal(frames?.parent, hypercall?.serial, 'a transition is made by its hypercall')
})

t.test('a hypercall that is made in an ultracall says so', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.vm(4, asLpid(2))
  await world.run(start)
  world.answers = false
  const since = world.inspected.journal.last
  world.call(pageIn(1))
  const [asked] = world.asked
  if (asked === undefined) throw new Error('no ultracall')
  const nested = world.call({ call: 'H_SVM_INIT_START', lpid: asLpid(2) }, asked.body)
  world.answers = true
  await world.settle()
  t.equal(nested.end, 0)
  const { events } = world.inspected.journal.query({ ...ALL, since })
  const outer = events.find(({ call }) => call === 'UV_PAGE_IN')
  const inner = events.find(({ call }) => call === 'H_SVM_INIT_START')
  t.equal(inner?.parent, outer?.serial)
  t.equal(inner?.lpid, 2)
})

t.test('a refusal names the function that said no, and why', async (t) => {
  const world = new World()
  await world.vm(4)
  t.equal(await world.run(pageIn(1)), -67)
  const { events } = world.inspected.journal.query({ ...ALL, refused: true })
  t.equal(events.length, 1)
  t.equal(events[0]?.codeName, 'H_UNSUPPORTED')
  t.same(events[0]?.reason, {
    source: 'KVMPPC_SECURE_INIT_START',
    why: 'H_SVM_INIT_START has not been called',
  })
})

t.test('a call that would wait for itself is in the journal with its error', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.run(start)
  world.answers = false
  world.call(pageIn(1))
  const [asked] = world.asked
  const nested = world.call(pageIn(2), asked?.body)
  t.equal(nested.end, 'DEADLOCK')
  const { events } = world.inspected.journal.query({ ...ALL, kind: 'refusal' })
  t.same(events.map(wordsOf), ['refusal H_SVM_PAGE_IN 2 DEADLOCK'])
  t.equal(world.inspected.counters.pageCount('deadlocks'), 1)
})

t.test('a host fault is in the journal, and so is what came after it', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.run(start)
  world.script.set('UV_PAGE_IN', [-4])
  await world.run(pageIn(1))
  const since = world.inspected.journal.last
  t.equal(await world.run(pageIn(1, 1)), 'HOST_FAULT')
  t.equal(await world.run(pageIn(2)), 'HOST_FAULT')
  const events = world.inspected.journal.query({ ...ALL, since }).events
  t.same(
    events.map(({ kind, call, end, to }) => [kind, call, end, to]),
    [
      ['hypercall', 'H_SVM_PAGE_IN', 'fault', undefined],
      ['vm', 'H_SVM_PAGE_IN', 'done', 'fault'],
      ['hypercall', 'H_SVM_PAGE_IN', 'fault', undefined],
    ],
  )
  t.match(events[0]?.error, /^LIVELOCK: /)
  t.equal(world.inspected.counters.pageCount('faults', LPID), 1, 'one fault, met twice')
})

t.test('what a VMM does shows what it was told', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.settle(world.vmm.touch(LPID, asGfn(3)))
  await world.settle(world.vmm.writePage(LPID, asGfn(3), 16, new Uint8Array(8)))
  await world.settle(world.vmm.destroy(LPID))
  const { events } = world.inspected.journal.query({ ...ALL, lpid: LPID })
  t.same(
    events.map((event) => [wordsOf(event), event.args]),
    [
      ['vm none>normal by create', {}],
      ['operation add_slot OK', { id: 0, base: 0, pages: 4 }],
      ['frames 0+4 none>normal by add_slot', {}],
      ['operation fill 0 OK', { count: 4, tag: '0x64', step: '0x1' }],
      ['operation host_touch 3 OK', {}],
      ['operation write 3 OK', { offset: 16, length: 8 }],
      ['operation destroy OK', {}],
      ['vm normal>none by destroy', {}],
    ],
  )
})

t.test('a query finds by VM, frame, call, code and kind, from either end', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run(start)
  for (const gfn of [1, 2, 3]) await world.run(pageIn(gfn))
  t.equal(await world.run(pageIn(2)), -4)
  await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
  const find = (filter: object): string[] =>
    world.inspected.journal.query({ ...ALL, ...filter }).events.map(wordsOf)
  t.same(find({ code: -4 }), ['hypercall H_SVM_PAGE_IN 2 H_PARAMETER'])
  t.equal(find({ call: 'UV_PAGE_IN' }).length, 3)
  t.same(find({ call: 'NO_SUCH_CALL' }), [])
  t.same(find({ lpid: asLpid(2) }), [])
  t.same(find({ gfn: asGfn(6) }), [
    'frames 0+8 none>normal by add_slot',
    'frames 4+4 normal>secure by H_SVM_INIT_DONE',
  ])
  t.equal(find({ gfn: asGfn(8) }).length, 0, 'one past a run')
  t.same(find({ kind: 'frames', limit: 1, order: 'newest' }), [
    'frames 4+4 normal>secure by H_SVM_INIT_DONE',
  ])
  const { journal } = world.inspected
  const page = journal.query({ ...ALL, call: 'UV_PAGE_IN', limit: 2 })
  t.equal(page.more, true)
  const rest = journal.query({ ...ALL, call: 'UV_PAGE_IN', since: page.events[1]?.serial })
  t.equal(rest.events.length, 1)
  t.equal(rest.more, false)
  t.equal(journal.query({ ...ALL, call: 'UV_PAGE_IN', before: 1 }).events.length, 0)
})

t.test('the ring keeps the newest events and says which', async (t) => {
  const journal = new Journal(new JournalNames(), 4)
  const place = { lpid: 1, gfn: -1, parent: 0 }
  const name = journal.names.indexOf('touch')
  t.same(journal.query(ALL), { events: [], oldest: 1, last: 0, more: false })
  for (let i = 1; i <= 4; i++) journal.begin('operation', name, place, i)
  t.equal(journal.query(ALL).oldest, 1, 'four fit')
  journal.begin('operation', name, place, 5)
  const { events, oldest, last } = journal.query(ALL)
  t.same(
    events.map(({ serial, time }) => [serial, time]),
    [
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ],
  )
  t.equal(oldest, 2)
  t.equal(last, 5)
  t.equal(journal.event(1), undefined)
  t.equal(journal.finish(1, 0, 9), false, 'what has left cannot end')
  t.equal(journal.finish(2, -4, 9), true)
  t.equal(journal.event(2)?.code, -4)
  t.equal(journal.event(2)?.duration, 7)
  t.equal(journal.finish(6, 0, 9), false, 'nor can what never was')
})

t.test('a record that is used again keeps nothing of the one before', async (t) => {
  const journal = new Journal(new JournalNames(), 1)
  const place = { lpid: 1, gfn: 3, parent: 7 }
  const name = journal.names.indexOf('touch')
  const serial = journal.begin('operation', name, place, 1)
  journal.extra(serial, { error: 'LIVELOCK', args: { a: 1 } })
  journal.finish(serial, -7, 2)
  journal.begin('session', journal.names.indexOf('open'), { lpid: 0, gfn: -1, parent: 0 }, 3)
  const event = journal.event(2)
  t.match(event, { kind: 'session', call: 'open', lpid: 0, parent: 0, args: {}, end: 'open' })
  t.equal(event?.error, undefined)
  t.equal(event?.code, undefined)
  t.equal(event?.gfn, undefined)
})

t.test('who follows the journal is told of calls when they end', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.run(start)
  let woken = 0
  const follower = world.inspected.journal.follow({ lpid: LPID }, () => woken++)
  world.answers = false
  world.call(pageIn(1))
  t.equal(woken, 0, 'nothing has ended yet')
  world.answers = true
  await world.settle()
  t.equal(woken, 1, 'woken once, not for each event')
  t.same(follower?.take().events.map(wordsOf), [
    'ultracall UV_PAGE_IN 1 U_SUCCESS',
    'frames 1+1 normal>secure by H_SVM_PAGE_IN',
    'hypercall H_SVM_PAGE_IN 1 H_SUCCESS',
  ])
  t.same(follower?.take(), { events: [], lost: 0 })
  await world.vm(4, asLpid(2))
  t.equal(woken, 1, 'another VM is none of its business')
  follower?.close()
  await world.run(pageIn(2))
  t.equal(woken, 1, 'who has left is told nothing')
  t.equal(world.inspected.journal.followers, 0)
})

t.test('a slow follower loses events, is told how many, and nobody else loses any', async (t) => {
  const world = new World()
  await world.vm(8)
  await world.run(start)
  const { journal } = world.inspected
  const call = 'H_SVM_PAGE_IN'
  const slow = journal.follow({ call, kind: 'hypercall' }, () => undefined, 2)
  const quick = journal.follow({ call, kind: 'hypercall' }, () => undefined, 8)
  for (const gfn of [1, 2, 3, 4, 5]) await world.run(pageIn(gfn))
  const taken = slow?.take()
  t.same(
    taken?.events.map(({ gfn }) => gfn),
    [1, 2],
  )
  t.equal(taken?.lost, 3)
  t.equal(quick?.take().events.length, 5)
  await world.run(pageIn(6))
  t.same(slow?.take().lost, 0, 'losses are told once')
})

t.test('events that the ring lost while they waited count as lost', async (t) => {
  const journal = new Journal(new JournalNames(), 2)
  const follower = journal.follow({}, () => undefined, 8)
  for (let i = 1; i <= 5; i++) {
    const place = { lpid: 1, gfn: -1, parent: 0 }
    journal.finish(journal.begin('operation', 0, place, i), 0, i)
  }
  const taken = follower?.take()
  t.same(
    taken?.events.map(({ serial }) => serial),
    [4, 5],
  )
  t.equal(taken?.lost, 3)
})

t.test('no more than so many may follow', async (t) => {
  const journal = new Journal(new JournalNames(), 2)
  for (let i = 0; i < journalFollowersMax; i++) {
    if (journal.follow({}, () => undefined) === undefined) t.fail(`follower ${i}`)
  }
  t.equal(
    journal.follow({}, () => undefined),
    undefined,
    'one past the limit',
  )
})

t.test('a call that outlives its record has a new one, which says so', async (t) => {
  const world = new World()
  await world.vm(4)
  await world.run(start)
  world.answers = false
  const { journal } = world.inspected
  world.call(pageIn(1))
  const first = journal.query({ ...ALL, call: 'H_SVM_PAGE_IN', kind: 'hypercall' }).events[0]
  const place = { lpid: 0, gfn: -1, parent: 0 }
  for (let i = 0; i < journal.capacity; i++) journal.begin('session', 0, place, world.now)
  world.answer()
  await world.settle()
  const { events } = journal.query({ ...ALL, lpid: LPID })
  t.same(events.map(wordsOf), [
    'ultracall UV_PAGE_IN 1 U_SUCCESS',
    'hypercall H_SVM_PAGE_IN 1 H_SUCCESS',
    'frames 1+1 normal>secure by H_SVM_PAGE_IN',
  ])
  t.equal(events[1]?.first, first?.serial)
  t.equal(events[2]?.parent, events[1]?.serial)
})

t.test(
  'an operation that changes very many runs tells of so many, and how many more',
  async (t) => {
    const world = new World({ poolPages: 4_096 })
    const pages = 2 * (changesPerOperationMax + 1)
    await world.vm(pages)
    await world.run(start)
    for (let gfn = 0; gfn < pages; gfn += 2) world.call(pageIn(gfn))
    await world.settle()
    const { journal, counters, history } = world.inspected
    const since = journal.last
    await world.run({ call: 'H_SVM_INIT_DONE', lpid: LPID })
    const limit = pages
    const { events } = journal.query({ limit, order: 'oldest', since, kind: 'frames' })
    t.equal(events.length, changesPerOperationMax)
    const [done] = journal.query({ ...ALL, since, kind: 'hypercall' }).events
    t.equal(done?.note, '1 more runs changed')
    t.equal(counters.pageCount('framesSecured'), pages / 2, 'all are counted')
    const [last] = history.of(LPID, asGfn(1))
    t.equal(last?.call, 'H_SVM_INIT_DONE', 'and so does the first frame of them')
  },
)

t.test('loads, stores and the operator are in the journal too', async (t) => {
  const world = new World()
  await world.vm(4)
  const since = world.inspected.journal.last
  const bytes = new Uint8Array(3)
  const memory = { lpid: LPID, ra: asRa(65_536), offset: 4 }
  t.equal(await world.run({ call: 'MEM_WRITE', ...memory, bytes }), 0)
  t.equal(await world.run({ call: 'MEM_READ', ...memory, length: 2, ra: asRa(99 * 65_536) }), -14)
  world.vmm.denyFrames(true)
  const { events } = world.inspected.journal.query({ ...ALL, since })
  t.same(
    events.map(({ kind, call, code, args }) => [kind, call, code, args]),
    [
      ['memory', 'MEM_WRITE', 0, { ra: 65_536, offset: 4, length: 3 }],
      ['memory', 'MEM_READ', -14, { ra: 99 * 65_536, offset: 4, length: 2 }],
      ['operation', 'deny_frames', 0, { denied: true }],
    ],
  )
})
