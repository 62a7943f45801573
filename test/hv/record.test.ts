import t, { type Test } from 'tap'
import { RecordLine } from '../../schemas/record.ts'
import { asGfn, asGpa, asLpid, asRa, asSlotId, type Lpid } from '../../src/abi/page.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import { replay } from '../../src/hv/record-replay.ts'
import { TraceWriter } from '../../src/hv/record-trace.ts'
import { StateControl } from '../../src/hv/state-control.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'
import { LPID, World } from './inspected-world.ts'

const pageIn = (gfn: number, flags = 0, lpid = LPID) =>
  ({ call: 'H_SVM_PAGE_IN', lpid, gpa: asGpa(gfn * 65_536), flags, order: 16 }) as const
const start = { call: 'H_SVM_INIT_START', lpid: LPID } as const
const done = { call: 'H_SVM_INIT_DONE', lpid: LPID } as const

function recorded(config: Partial<HvConfig> = {}): { world: World; lines: () => string[] } {
  const kept: string[] = []
  const record = { write: (line: string) => kept.push(line), program: 'test' }
  const world = new World(config, { record })
  const lines = (): string[] => {
    world.inspected.record?.flush()
    return kept
  }
  return { world, lines }
}

/** A whole switch with a refusal in it. */
async function switched(config: Partial<HvConfig> = {}): Promise<string[]> {
  const { world, lines } = recorded(config)
  await world.vm(8)
  await world.run(start)
  world.script.set('UV_PAGE_IN', [0, -4])
  for (const gfn of [1, 2, 3]) await world.run(pageIn(gfn))
  await world.run(pageIn(4, 1))
  await world.run(done)
  return lines()
}

t.test('a run is recorded line by line, each of which the schema knows', async (t) => {
  const lines = await switched()
  for (const line of lines) t.equal(RecordLine.safeParse(JSON.parse(line)).error, undefined, line)
  const words = lines.map((line) => JSON.parse(line).e).join(' ')
  t.match(words, /^start note vm queue begin end queue begin turn end queue begin ask end/)
  t.match(JSON.parse(lines[0] ?? ''), { format: 'uvmem-record', version: 1, profile: 'linux-6' })
})

t.test('a record runs again as it went', async (t) => {
  const lines = await switched()
  t.same(await replay(lines), { how: 'same', lines: lines.length, operations: 8 })
})

t.test('under another profile the first thing that differs is shown', async (t) => {
  const lines = await switched()
  const replayed = await replay(lines, { profile: 'linux-5.6' })
  if (replayed.how !== 'different') throw new Error(replayed.how)
  const { line, after, recorded: was, replayed: is } = replayed.difference
  t.match(after, /"e":"answer"|"e":"queue"/)
  t.equal(was, 'operation 5 ends (done) with -4: the ultravisor refused UV_PAGE_IN')
  t.equal(is, 'operation 5 ends (done) with 0')
  t.equal(JSON.parse(lines[line - 1] ?? '').e, 'end')
})

t.test('a record that says something else than happened is found out', async (t) => {
  const lines = await switched()
  const changed = (from: RegExp, to: string) => {
    const at = lines.findIndex((line) => from.test(line))
    return { at: at + 1, lines: lines.with(at, (lines[at] ?? '').replace(from, to)) }
  }
  const cases = [
    { why: 'another RA', ...changed(/ra=131072/, 'ra=65536') },
    { why: 'another page', ...changed(/"tag":"0x65"\},"t"/, '"tag":"0x66"},"t"') },
    { why: 'another code', ...changed(/"code":-4/, '"code":-3') },
  ]
  for (const { why, at, lines: changedLines } of cases) {
    const replayed = await replay(changedLines)
    t.equal(replayed.how === 'different' ? replayed.difference.line : 0, at, why)
  }
  const cut = await replay(lines.slice(0, -2))
  t.match(cut, { how: 'different', difference: { recorded: 'nothing' } }, 'its end is missing')
  const more = await replay([...lines, '{"e":"begin","n":99,"t":0}'])
  t.match(
    more,
    { difference: { line: lines.length + 1, replayed: 'nothing' } },
    'one line too many',
  )
})

t.test('a record that cannot be read says where', async (t) => {
  const lines = await switched()
  const cases = [
    { why: 'nothing', lines: [], line: 0, says: /no line/ },
    { why: 'no head', lines: lines.slice(1), line: 1, says: /does not say what this is/ },
    { why: 'two heads', lines: [...lines.slice(0, 3), lines[0] ?? ''], line: 4, says: /once/ },
    { why: 'no JSON', lines: [...lines.slice(0, 3), '{'], line: 4, says: /not JSON/ },
    { why: 'an unknown line', lines: [lines[0] ?? '', '{"e":"x"}'], line: 2, says: /./ },
    {
      why: 'a bad number',
      lines: [lines[0] ?? '', '{"e":"vm","lpid":-1,"radix":true,"svm_enabled":true,"t":0}'],
      line: 2,
      says: /lpid/,
    },
    {
      why: 'an unknown profile',
      lines: [(lines[0] ?? '').replace('linux-6', 'linux-7')],
      line: 1,
      says: /no profile linux-7/,
    },
  ]
  for (const { why, lines: bad, line, says } of cases) {
    const replayed = await replay(bad)
    t.match(replayed, { how: 'unreadable', line, why: says }, why)
  }
})

const LATER_SLOT = { startGpa: asGpa(8 * 65_536), size: 131_072, flags: 0, slotId: asSlotId(1) }
const STORED = { offset: 4, bytes: new Uint8Array([1, 2, 3]) }

/** Random calls and operations on two VMs, many under way at once. */
async function stir(world: World, random: Prng, steps: number): Promise<void> {
  const lpids: readonly Lpid[] = [LPID, asLpid(2)]
  const { vmm } = world
  world.answers = false
  for (let i = 0; i < steps; i++) {
    const lpid = lpids[random.int(2)] ?? LPID
    const gfn = asGfn(random.int(10))
    const ways: readonly (() => unknown)[] = [
      () => world.call(pageIn(gfn, 0, lpid)),
      () => world.call(pageIn(gfn, 0, lpid)),
      () => world.call(pageIn(gfn, 1, lpid)),
      () => world.call({ ...pageIn(gfn, 0, lpid), call: 'H_SVM_PAGE_OUT' }),
      () => world.call({ ...start, lpid }),
      () => world.call({ ...done, lpid }),
      () => world.call({ call: 'HDSI', lpid, gpa: asGpa(gfn * 65_536) }),
      () => world.call({ call: 'H_SVM_INIT_ABORT', lpid }),
      () => world.call({ call: 'UV_REGISTER_MEM_SLOT', lpid, ...LATER_SLOT }),
      () => world.call({ call: 'UV_UNREGISTER_MEM_SLOT', lpid, slotId: asSlotId(1) }),
      () => world.call({ call: 'MEM_WRITE', lpid, ra: asRa(gfn * 65_536), ...STORED }),
      () => vmm.touch(lpid, gfn),
      () => vmm.writePage(lpid, gfn, 8, new Uint8Array([i % 256])),
      () => vmm.unmap(lpid, gfn, 'reclaim'),
      () => vmm.pin(lpid, gfn),
      () => vmm.unpin(lpid, gfn),
      () => vmm.reset(lpid),
      () => vmm.addSlot(lpid, { id: asSlotId(1), base: asGfn(8), pages: 2 }),
      () => vmm.removeSlot(lpid, asSlotId(1), random.int(2) === 0),
      () => vmm.fill(lpid, asGfn(0), 4, BigInt(i), 1n),
      () => vmm.denyFrames(random.int(4) === 0),
      () => world.answer(random.int(8) === 0 ? -4 : 0),
      () => world.answer(0),
      () => world.answer(0),
      () => world.turn(),
    ]
    ways[random.int(ways.length)]?.()
    if (random.int(4) === 0) await Promise.resolve()
  }
  world.answers = true
  await world.settle()
}

for (const profile of ['linux-6', 'spec', 'series-v2', 'linux-5.6'] as const) {
  t.test(`random runs of ${profile} are recorded and run again alike`, async (t) => {
    for (let seed = 1; seed <= 12; seed++) {
      const notifiesMigrations = seed % 3 === 0
      const { world, lines } = recorded({ profile, poolPages: 6, notifiesMigrations })
      if (seed % 4 === 0) {
        const action = { do: 'exhaust-pool' } as const
        world.inspected.faults.add({ call: 'H_SVM_PAGE_IN', every: 3, action })
        world.inspected.faults.add({
          call: 'UV_PAGE_IN',
          every: 5,
          action: { do: 'answer', code: -4 },
        })
      }
      await world.vm(8)
      await world.vm(8, asLpid(2))
      await stir(world, prng(seed), 250)
      const kept = lines()
      t.ok(kept.length > 400, `seed ${seed}: ${kept.length} lines`)
      t.match(await replay(kept), { how: 'same', lines: kept.length }, `seed ${seed}`)
    }
  })
}

t.test('a reset and a checkpoint are in the record too', async (t) => {
  const { world, lines } = recorded()
  const control = new StateControl(world.inspected.hv, { after: (ms, run) => world.after(ms, run) })
  await world.vm(8)
  await world.run(start)
  await world.settle(control.save('one'))
  world.answers = false
  world.call(pageIn(1))
  world.call(done)
  const loaded = control.load('one')
  await world.settle()
  world.lose()
  await world.settle(loaded)
  await world.settle(world.vmm.reset(LPID))
  const kept = lines()
  t.match(kept.map((line) => JSON.parse(line).e).join(' '), /drop end .*replace queue begin/)
  t.match(await replay(kept), { how: 'same' })
})

interface TraceEvent {
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur: number
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** As the viewers read it: slices of a lane do not overlap, arrows are tied to slices at their time. */
function checkTrace(t: Test, given: readonly object[]): void {
  const events = given as readonly TraceEvent[]
  const slices = events.filter(({ ph }) => ph === 'X')
  const inLane = ({ pid, tid }: TraceEvent) =>
    slices.filter((slice) => slice.pid === pid && slice.tid === tid)
  for (const arrow of events.filter(({ ph }) => ph === 's' || ph === 'f')) {
    const open = inLane(arrow).filter(({ ts, dur }) => ts < arrow.ts && arrow.ts < ts + dur)
    t.equal(open.length, 1, `the arrow ${arrow.ph} at ${arrow.ts} lies in one slice`)
  }
  for (const slice of slices) {
    const over = inLane(slice).filter(
      ({ ts, dur }) => ts < slice.ts + slice.dur && slice.ts < ts + dur,
    )
    t.ok(over.length <= 1, `${slice.name} at ${slice.ts} overlaps nothing in its lane`)
    t.equal(slice.dur, Math.round(slice.dur * 1_000) / 1_000, 'whole nanoseconds')
  }
}

t.test('a trace shows what is made inside an ultracall, and what never ended', async (t) => {
  const lines = [
    { e: 'start', format: 'uvmem-record', version: 1, program: 'p', profile: 'linux-6' },
    { e: 'queue', n: 1, lpid: 1, call: { call: 'H_SVM_INIT_START', lpid: 1 }, t: 0 },
    { e: 'begin', n: 1, t: 1 },
    { e: 'ask', n: 1, call: 'UV_REGISTER_MEM_SLOT lpid 1', t: 1 },
    {
      ...{ e: 'queue', n: 2, lpid: 2, inside: 1, t: 2 },
      wish: { name: 'write', gfn: 7, offset: 0, bytes: 'AAAA' },
    },
    { e: 'begin', n: 2, t: 2 },
    { e: 'end', n: 2, how: 'done', code: -14, t: 4 },
    { e: 'answer', n: 1, ret: -4, t: 5 },
    { e: 'end', n: 1, how: 'done', code: -4, why: 'no', t: 5 },
    {
      ...{ e: 'queue', n: 3, lpid: 1, t: 6 },
      call: { call: 'H_SVM_PAGE_IN', lpid: 1, gpa: 65_536, flags: 0, order: 16 },
    },
    { e: 'begin', n: 3, t: 6 },
    { e: 'ask', n: 3, call: 'UV_PAGE_IN lpid 1', t: 7 },
    { e: 'vm', lpid: 3, radix: true, svm_enabled: true, t: 9 },
  ]
  const head = { pool_pages: 1, notifies_migrations: false, window: 1, t: 0 }
  let text = ''
  const trace = new TraceWriter((piece) => {
    text += piece
  })
  for (const [i, line] of lines.entries()) {
    t.equal(trace.push(JSON.stringify(i === 0 ? { ...line, ...head } : line)), undefined)
  }
  trace.end()
  const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] }
  checkTrace(t, traceEvents)
  const slices = traceEvents.filter(({ ph }) => ph === 'X')
  t.same(
    slices.map(({ name, pid, tid, ts, dur, args }) => [name, pid, tid, ts, dur, args['answer']]),
    [
      ['write', 1, 200_000, 2_000, 2_000, 'EFAULT'],
      ['UV_REGISTER_MEM_SLOT', 2, 1_000_100_000, 1_000, 4_000, 'U_PARAMETER'],
      ['H_SVM_INIT_START', 1, 100_000, 1_000, 4_000, 'H_PARAMETER'],
      ['UV_PAGE_IN', 2, 1_000_100_000, 7_000, 2_000, undefined],
      ['H_SVM_PAGE_IN', 1, 100_000, 6_000, 3_000, undefined],
    ],
  )
  t.match(slices[0]?.args, { gfn: 7, bytes: 3 }, 'how many bytes, not which')
  t.match(slices[4]?.args, { gpa: '0x10000', how: 'open' })
  const arrows = traceEvents.filter(({ ph }) => ph === 's')
  t.same(
    arrows.map(({ pid, tid, ts }) => [pid, tid, ts]),
    [
      [2, 1_000_100_000, 2_000.001],
      [1, 100_000, 1_000.001],
    ],
  )
})

t.test('a trace has a slice for each call, in lanes, and arrows between them', async (t) => {
  const { world, lines } = recorded()
  await world.vm(8)
  await world.run(start)
  world.answers = false
  world.now += 1
  world.call(pageIn(1))
  world.call(pageIn(2))
  world.now += 2
  world.answers = true
  await world.settle()
  let text = ''
  const trace = new TraceWriter((piece) => {
    text += piece
  })
  for (const line of lines()) t.equal(trace.push(line), undefined)
  trace.end()
  const { traceEvents } = JSON.parse(text) as { traceEvents: Record<string, unknown>[] }
  const slices = traceEvents.filter(({ ph }) => ph === 'X')
  const pages = slices.filter(({ name }) => name === 'H_SVM_PAGE_IN')
  t.same(
    pages.map(({ tid, dur }) => [tid, dur]),
    [
      [100_000, 2_000],
      [100_001, 2_000],
    ],
    'two at once: two lanes',
  )
  const asked = slices.filter(({ name }) => name === 'UV_PAGE_IN')
  t.same(
    asked.map(({ pid, tid }) => [pid, tid]),
    [
      [2, 1_000_100_000],
      [2, 1_000_100_001],
    ],
  )
  const starts = traceEvents.filter(({ ph }) => ph === 's')
  const ends = traceEvents.filter(({ ph }) => ph === 'f')
  t.equal(starts.length, 2, 'one for each ultracall that took time')
  t.same(
    starts.map(({ id }) => id),
    ends.map(({ id }) => id),
  )
  checkTrace(t, traceEvents)
  t.match(trace.push('{'), /^line \d+: it is not JSON/)
})
