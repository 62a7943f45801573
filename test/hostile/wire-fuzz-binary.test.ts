/** Random and mutated frames: the same as for JSON, then both over real sockets. */
import t from 'tap'
import { asLpid } from '../../src/abi/page.ts'
import { textOf } from '../schemas/files.ts'
import { listening } from '../server/line.ts'
import { fuzzSockets, fuzzWire } from './wire-run.ts'
import { UP_CALLS } from './wire-tables.ts'

// The suite says the same every time; what other seeds find is for `npm run fuzz`.
const SEED = Number(process.env['SEED'] ?? 20_261_122)
t.comment(`seed ${SEED}`)
// A machine that is busy with something else takes its time.
t.setTimeout(600_000)

t.test('70,000 binary messages in one process', async (t) => {
  const run = await fuzzWire(70_000, SEED, { protocols: ['bin'] })
  t.equal(run.failure, undefined)
  t.ok(run.messages >= 70_000, `${run.messages} messages: ${JSON.stringify(run.outcomes)}`)
  t.ok(run.goodTurns > 1_500, 'a well-behaved client went on all the time')
  for (const code of [
    -32_601, -32_602, -32_013, -32_000, -32_002, -32_007, -32_008, -32_014, -32_015,
  ])
    t.ok((run.outcomes[`error ${code}`] ?? 0) > 10, `${code} was among it`)
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

t.test('10,000 messages over sockets', async (t) => {
  const limits = { vmsMax: 12, slotsPerVmMax: 6, framesPerSlotMax: 64, sessionGraceMs: 50 }
  const { app, uv } = await listening(t, { limits })
  const { messages, ends, failure } = await fuzzSockets(uv, 10_000, SEED)
  t.equal(failure, undefined)
  t.ok(messages >= 10_000, `${messages} messages: ${JSON.stringify(ends)}`)
  t.ok((ends['1002'] ?? 0) > 0 && (ends['4005'] ?? 0) > 0, 'some connections had to end')
  t.ok(app.hv.vm(asLpid(1)) !== undefined, 'some calls were served')
})

t.test('the tables that messages are judged by are those of the documents', async (t) => {
  const rows = textOf('binary.md')
    .split('\n')
    .filter((line) => /^\| [A-Z_]+ +\| 0x/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const served = rows.filter(([, , , sentBy]) => sentBy?.includes('UV'))
  t.same(served.map(([, name]) => name).sort(), Object.keys(UP_CALLS).sort())
  for (const [, name = '', number, , r4, r5, r6, r7, payloads] of served) {
    const { registers = [], payloads: allowed = [], number: own } = UP_CALLS[name] ?? {}
    t.equal(own, Number(number), name)
    const named = [r4, r5, r6, r7].filter((cell) => cell !== '–')
    t.same(
      registers.map(([register]) => register),
      named,
      `${name}: registers`,
    )
    t.equal(allowed.join(', '), payloads, `${name}: payloads`)
  }
})
