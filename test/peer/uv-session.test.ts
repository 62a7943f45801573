/** A client's session: opened, gone on with over other connections, and ended. */
import t from 'tap'
import { LIMITS } from '../../schemas/limits.ts'
import type { UpCall } from '../../schemas/messages.ts'
import { asLpid } from '../../src/abi/page.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import { UvClient, type UvOptions } from '../../src/peer/uv-client.ts'
import { UvLine } from '../../src/peer/uv-line.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { answer, FACTS, opened, refused, terminate } from './hv-words.ts'
import { Line, Turn } from './pair.ts'
import { ResumablePair } from './resumable-pair.ts'

const DONE: UpCall = { call: 'H_SVM_INIT_DONE', lpid: asLpid(1) }

interface Said {
  readonly id: number
  readonly method?: string
  readonly params?: object
}

/** A client whose hypervisor is played by hand. */
function newClient(options: UvOptions = {}) {
  const turn = new Turn()
  const line = new Line()
  const client = new UvClient(line, { defer: turn.defer, ...options })
  const heardOn = ({ sent }: Line): Said[] => {
    turn.end()
    return sent.splice(0).flatMap((data) => ResumablePair.items(data) as Said[])
  }
  const say = (text: string): void => {
    client.receive(text)
    turn.end()
  }
  const open = async (): Promise<void> => {
    const facts = client.open()
    turn.end()
    line.sent.length = 0
    say(opened(1))
    await facts
  }
  /** Goes on with the session on another connection. */
  const again = () => {
    const next = new Line()
    const attempt = client.attempt(next)
    const adopted: string[] = []
    const resumed = attempt?.resumed(() => adopted.push(client.state))
    resumed?.catch(() => undefined)
    return { next, attempt, resumed, adopted, heard: () => heardOn(next) }
  }
  return { client, line, turn, say, open, again, heard: () => heardOn(line) }
}

t.test('SESSION_OPEN says who it is, and is answered with what the host is', async (t) => {
  for (const [options, name] of [
    [{}, 'uv'],
    [{ name: 'mine' }, 'mine'],
  ] as const) {
    const { client, say, heard } = newClient(options)
    t.equal(client.hasSession, false)
    const facts = client.open()
    t.same(heard(), [{ jsonrpc: '2.0', id: 1, method: 'SESSION_OPEN', params: { name } }])
    say(opened(1))
    t.same(await facts, FACTS)
    t.equal(client.hasSession, true)
    t.equal(client.state, 'connected')
  }
})

t.test('a session that is refused is none', async (t) => {
  const { client, say, turn, again } = newClient({ resumable: true })
  const facts = client.open()
  turn.end()
  say(refused(1, -32_009))
  await t.rejects(facts, { name: 'UvCallError', code: 'LIMIT_REACHED', call: 'SESSION_OPEN' })
  t.equal(client.hasSession, false)
  t.equal(again().attempt, undefined, 'there is nothing to go on with')
})

t.test('a session goes on over another connection, with its calls', async (t) => {
  const { client, open, again, line } = newClient({ resumable: true, name: 'mine' })
  await open()
  const told: string[] = []
  client.app.call(DONE, ({ kind }) => told.push(kind))
  client.detach()
  t.equal(client.state, 'resuming')
  const { next, resumed, adopted, heard, attempt } = again()
  const params = { name: 'mine', resume: 'secret', unanswered: 1, attempt: 1 }
  t.same(heard(), [{ jsonrpc: '2.0', id: 1, method: 'SESSION_OPEN', params }])
  t.same([adopted, client.state], [[], 'resuming'])
  attempt?.receive(opened(1))
  t.same(await resumed, FACTS)
  t.same(adopted, ['resuming'], 'told before anything is said on it')
  t.equal(client.state, 'connected')
  t.match(heard(), [{ id: 2, method: 'H_SVM_INIT_DONE' }])
  attempt?.receive(answer(2))
  t.same(told, ['answer'])
  t.same([line.sent, line.closed, next.closed], [[], [], []])
})

t.test(
  'attempts are numbered, and one that is refused or broken leaves the client waiting',
  async (t) => {
    const { client, open, again } = newClient({ resumable: true })
    await open()
    client.detach()
    const first = again()
    t.match(first.heard(), [{ params: { attempt: 1, unanswered: 0 } }])
    first.attempt?.receive(refused(1, -32_002))
    await t.rejects(first.resumed as Promise<unknown>, { code: 'SESSION_UNKNOWN' })
    const second = again()
    t.match(second.heard(), [{ params: { attempt: 2 } }])
    second.attempt?.end('the cable was pulled')
    await t.rejects(second.resumed as Promise<unknown>, {
      ...{ name: 'UvCallError', code: 'CONNECTION_LOST' },
      message: 'SESSION_OPEN failed: CONNECTION_LOST: the cable was pulled',
    })
    t.same([first.adopted, second.adopted, client.state], [[], [], 'resuming'])
    const third = again()
    t.match(third.heard(), [{ params: { attempt: 3 } }])
    third.attempt?.receive(opened(1))
    await third.resumed
    t.equal(client.state, 'connected')
  },
)

t.test('a connection on which a session is about to go on serves nothing', async (t) => {
  const { client, open, again } = newClient({ resumable: true })
  await open()
  client.detach()
  const { attempt, heard } = again()
  heard()
  attempt?.receive(terminate(4))
  t.match(heard(), [{ id: 4, error: { code: -32_002 } }])
})

t.test('a client that has ended goes on with nothing', async (t) => {
  const late = newClient({ resumable: true })
  await late.open()
  late.client.detach()
  const { attempt, adopted, resumed } = late.again()
  late.client.lose('enough')
  attempt?.receive(opened(1))
  t.same([adopted, late.client.state], [[], 'lost'])
  await t.rejects(resumed as Promise<unknown>, { message: 'this client has ended' })
  t.equal(late.again().attempt, undefined)
})

t.test('without resuming a break is the end', async (t) => {
  const { client, open } = newClient()
  await open()
  const told: number[] = []
  client.app.call(DONE, (outcome) => told.push(outcome.kind === 'error' ? outcome.code : 0))
  client.detach()
  t.same([told, client.state], [[-32_010], 'lost'])
})

t.test('who loses its connection tells its callers how, the first time', async (t) => {
  const { client, turn } = newClient()
  const facts = client.open()
  client.lose('the cable was pulled')
  client.lose('another reason')
  await t.rejects(facts, { message: /CONNECTION_LOST: the cable was pulled$/ })
  const late = client.open()
  turn.end()
  await t.rejects(late, { message: /CONNECTION_LOST: the cable was pulled$/ })
  const esm = client.svm(asLpid(1)).registerSlot(0 as never, 0 as never, 65_536)
  turn.end()
  await t.rejects(esm, { message: /the cable was pulled$/ })
})

t.test('to close is to say goodbye, to be killed is not', async (t) => {
  const polite = newClient({ resumable: true })
  await polite.open()
  const calls: string[] = []
  const spy = (client: UvClient): void => {
    const nothing = (): never => {
      throw new Error('not asked for')
    }
    const line = new UvLine(
      {
        ...{ connect: nothing, hasSession: nothing, attempt: nothing, detached: nothing },
        ...{ lost: nothing, told: nothing, now: nothing, after: nothing, random: nothing },
      },
      { resumeMsMax: 0 },
    )
    line.close = () => calls.push('close')
    line.cut = () => calls.push('cut')
    client.line = line
  }
  spy(polite.client)
  polite.client.close()
  t.same(polite.line.closed, [{ code: 1000, reason: 'Done.' }])
  t.same([polite.client.state, calls.splice(0)], ['lost', ['close']])
  const killed = newClient({ resumable: true })
  t.equal(killed.client.kill(), undefined, 'it had no session')
  const other = newClient({ resumable: true })
  await other.open()
  const waiting = other.client.svm(asLpid(1)).registerSlot(0 as never, 0 as never, 65_536)
  spy(other.client)
  t.equal(other.client.kill(), 'secret')
  t.same([other.line.closed, calls], [[], ['close', 'cut']])
  t.equal(other.client.state, 'lost')
  await t.rejects(waiting, { message: /this client was killed on purpose$/ })
  const closing = newClient()
  const facts = closing.client.open()
  closing.client.close()
  await t.rejects(facts, { message: /this client closed the connection$/ })
})

t.test('a guest is the same however often it is asked for', async (t) => {
  const { client } = newClient()
  t.equal(client.svm(asLpid(1)), client.svm(asLpid(1)))
  t.not(client.svm(asLpid(1)), client.svm(asLpid(2)))
  t.same(client.violations(), [])
})

t.test('a window is 1 to 1,024 requests, 64 if nothing is said', async (t) => {
  for (const [options, window] of [
    [{}, 64],
    [{ window: 0 }, 1],
    [{ window: 1 }, 1],
    [{ window: 1_024 }, 1_024],
    [{ window: 1_025 }, 1_024],
  ] as const) {
    t.equal(newClient(options).client.app.window, window)
  }
})

t.test('what it is made with reaches the wire and the ultravisor', async (t) => {
  const plain = newClient().client.app.uv
  t.equal(plain.profile, UV_PROFILES.firmware)
  t.same([plain.contentMode, plain.secureUnits], ['bytes', 8_388_608], '16 TiB')
  t.equal(plain.cipher, nodeCipher)
  const reports: string[] = []
  const cipher = { ...nodeCipher }
  const { client, line } = newClient({
    ...{ protocol: 'bin', profile: 'spec', contentMode: 'tag', cipher },
    secureMemory: 4 * 2_097_152,
    limits: { ...LIMITS, callsInFlightMax: 3 },
    watch: { report: ({ text }) => reports.push(text) },
  })
  const { uv } = client.app
  t.equal(uv.profile, UV_PROFILES.spec)
  t.same([uv.contentMode, uv.secureUnits], ['tag', 4])
  t.equal(uv.cipher, cipher)
  t.equal(client.app.peer.room, 3)
  client.receive('{}')
  t.same(reports, ['This subprotocol does not use messages of that kind.'])
  t.match(line.closed, [{ code: 1003 }])
})

t.test('without anybody who puts it off, what is said leaves in a microtask', async (t) => {
  const line = new Line()
  const client = new UvClient(line)
  client.open().catch(() => undefined)
  t.same(line.sent, [])
  await Promise.resolve()
  t.equal(line.sent.length, 1)
  client.close()
})
