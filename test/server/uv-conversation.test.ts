/** What a conversation does with its session: opened, resumed, fenced, written down. */
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import type { LedgerWatch } from '../../src/hv/ledger-watch.ts'
import { digestOf } from '../../src/hv/session-token.ts'
import { ANYBODY, type Principal, strangerCalled } from '../../src/server/principal.ts'
import { WAITING_CODEC } from '../../src/server/subprotocols.ts'
import { UvConversation } from '../../src/server/uv-conversation.ts'
import { Conversations, NAME, resumed, SLOT, ultracall } from './conversation-world.ts'

const LPID = asLpid(1)
const UNKNOWN = { code: -32_002, message: 'No such session.' }

const error = (code: number) => ({ error: { code } })
const named = (name: string, more: Partial<Principal> = {}): Principal => ({
  ...ANYBODY,
  name,
  ...more,
})

t.test(
  'SESSION_OPEN opens a session and says what the host is; a second one is refused',
  async (t) => {
    const world = new Conversations({ hv: { profile: 'spec', poolPages: 9 } })
    const wire = world.connect()
    t.equal(wire.conversation.session, undefined)
    wire.call(1, 'SESSION_OPEN', NAME)
    const host = { page_shift: 16, pool_pages: 9, profile: 'spec' }
    const result = { ret: 0, name: 'H_SUCCESS', session: 's1', token: 'token 1', host }
    t.same(wire.heard(), [{ jsonrpc: '2.0', id: 1, result }])
    t.same(world.told, ['s1 opened', 's1 is here'])
    t.match(wire.conversation.session, { id: 's1', name: 'test', openedAt: 1_000 })
    wire.call(2, 'SESSION_OPEN', NAME)
    t.match(wire.heard(), [{ id: 2, ...error(-32_012) }])
    t.equal(world.hv.sessions.size, 1)
    t.same(wire.line.closed, [])
  },
)

t.test('one session more than sessionsMax is refused, and its connection closed', async (t) => {
  const world = new Conversations({ limits: { sessionsMax: 1 } })
  world.open()
  const wire = world.connect()
  wire.call(1, 'SESSION_OPEN', NAME)
  t.match(wire.heard(), [
    { id: 1, error: { code: -32_009, data: { limit: 'sessionsMax', max: 1 } } },
  ])
  t.same(wire.line.closed, [{ code: 4001, reason: 'Too many sessions.' }])
  t.equal(wire.conversation.session, undefined)
  t.same(world.told, [], 'nobody else is told')
})

t.test('a session goes on over another connection, for who opened it', async (t) => {
  const world = new Conversations()
  const first = world.connect(named('alice'))
  first.call(1, 'SESSION_OPEN', NAME)
  first.call(2, 'UV_REGISTER_MEM_SLOT', SLOT)
  const { conversation } = first
  first.lost()
  t.equal(conversation.connection, undefined)
  world.told.length = 0
  const bob = resumed(world, {}, named('bob'))
  t.match(bob.said, [{ id: 1, error: UNKNOWN }])
  t.notOk('data' in (bob.said[0]?.error ?? {}), 'he learns nothing')
  t.match(resumed(world, { resume: 'token 2' }).said, [{ id: 1, error: UNKNOWN }])
  t.same([world.told, world.hv.grace.size], [[], 1], 'nothing has happened')
  const guarded = named('alice', { lpids: [{ first: 2, last: 2 }], guarded: true })
  const { wire, said } = resumed(world, {}, guarded)
  t.match(said, [{ id: 1, result: { session: 's1', token: 'token 1' } }])
  t.same(world.told, ['s1 attached', 's1 is here'])
  t.equal(wire.conversation, conversation)
  t.equal(conversation.connection, wire)
  t.equal(world.hv.grace.size, 0)
  t.equal(conversation.principal, guarded, 'what it may do now is what its last token says')
  wire.call(3, 'H_SVM_INIT_START', { lpid: 3 })
  t.match(wire.heard(), [{ id: 3, ...error(-32_000) }])
  wire.call(4, 'UV_UNREGISTER_MEM_SLOT', { lpid: 1, slotid: 0 })
  t.match(wire.heard(), [{ id: 4, result: { ret: 0 } }], 'its VM is its own still')
})

t.test('a token of a session whose conversation is not known opens nothing', async (t) => {
  const world = new Conversations()
  world.open()
  world.of.clear()
  t.match(resumed(world).said, [{ id: 1, error: UNKNOWN }])
})

t.test('who may have some LPIDs only is refused all others', async (t) => {
  const world = new Conversations()
  const wire = world.connect(named('carol', { lpids: [{ first: 1, last: 2 }], guarded: true }))
  wire.call(1, 'SESSION_OPEN', NAME)
  for (const lpid of [2, 3]) wire.call(lpid, 'H_SVM_INIT_START', { lpid })
  t.match(wire.heard(), [{ id: 1 }, { id: 2, result: { ret: 0 } }, { id: 3, ...error(-32_000) }])
  const free = world.open()
  free.call(2, 'H_SVM_INIT_DONE', { lpid: 9 })
  t.match(
    free.heard(),
    [{ id: 2, result: { ret: -67 } }],
    'who is not guarded makes VMs as it likes',
  )
  wire.call(4, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.match(
    wire.heard(),
    [{ id: 4, ...error(-32_000) }],
    'who is learns nothing of those that are free',
  )
})

t.test('a resume fences the connection that the session still has', async (t) => {
  const world = new Conversations()
  const first = world.open()
  const { wire } = resumed(world)
  t.same(first.line.closed, [
    { code: 4007, reason: 'The session goes on over another connection.' },
  ])
  t.same(world.told, ['s1 attached, fenced', 's1 is here'])
  first.lost()
  t.equal(world.hv.grace.size, 0, 'its end is not that of the session')
  t.equal(first.conversation.connection, wire)
  wire.call(2, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.match(wire.heard(), [{ id: 2, result: { ret: -67 } }])
})

t.test('the fresh conversation is over when its connection is given away', async (t) => {
  const world = new Conversations()
  world.open().lost()
  const wire = world.connect()
  const fresh = wire.conversation
  wire.call(1, 'SESSION_OPEN', { ...NAME, resume: 'token 1' })
  t.equal(fresh.connection, undefined)
  t.equal(fresh.peer.ended, true)
  t.equal(fresh.session, undefined)
  fresh.lose(wire, true)
  t.equal(world.hv.sessions.size, 1)
})

t.test('attempts count up: a late one is told so and fences nobody', async (t) => {
  const world = new Conversations()
  world.open().lost()
  const { wire } = resumed(world, { attempt: 5 })
  for (const attempt of [4, 5]) {
    const { said } = resumed(world, { attempt })
    t.match(said, [{ id: 1, error: { ...UNKNOWN, data: { attempt, last: 5 } } }])
  }
  t.same(wire.line.closed, [])
  t.match(resumed(world, { attempt: 6 }).said, [{ id: 1, result: { session: 's1' } }])
  t.match(resumed(world).said, [{ id: 1, result: { session: 's1' } }], 'no number, no check')
  t.match(resumed(world, { attempt: 1 }).said, [{ id: 1, result: {} }], 'and it counts anew')
})

t.test('who announces more calls than come is closed when its time is over', async (t) => {
  const world = new Conversations({ limits: { resumeMsMax: 50 } })
  const first = world.open()
  first.call(7, 'H_SVM_INIT_DONE', { lpid: 1 })
  ultracall(world)
  first.lost()
  world.told.length = 0
  const { wire, said } = resumed(world, { unanswered: 2 })
  t.equal(said.length, 1, 'only that it goes on')
  t.equal(world.timers, 1)
  wire.call(7, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.same(wire.heard(), [])
  world.pass(49)
  t.same(wire.line.closed, [])
  world.pass(1)
  const reason = 'Fewer calls came again than were announced.'
  t.same(wire.line.closed, [{ code: 4009, reason }])
  t.equal(world.timers, 0)
  wire.lost()
  t.same(world.told, ['s1 attached', 's1 is here', 's1 detached'], 'it can be resumed')
  const next = resumed(world, { unanswered: 1 })
  next.wire.call(7, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.match(next.wire.heard(), [
    { id: 7, result: { ret: -67 } },
    { id: 1, method: 'UV_SVM_TERMINATE' },
  ])
  t.equal(world.timers, 0, 'all have come: nobody is waited for')
  world.pass(1_000)
  t.same(next.wire.line.closed, [])
})

t.test('no clock runs for a session that is given up', async (t) => {
  const world = new Conversations()
  world.open().lost()
  const { wire } = resumed(world, { unanswered: 1 })
  t.equal(world.timers, 1)
  wire.lost(true)
  t.equal(world.timers, 0)
  t.equal(world.hv.sessions.size, 0)
})

t.test('a session that was written down waits for its ultravisor', async (t) => {
  const world = new Conversations()
  const principal = strangerCalled('anybody')
  const conversation = new UvConversation(WAITING_CODEC, principal, world.ports)
  const session = world.hv.restoreSession(4, 'old', conversation, digestOf('token 1'))
  conversation.restore(session)
  world.of.set(session, conversation)
  t.equal(conversation.session, session)
  t.equal(conversation.connection, undefined)
  t.equal(conversation.who, 'anybody')
  t.equal(conversation.restoring, conversation.peer.restoring)
  world.hv.own(session, LPID)
  world.hv.detachSession(session)
  ultracall(world)
  const { wire, said } = resumed(world)
  t.match(said, [
    { id: 1, result: { session: 's4', token: 'token 1' } },
    { id: 1, method: 'UV_SVM_TERMINATE' },
  ])
  t.equal(wire.conversation, conversation)
  t.equal(session.resumes, 1)
})

t.test('what a session is told and says is written down, and before it nothing is', async (t) => {
  const seen: unknown[] = []
  const note =
    (what: string) =>
    (session: number, ...[second]: readonly unknown[]): void => {
      const told = second as { id?: number } | number
      seen.push([what, session, typeof told === 'number' ? told : told.id])
    }
  const watch = {
    ...{ came: note('came'), replied: note('replied'), refusedCall: note('refused') },
    ...{ forgot: note('forgot'), sent: note('sent') },
  } as unknown as LedgerWatch
  const world = new Conversations({ durable: { watch }, limits: { callsInFlightMax: 1 } })
  const wire = world.connect()
  wire.call(9, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.match(wire.heard(), [{ id: 9, ...error(-32_002) }])
  t.same(seen, [], 'there is no session that it could be of')
  wire.call(1, 'SESSION_OPEN', NAME)
  wire.call(2, 'H_SVM_INIT_DONE', { lpid: 1 })
  t.same(seen.splice(0), [
    ['came', 1, 2],
    ['replied', 1, 2],
  ])
  ultracall(world)
  t.same(seen.splice(0), [['sent', 1, 1]])
  wire.call(3, 'H_SVM_INIT_DONE', { lpid: 1, parent: 77 })
  t.same(seen.splice(0), [['refused', 1, 3]])
  const restoring = wire.conversation.restoring.putCall({
    ...{ kind: 'call', id: 4, parent: 0 },
    body: { call: 'H_SVM_INIT_DONE', lpid: LPID },
  })
  restoring.forget()
  t.same(seen.splice(0), [['forgot', 1, 4]])
})

t.test('what is wrong with what it says is reported, with who said it', async (t) => {
  const world = new Conversations()
  const wire = world.open()
  wire.say({ id: 77, result: { ret: 0 } })
  wire.call(5, 'H_SVM_INIT_DONE', { lpid: 0 })
  t.match(world.told, [/^stray: /, /^fault: The params do not fit the method\. \{"path":/])
  t.equal(wire.heard().length, 1)
})

t.test('no more calls are open than the server allows', async (t) => {
  const world = new Conversations({ limits: { callsInFlightMax: 1 } })
  const wire = world.open()
  wire.say({ id: 2, method: 'UV_REGISTER_MEM_SLOT', params: SLOT })
  wire.heard()
  wire.call(3, 'H_SVM_INIT_START', { lpid: 1 })
  wire.call(4, 'H_SVM_INIT_DONE', { lpid: 1 })
  const said = wire.heard()
  t.match(said, [{ method: 'UV_REGISTER_MEM_SLOT' }, { id: 4, ...error(-32_003) }])
})
