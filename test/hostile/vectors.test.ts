/** Hand-written vectors on bare sockets: what a hostile or broken client sends, and what it gets. */
import t, { type Test } from 'tap'
import { Line, listening } from '../server/line.ts'
import { playVector } from './run-vector.ts'
import type { Vector } from './vector.ts'
import { FRAGMENT_VECTORS } from './vectors-fragments.ts'
import { FRAMING_VECTORS } from './vectors-framing.ts'
import { HANDSHAKE_VECTORS } from './vectors-handshake.ts'
import { LIMIT_VECTORS } from './vectors-limits.ts'
import { CLOSE_VECTORS, TEXT_VECTORS } from './vectors-text.ts'

const ALL: Readonly<Record<string, readonly Vector[]>> = {
  'opening handshake': HANDSHAKE_VECTORS,
  framing: FRAMING_VECTORS,
  'fragments and control frames': FRAGMENT_VECTORS,
  'UTF-8': TEXT_VECTORS,
  'close codes': CLOSE_VECTORS,
  'our own limits': LIMIT_VECTORS,
}

/** Limits that a vector can reach in a moment. */
const SMALL = { messageBytesMax: 2_000, framesPerSlotMax: 4 }
const HASTY = { handshakeMsMax: 300 }
/** Vectors that are played at the same time. */
const atOnce = 24

interface Server {
  readonly port: number
  readonly good: Line
}

/** Plays vectors, and after each asks a client that does nothing wrong to make a call. */
async function playAll(
  t: Test,
  vectors: readonly Vector[],
  serverOf: (vector: Vector) => Server,
): Promise<void> {
  const queue = [...vectors]
  const worker = async (): Promise<void> => {
    for (let vector = queue.shift(); vector !== undefined; vector = queue.shift()) {
      const { port, good } = serverOf(vector)
      t.equal(await playVector(vector, port), undefined, vector.name)
      const { result } = await good.call('H_SVM_INIT_DONE', { lpid: 1 })
      if (result?.ret !== -67) t.fail(`${vector.name}: a good client was answered ${result?.ret}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

t.test('every vector has its outcome, and a good client never notices', async (t) => {
  const start = async (limits: object): Promise<Server> => {
    const { uv } = await listening(t, { limits })
    return { port: Number(new URL(uv).port), good: await Line.open(t, uv) }
  }
  const plain = await start({})
  const others = { small: await start(SMALL), hasty: await start(HASTY) }
  for (const [what, vectors] of Object.entries(ALL)) {
    await t.test(what, (t) =>
      playAll(t, vectors, ({ server }) => (server === undefined ? plain : others[server])),
    )
  }
})

t.test('there are at least as many vectors as Autobahn has core cases', async (t) => {
  const names = Object.entries(ALL).flatMap(([what, vectors]) =>
    vectors.map(({ name }) => `${what}: ${name}`),
  )
  t.ok(names.length >= 247, `${names.length} vectors`)
  t.equal(new Set(names).size, names.length, 'no name twice')
})
