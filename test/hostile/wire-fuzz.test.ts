/** Random and mutated messages: every one has the outcome that the documents say, and nothing breaks. */
import t from 'tap'
import { shrink, tellFailure } from './shrink.ts'
import { type Life, newStage, replay } from './wire-fuzz.ts'
import { Violation, WireModel } from './wire-model.ts'
import { fuzzWire } from './wire-run.ts'

// The suite says the same every time; what other seeds find is for `npm run fuzz`.
const SEED = Number(process.env['SEED'] ?? 20_261_122)
t.comment(`seed ${SEED}`)
// A machine that is busy with something else takes its time.
t.setTimeout(600_000)

t.test('120,000 messages of JSON in one process', async (t) => {
  const run = await fuzzWire(120_000, SEED, { protocols: ['json'] })
  t.equal(run.failure, undefined)
  t.ok(run.messages >= 120_000, `${run.messages} messages: ${JSON.stringify(run.outcomes)}`)
  t.ok(run.goodTurns > 2_500, 'a well-behaved client went on all the time')
  for (const code of [
    -32_700, -32_600, -32_601, -32_602, -32_000, -32_002, -32_007, -32_008, -32_014, -32_015,
  ])
    t.ok((run.outcomes[`error ${code}`] ?? 0) > 20, `${code} was among it`)
  for (const kind of [
    'answer',
    'again',
    'resumed',
    'reply',
    'closed',
    'call UV_PAGE_IN',
    'call UV_PAGE_OUT',
  ])
    t.ok((run.outcomes[kind] ?? 0) > 100, `${kind} was among it`)
  t.ok(run.heap.last <= run.heap.first * 1.05, `the heap is flat: ${JSON.stringify(run.heap)}`)
})

t.test('a failure is told with the few messages that it takes', async (t) => {
  const lives: Life[] = [1, 2, 3, 4].map((n) => ({
    protocol: 'json',
    sent: Array.from({ length: 50 }, (_, at) => `${n} ${at}`),
  }))
  const has = (story: readonly Life[], text: string): boolean =>
    story.some(({ sent }) => sent.includes(text))
  const fails = async (story: readonly Life[]) => has(story, '2 7') && has(story, '4 31')
  t.same(await shrink(lives, fails), [
    { protocol: 'json', sent: ['2 7'] },
    { protocol: 'json', sent: ['4 31'] },
  ])
  t.equal(await shrink(lives, async () => false), undefined, 'it needs what came before')
})

t.test(
  'of a failure it is told what the clients sent, what they heard, and how it ended',
  async (t) => {
    const open = (id: number): string =>
      `{"jsonrpc":"2.0","id":${id},"method":"SESSION_OPEN","params":{"name":"x"}}`
    const lives: Life[] = [
      { protocol: 'json', sent: [open(1), '[]'] },
      { protocol: 'json', sent: [open(2), '{', open(3)] },
    ]
    /** It fails with one message, and otherwise without another one. */
    const play: typeof replay = async (profile, story, played) => {
      t.equal(await replay(profile, story, played), undefined)
      const sent = story.flatMap((life) => life.sent)
      if (!sent.includes('{')) return new Violation('id 8: error -32002')
      return new Violation(`id ${sent.length}: error -32001`)
    }
    const failure = {
      profile: 'linux-6',
      lives,
      error: new Violation('id 77: error -32001'),
    } as const
    const lines = (await tellFailure(5, 9, failure, play)).split('\n')
    t.same(lines.slice(0, 3), [
      'seed 5, round 9, profile linux-6',
      '  a client of uvmem.v1.json',
      '    sends "{"',
    ])
    t.match(lines[3], /^ {6}hears ".*-32700/)
    t.equal(lines[4], 'Violation: id 1: error -32001', 'as it ends now, not as it did at first')
    const other = { ...failure, error: new Violation('id 77: error -32003') }
    const alone = await tellFailure(5, 9, other, play)
    t.match(alone, /^seed 5, round 9, profile linux-6: played alone the round does not fail/)
    t.match(alone, /sends .*id\\":2,.*\n.*sends "\{"\n.*sends .*id\\":3,/, 'all of its last client')
    t.notMatch(alone, /id\\":1,/, 'and nothing else')
  },
)

t.test('what must not come is noticed', async (t) => {
  const said = { kind: 'error', id: 9, message: 'No such session.', data: {} } as const
  const model = new WireModel(4, 4)
  t.throws(() => model.hears([{ kind: 'answer', id: 9, ret: 0 }]), /call 9, which is not open/)
  t.throws(() => model.hears([{ ...said, code: -32_002 }]), /call 9, which is not open/)
  t.throws(() => model.hears([{ ...said, code: -32_602 }]), /not due/)
  model.sends([{ kind: 'fault', code: -32_602, id: 5 }])
  t.throws(() => model.hears([]), /due is/, 'what must come')
  model.sends([{ kind: 'call', id: 6, parent: 0, method: 'HDSI', payload: 'x' }])
  t.throws(() => model.hears([{ kind: 'answer', id: 6, ret: 0 }]), /without a session/)
  const { good } = await newStage('spec')
  t.doesNotThrow(() => good.turn(), 'and what may come is none of it')
  good.end()
})
