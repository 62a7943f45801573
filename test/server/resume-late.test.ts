/** A client that announces more calls than it sends again is not waited for for ever. The clock is the test's. */
import t from 'tap'
import type { FakeSocket } from '../hostile/fake-socket.ts'
import { WireWorld } from '../hostile/wire-world.ts'

const RESUME_MS_MAX = 10_000

interface Said {
  readonly id: number | null
  readonly method?: string
  readonly result?: { readonly ret: number; readonly token?: string }
}

/** A client by hand, and what it was told. */
function client(world: WireWorld) {
  const said: Said[] = []
  const socket = world.connect('uvmem.v1.json', (data) => {
    said.push(...([JSON.parse(String(data))].flat() as Said[]))
  })
  const say = (id: number, method: string, params: object): readonly Said[] => {
    said.length = 0
    socket.takes(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    world.turn()
    return [...said]
  }
  return { said, socket, say }
}

/** A session whose first connection broke when two calls of it had been answered. */
function broken() {
  const world = new WireWorld('spec')
  const first = client(world)
  const [opened] = first.say(1, 'SESSION_OPEN', { name: 'x' })
  first.say(2, 'H_SVM_INIT_DONE', { lpid: 1 })
  first.say(3, 'H_SVM_INIT_ABORT', { lpid: 1 })
  const cut = (socket: FakeSocket): void => {
    socket.ends(1006)
    world.turn()
  }
  cut(first.socket)
  const resume = (unanswered: number) => {
    const next = client(world)
    const params = { name: 'x', resume: opened?.result?.token, unanswered }
    t.match(next.say(1, 'SESSION_OPEN', params), [{ id: 1, result: { ret: 0 } }])
    return next
  }
  return { world, resume, cut }
}
const DONE = ['H_SVM_INIT_DONE', { lpid: 1 }] as const
const ABORT = ['H_SVM_INIT_ABORT', { lpid: 1 }] as const

t.test(
  'whoever sends fewer calls than announced is closed with 4009, and may come again',
  async (t) => {
    const { world, resume, cut } = broken()
    const line = resume(2)
    t.same(line.say(2, ...DONE), [], 'one of two: nothing is said')
    world.pass(RESUME_MS_MAX - 1)
    t.equal(line.socket.closedWith, undefined, 'one millisecond before the limit')
    world.pass(1)
    t.equal(line.socket.closedWith, 4009)
    t.equal(world.hv.sessions.size, 1, 'the session is there')
    cut(line.socket)
    const next = resume(1)
    t.match(next.say(2, ...DONE), [{ id: 2, result: { ret: -67 } }], 'nothing was lost')
    t.match(next.say(3, ...ABORT), [{ id: 3, result: { ret: -67 } }])
    world.pass(RESUME_MS_MAX)
    t.equal(next.socket.closedWith, undefined, 'all have come: nobody is waited for')
  },
)

t.test('the last announced call may come in the last millisecond', async (t) => {
  const { world, resume } = broken()
  const line = resume(2)
  line.say(2, ...DONE)
  world.pass(RESUME_MS_MAX - 1)
  t.match(line.say(3, ...ABORT), [{ id: 2 }, { id: 3 }], 'both, in their order')
  world.pass(RESUME_MS_MAX)
  t.equal(line.socket.closedWith, undefined)
})

t.test('a newer connection is not closed for what an older one announced', async (t) => {
  const { world, resume } = broken()
  const older = resume(2)
  world.pass(RESUME_MS_MAX - 1)
  const newer = resume(0)
  t.equal(older.socket.closedWith, 4007)
  world.pass(RESUME_MS_MAX)
  t.equal(newer.socket.closedWith, undefined)
  const again = resume(1)
  world.pass(RESUME_MS_MAX - 1)
  t.equal(again.socket.closedWith, undefined, 'its own time counts')
  world.pass(1)
  t.equal(again.socket.closedWith, 4009)
})

t.test('a connection that breaks meanwhile leaves no clock running', async (t) => {
  const { world, resume, cut } = broken()
  const line = resume(2)
  cut(line.socket)
  const next = resume(0)
  world.pass(RESUME_MS_MAX * 2)
  t.equal(next.socket.closedWith, undefined)
})
