/** A session whose ultravisor is gone: taken over, and left for good. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { type GiveUpOptions, giveUpSession } from '../../src/peer/uv-give-up.ts'
import { ConnectError } from '../../src/peer/ws-transport.ts'
import { Dialler } from './dialler.ts'
import { opened, refused, terminate } from './hv-words.ts'

const URL = 'ws://hypervisor/v1/uv'
const GOODBYE = { code: 1_000, reason: 'Done.' }

/** Begins to give a session up; `ends` says how that has ended so far. */
async function begun(options: Partial<GiveUpOptions> = {}, dialler = new Dialler()) {
  const ends: unknown[] = []
  giveUpSession({ url: URL, ...options }, 'secret', dialler.dial).then(
    () => ends.push('given up'),
    (error: unknown) => ends.push(error),
  )
  await turn()
  return { line: dialler.last, ends }
}

t.test('it takes the session over with its token, and says goodbye', async (t) => {
  for (const [options, name] of [
    [{}, 'uv'],
    [{ name: 'mine' }, 'mine'],
  ] as const) {
    const { line, ends } = await begun(options)
    const params = { name, resume: 'secret' }
    t.same(await line.heard(), [{ jsonrpc: '2.0', id: 1, method: 'SESSION_OPEN', params }])
    t.same([line.closed, ends], [[], []], 'not before the session is its own')
    await line.says(opened(1))
    t.same([line.closed, ends], [[GOODBYE], ['given up']])
  }
})

t.test('it dials what it is told to, and speaks as it is told to', async (t) => {
  const { options, sent } = (await begun()).line
  const { url, subprotocol, token, ca } = options
  t.same([url, subprotocol, token, ca], [URL, 'uvmem.v1.json', undefined, undefined])
  t.type(sent[0], 'string')
  const told = await begun({ url: 'wss://other/v1/uv', token: 'abc', ca: 'PEM', protocol: 'bin' })
  t.match(told.line.options, { url: 'wss://other/v1/uv', token: 'abc', ca: 'PEM' })
  t.equal(told.line.options.subprotocol, 'uvmem.v1.bin')
  t.ok(told.line.sent[0] instanceof Uint8Array)
})

t.test('a session that is gone needs no giving up', async (t) => {
  const { line, ends } = await begun()
  await line.says(refused(1, -32_002))
  t.same([line.closed, ends], [[GOODBYE], ['given up']])
})

t.test('any other refusal is told, and the connection is not left behind', async (t) => {
  const { line, ends } = await begun()
  await line.says(refused(1, -32_009))
  t.match(ends, [{ name: 'UvCallError', code: 'LIMIT_REACHED', call: 'SESSION_OPEN' }])
  t.same(line.closed, [GOODBYE])
})

t.test('a connection that ends before the answer leaves the session as it was', async (t) => {
  const { line, ends } = await begun()
  await line.ends()
  const message = 'SESSION_OPEN failed: CONNECTION_LOST: the cable was pulled'
  t.match(ends, [{ name: 'UvCallError', code: 'CONNECTION_LOST', message }])
  t.same(line.closed, [], 'what is gone is not closed')
})

t.test('a mistake while a message is read is an end as well', async (t) => {
  const { line, ends } = await begun()
  line.options.failed(new Error('a mistake'))
  await turn()
  t.match(ends, [{ name: 'UvCallError', code: 'CONNECTION_LOST' }])
})

t.test('who cannot be reached is told of as the connection tells it', async (t) => {
  const dialler = new Dialler()
  dialler.failure = new ConnectError('cannot connect')
  await t.rejects(giveUpSession({ url: URL }, 'secret', dialler.dial), dialler.failure)
})

t.test('ultracalls of the session are not served meanwhile', async (t) => {
  const { line, ends } = await begun()
  await line.heard()
  await line.says(terminate(4))
  t.match(await line.heard(), [{ id: 4, error: { code: -32_002 } }])
  t.same([line.closed, ends], [[], []])
})

t.test('a server that speaks before it is spoken to is not listened to yet', async (t) => {
  const dialler = new Dialler()
  dialler.greet = ({ options }) => options.receive(refused(1, -32_009))
  const { line, ends } = await begun({}, dialler)
  t.match(await line.heard(), [{ id: 1, method: 'SESSION_OPEN' }])
  await line.says(opened(1))
  t.same(ends, ['given up'])
})
