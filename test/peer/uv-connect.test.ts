/** Connecting to a hypervisor: what is dialled, and what becomes of the client when a line breaks. */
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LIMITS } from '../../schemas/limits.ts'
import { type ConnectOptions, connectUv } from '../../src/peer/uv-client.ts'
import { ConnectError, type Ending } from '../../src/peer/ws-transport.ts'
import { Dialler } from './dialler.ts'
import { FACTS, opened } from './hv-words.ts'

const URL = 'ws://hypervisor/v1/uv'
/** With a chance of one half: 50 ms, then 75 each time. */
const BACKOFF = { backoff: { firstMs: 100, highestMs: 100 }, random: () => 0.5 }
const PULLED: Ending = { code: 1_006, sentence: 'the cable was pulled' }

async function connected(options: Partial<ConnectOptions> = {}) {
  const dialler = new Dialler()
  const states: string[] = []
  const endings: Ending[] = []
  const client = await connectUv(
    {
      url: URL,
      watch: { line: (state, why) => states.push(`${state}: ${why}`) },
      ended: (ending) => endings.push(ending),
      ...options,
    },
    dialler.dial,
  )
  const [line] = dialler.made
  if (line === undefined) throw new Error('nothing was dialled')
  const open = async (): Promise<void> => {
    const facts = client.open()
    await line.heard()
    await line.says(opened(1))
    await facts
  }
  return { client, dialler, line, states, endings, open }
}

/** Time by hand, for the client alone: `pass` lets so many milliseconds go by. */
function timeByHand(t: Test) {
  let now = 5_000
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = mock.method(performance, 'now', () => now)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  return async (ms: number): Promise<void> => {
    now += ms
    mock.timers.tick(ms)
    await turn()
  }
}

t.test('a client dials what it is told to, and leaves the rest as it is', async (t) => {
  const { options } = (await connected()).line
  const { url, subprotocol, token, ca } = options
  t.same([url, subprotocol, token, ca], [URL, 'uvmem.v1.json', undefined, undefined])
  t.notOk('connectMsMax' in options, 'how long connecting may take is not for it to say')
  const wish = { url: 'wss://other/v1/uv', token: 'abc', ca: 'PEM', connectMsMax: 7 }
  const told = await connected({ ...wish, protocol: 'bin' })
  t.match(told.line.options, { ...wish, subprotocol: 'uvmem.v1.bin' })
})

t.test('who cannot be reached is told of as the connection tells it', async (t) => {
  const dialler = new Dialler()
  dialler.failure = new ConnectError('cannot connect')
  await t.rejects(connectUv({ url: URL }, dialler.dial), dialler.failure)
  t.equal(dialler.times, 1, 'nobody tries again before there is a session')
})

t.test('the client speaks and hears on the connection that was dialled', async (t) => {
  const { client, line, states } = await connected({ name: 'mine' })
  t.same(await line.heard(), [], 'it is for its owner to open a session')
  const facts = client.open()
  t.match(await line.heard(), [{ id: 1, method: 'SESSION_OPEN', params: { name: 'mine' } }])
  await line.says(opened(1))
  t.same(await facts, FACTS)
  t.same([client.state, client.line?.state, states], ['connected', 'connected', []])
  client.line?.cut()
  t.equal(line.terminated, 1, 'its line is that connection')
})

t.test('a server that speaks before the client is there is not listened to yet', async (t) => {
  const dialler = new Dialler()
  dialler.greet = ({ options }) => options.receive(opened(1))
  const client = await connectUv({ url: URL }, dialler.dial)
  t.equal(client.state, 'connected')
  t.equal(client.hasSession, false)
})

t.test('a session goes on over another connection, dialled as the first one was', async (t) => {
  const pass = timeByHand(t)
  const { client, dialler, line, states, endings, open } = await connected({
    ...{ ...BACKOFF, token: 'abc', ca: 'PEM', protocol: 'json', connectMsMax: 7 },
  })
  await open()
  await line.ends()
  t.same(states.splice(0), ['resuming: the cable was pulled'])
  t.equal(client.state, 'resuming')
  const call = client.app
  const told: string[] = []
  call.call({ call: 'H_SVM_INIT_DONE', lpid: 1 as never }, ({ kind }) => told.push(kind))
  await pass(49)
  t.equal(dialler.times, 1)
  await pass(1)
  const { last } = dialler
  t.match(last.options, { url: URL, token: 'abc', ca: 'PEM', connectMsMax: 7 })
  t.match(await last.heard(), [{ method: 'SESSION_OPEN', params: { resume: 'secret' } }])
  await last.says(opened(1))
  t.same(states, ['connected: the session goes on'])
  t.equal(client.state, 'connected')
  t.match(await last.heard(), [{ id: 2, method: 'H_SVM_INIT_DONE' }])
  await last.says(JSON.stringify({ jsonrpc: '2.0', id: 2, result: { ret: 0, name: 'H_SUCCESS' } }))
  t.same(told, ['answer'])
  await pass(10_000)
  t.equal(last.terminated, 0, 'the answer came in time: nobody cuts the connection for it')
  t.same([line.sent, dialler.times, endings], [[], 2, []])
})

t.test('it tries for as long as it is told to, and is lost then', async (t) => {
  const pass = timeByHand(t)
  const { client, dialler, line, states, endings, open } = await connected({
    ...{ ...BACKOFF, resumeMsMax: 250 },
  })
  await open()
  const call = client.svm(1 as never).registerSlot(0 as never, 0 as never, 65_536)
  await line.heard()
  dialler.failure = new ConnectError('nobody is there')
  await line.ends()
  // It is dialled after 50, 125 and 200 ms; after 275 it would be too late.
  for (const [ms, times] of [
    [50, 2],
    [74, 2],
    [1, 3],
    [74, 3],
  ] as const) {
    await pass(ms)
    t.same([dialler.times, client.state], [times, 'resuming'])
  }
  const rejected = t.rejects(call, { code: 'CONNECTION_LOST', message: /within 250 ms/ })
  await pass(1)
  const why =
    'the cable was pulled; the session could not be resumed within 250 ms: nobody is there'
  t.same(endings, [{ code: 1_006, sentence: why }])
  t.same(states, ['resuming: the cable was pulled', `lost: ${why}`])
  t.equal(client.state, 'lost')
  await rejected
  await pass(60_000)
  t.equal(dialler.times, 4)
})

t.test('a client that is closed while it waits dials no more', async (t) => {
  const pass = timeByHand(t)
  const { client, dialler, line, open } = await connected(BACKOFF)
  await open()
  await line.ends()
  client.close()
  await pass(1_000)
  t.same([dialler.times, client.state], [1, 'lost'])
})

t.test('a client that is closed while it asks for its session leaves no line behind', async (t) => {
  const pass = timeByHand(t)
  const { client, dialler, line, open } = await connected(BACKOFF)
  await open()
  await line.ends()
  await pass(50)
  const { last } = dialler
  client.close()
  await last.says(opened(1))
  t.same([last.terminated, client.state], [1, 'lost'], 'as soon as it is answered')
})

t.test('without a session a break is the end, whoever watches', async (t) => {
  const states: string[] = []
  for (const watch of [
    {},
    { watch: {} },
    { watch: { line: (state: string) => states.push(state) } },
  ]) {
    const { dial, made } = new Dialler()
    const endings: Ending[] = []
    const client = await connectUv(
      { url: URL, ended: (ending) => endings.push(ending), ...watch },
      dial,
    )
    const facts = client.open()
    const rejected = t.rejects(facts, { message: /CONNECTION_LOST: the cable was pulled$/ })
    await made[0]?.ends()
    t.same([endings, client.state, made.length], [[PULLED], 'lost', 1])
    await rejected
  }
  t.same(states, ['lost'])
})

t.test('who may not resume has lost its session with its connection', async (t) => {
  const { client, dialler, line, states, endings, open } = await connected({ resumeMsMax: 0 })
  await open()
  await line.ends()
  t.same([client.state, states, endings], ['lost', ['lost: the cable was pulled'], [PULLED]])
  t.equal(dialler.times, 1)
})

t.test('a hypervisor that does not read is left: for good by who may not resume', async (t) => {
  for (const [resumeMsMax, state] of [
    [0, 'lost'],
    [1, 'resuming'],
  ] as const) {
    const { client, line, open } = await connected({ resumeMsMax })
    await open()
    line.bufferedAmount = LIMITS.sendBufferBytesMax + 1
    client.app.call({ call: 'H_SVM_INIT_DONE', lpid: 1 as never }, () => undefined)
    await turn()
    t.match(line.closed, [{ code: 4_002 }])
    t.equal(client.state, state)
  }
})

t.test('a mistake of the client while a message is read ends it, and is its reason', async (t) => {
  const { client, line } = await connected()
  const facts = client.open()
  const message = 'SESSION_OPEN failed: CONNECTION_LOST: this client failed: Error: a mistake'
  const rejected = t.rejects(facts, { message })
  line.options.failed(new Error('a mistake'))
  t.equal(client.state, 'lost')
  await rejected
})
