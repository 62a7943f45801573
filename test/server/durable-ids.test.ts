/** Ids of a session across crashes: what was known of them before is known after. */
import t, { type Test } from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { PowerDisk } from '../hv/power-disk.ts'
import { DurableServer } from './durable-server.ts'
import { type Item, Line } from './line.ts'

const ANSWERS_KEPT_MAX = 4
const LIMITS = { answersKeptMax: ANSWERS_KEPT_MAX, sessionGraceMs: 60_000 }

const forgotten = (id: number) => ({
  id,
  error: { code: -32015, data: { id, limit: 'answersKeptMax', max: ANSWERS_KEPT_MAX } },
})
const reused = (id: number) => ({ id, error: { code: -32014, data: { id } } })
const register = (slotid: number) => ({
  lpid: 1,
  start_gpa: slotid * 65_536,
  size: 65_536,
  flags: 0,
  slotid,
})

async function connect(t: Test, { uv }: DurableServer): Promise<Line> {
  const line = new Line(uv)
  t.teardown(() => line.socket.terminate())
  await line.opened()
  return line
}

function say(line: Line, id: number, slotid: number): Promise<Item> {
  const method = 'UV_REGISTER_MEM_SLOT'
  line.send({ jsonrpc: '2.0', id, method, params: register(slotid) })
  return line.answerTo(id)
}

/** The power fails, and the server comes back; the same client goes on. */
async function crash(t: Test, server: DurableServer, token: string, seed: number) {
  await server.crash()
  const next = await DurableServer.start(server.disk.losePower(prng(seed)), server.port, {
    limits: LIMITS,
  })
  const line = await connect(t, next)
  const opened = await line.call('SESSION_OPEN', { name: 'x', resume: token })
  t.match(opened, { result: { ret: 0, token } })
  return { next, line }
}

t.test('an id stands for its call across crashes, as far as answers are kept', async (t) => {
  let server = await DurableServer.start(new PowerDisk(), 0, { limits: LIMITS })
  let line = await connect(t, server)
  const opened = await line.call('SESSION_OPEN', { name: 'x' })
  const token = String(opened.result?.['token'])
  // Ids 10 to 14: the answer to 10 has left, 11 is the oldest that is kept.
  for (let n = 0; n < 5; n++) t.match(await say(line, 10 + n, n), { result: { ret: 0 } })
  // The first crash is read from what happened, the second from what was written down of it.
  for (const seed of [1, 2]) {
    const after = await crash(t, server, token, seed)
    server = after.next
    line = after.line
    const slots = () => server.app.hv.host.vms.get(asLpid(1))?.slots.size
    t.match(await say(line, 11, 1), { id: 11, result: { ret: 0 } }, 'the same answer')
    t.match(await say(line, 11, 9), reused(11), `crash ${seed}: another payload`)
    t.match(await say(line, 14, 9), reused(14))
    t.match(await say(line, 10, 0), forgotten(10), 'below the window')
    t.match(await say(line, 7, 9), forgotten(7), 'it never came, but nobody can know')
    t.equal(slots(), 5, 'nothing was executed')
  }
  t.match(await say(line, 15, 5), { result: { ret: 0 } }, 'the next one is new')
  await server.crash()
})

t.test('what was refused as a second SESSION_OPEN waits for nothing after a crash', async (t) => {
  let server = await DurableServer.start(new PowerDisk(), 0, { limits: LIMITS })
  const line = await connect(t, server)
  const opened = await line.call('SESSION_OPEN', { name: 'x' })
  const token = String(opened.result?.['token'])
  t.match(await line.call('SESSION_OPEN', { name: 'x' }), { error: { code: -32012 } })
  t.match(await say(line, 30, 0), { result: { ret: 0 } })
  for (const seed of [5, 6]) {
    server = (await crash(t, server, token, seed)).next
    const [session] = server.app.hv.sessions.list()
    t.same(session?.link.restoring?.calls(), [], `crash ${seed}`)
  }
  await server.crash()
})

t.test('an id that never came is new after a crash while every answer is kept', async (t) => {
  let server = await DurableServer.start(new PowerDisk(), 0, { limits: LIMITS })
  let line = await connect(t, server)
  const opened = await line.call('SESSION_OPEN', { name: 'x' })
  const token = String(opened.result?.['token'])
  t.match(await say(line, 20, 0), { result: { ret: 0 } })
  for (const [seed, id] of [
    [3, 7],
    [4, 8],
  ] as const) {
    const after = await crash(t, server, token, seed)
    server = after.next
    line = after.line
    t.match(await say(line, id, id), { result: { ret: 0 } }, `crash ${seed}`)
  }
  await server.crash()
})
