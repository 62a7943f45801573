import t from 'tap'
import { KeyReader, KeyWriter } from '../../src/lab/check/byte-key.ts'
import { worldNamed } from '../../src/lab/check/check-world.ts'
import { StateEncoder } from '../../src/lab/check/encode.ts'
import { newSetup, type Setup } from '../../src/lab/check/live.ts'
import { narrate } from '../../src/lab/check/narrate.ts'
import { recordingOf } from '../../src/lab/check/recording.ts'
import { StateRestorer } from '../../src/lab/check/restore.ts'
import { firstState, Search } from '../../src/lab/check/search.ts'
import { Visited } from '../../src/lab/check/visited.ts'
import { replayHvTrace } from '../../src/lab/recordings/hv-replay.ts'
import { parseHvTrace } from '../../src/lab/recordings/hv-trace.ts'
import { present } from '../../src/lib/assert.ts'
import { UV_PROFILES, type UvProfileName } from '../../src/ultravisor/profile.ts'
import { HV_PROFILES, type HvProfileName } from '../../src/uvmem/profile.ts'

interface Case {
  readonly why: string
  readonly hv: HvProfileName
  readonly uv: UvProfileName
  readonly strategy?: 'all'
  readonly world: string
  readonly id: string
  readonly gfn: number | undefined
  readonly what: string
  /** Moves of a shortest way. */
  readonly moves: number
}

const setupOf = ({ hv, uv, strategy, world }: Partial<Case>): Setup =>
  newSetup(
    present(worldNamed(world ?? ''), 'a world'),
    HV_PROFILES[hv ?? 'spec'],
    UV_PROFILES[uv ?? 'spec'],
    strategy === 'all' ? 'all' : 'necessary',
  )

const LIMITS = { statesMax: 200_000, bytesMax: 1e9, findingsMax: 1 }

const CASES: readonly Case[] = [
  {
    why: 'the naive speed-up leaves what was not asked for normal',
    hv: 'linux-5.6',
    uv: 'firmware',
    world: 'default',
    id: 'I1',
    gfn: 2,
    what: 'normal at the hypervisor, SECURE at the ultravisor',
    moves: 9,
  },
  {
    why: 'v1 drops the ciphertext of a page that was paged out before INIT_DONE',
    hv: 'series-v1',
    uv: 'firmware',
    world: 'switch',
    id: 'I2',
    gfn: 1,
    what: 'secure at the hypervisor, PAGEDOUT at the ultravisor',
    moves: 11,
  },
  {
    why: 'v2 takes a flushed page for one that was paged out',
    hv: 'series-v2',
    uv: 'firmware',
    world: 'thread',
    id: 'I2',
    gfn: 1,
    what: 'paged_out at the hypervisor, SECURE at the ultravisor',
    moves: 10,
  },
  {
    why: 'linux-5.6 is not told of a hot-added slot',
    hv: 'linux-5.6',
    uv: 'firmware',
    strategy: 'all',
    world: 'hotplug',
    id: 'I1',
    gfn: 16,
    what: 'normal at the hypervisor, SECURE at the ultravisor',
    moves: 13,
  },
  {
    why: 'a page hypercall from inside UV_REGISTER_MEM_SLOT waits for ever',
    hv: 'spec',
    uv: 'spec',
    world: 'nested',
    id: 'DEADLOCK',
    gfn: undefined,
    what: 'calls are under way, and none of them can ever go on',
    moves: 2,
  },
  {
    why: 'what was merged forgets at a flush that a frame is shared',
    hv: 'linux-6',
    uv: 'firmware',
    world: 'rtas',
    id: 'I1',
    gfn: 1,
    what: 'normal at the hypervisor, PSEUDO_SHARED at the ultravisor',
    moves: 14,
  },
]

t.test('the checker finds what is wrong with each design, by a shortest way', async (t) => {
  for (const { why, id, gfn, what, moves, ...given } of CASES) {
    const { findings, end } = new Search(setupOf(given), LIMITS).run()
    t.equal(end, 'found', why)
    t.match(findings[0], { id, what, ...(gfn === undefined ? {} : { gfn }) }, why)
    t.equal(findings[0]?.moves.length, moves, `${why}: ${moves} moves`)
  }
})

t.test('a finding can be read, and replayed as a recording', async (t) => {
  const setup = setupOf({ hv: 'series-v1', uv: 'firmware', world: 'switch' })
  const { findings } = new Search(setup, LIMITS).run()
  const moves = findings[0]?.moves ?? []
  const told = narrate(setup, moves)
  t.equal(told[0], 'the guest calls UV_ESM')
  t.ok(told.includes('the host touches GFN 1'), 'the host touches the page')
  t.ok(told.includes('    UV_PAGE_OUT GFN 1 = U_SUCCESS'), 'every call is told')
  t.notOk(
    told.some((line) => line.includes('UV_PAGE_IN GFN 2')),
    'nobody asked for the other page',
  )
  const recording = recordingOf(setup, 'series-v1', 'v1', moves)
  const trace = parseHvTrace(JSON.stringify(recording))
  t.same(
    trace.steps.map(({ op }) => op.op),
    ['create', 'init_start', 'page_in', 'host_touch', 'init_done'],
  )
  t.match(trace.steps[4]?.state, { 'vm1.s0.g': 'U0,U1', 'vm1.sg': 3 }, 'what is wrong can be seen')
  const replayed = replayHvTrace(trace)
  t.same(replayed, { id: 'v1', steps: 5, agreed: 5, disagreements: [] })
})

/** States, moves and depth of worlds that are soon looked through; src/lab/README.md tells them. */
const SMALL_WORLDS: Readonly<Record<string, readonly [number, number, number]>> = {
  switch: [1_305, 2_113, 28],
  rtas: [439, 686, 28],
  hotplug: [39_345, 76_240, 34],
  tight: [19_224, 31_122, 62],
}

t.test('spec with spec: the small worlds are exhausted, and nothing is found', async (t) => {
  for (const [world, figures] of Object.entries(SMALL_WORLDS)) {
    const result = new Search(setupOf({ world }), LIMITS).run()
    t.same(result.findings, [], world)
    t.equal(result.end, 'exhausted', world)
    t.same([result.states, result.transitions, result.depth], figures, world)
  }
})

t.test('telling calls under way apart by their answers loses nothing', async (t) => {
  // Without unshares and reboots every way comes to an end.
  const thread = present(worldNamed('thread'), 'a world')
  const world = { ...thread, acts: ['esm', 'touch', 'share', 'flush'] as const }
  const { hv, uv } = setupOf({ world: 'thread' })
  const setup = newSetup(world, hv, uv, 'necessary')
  const short = new Search(setup, LIMITS).run()
  const long = new Search(setup, { ...LIMITS, keepsWays: true }).run()
  t.same([short.end, long.end], ['exhausted', 'exhausted'])
  t.ok(long.states > short.states, `${long.states} ways to ${short.states} states`)
  t.equal(long.quietStates, short.quietStates, 'and the same states at rest')
  t.same(long.findings, short.findings)
})

t.test('a state at rest comes back from its key as it was', async (t) => {
  const setup = setupOf({ world: 'thread' })
  const key = new KeyWriter()
  const first = firstState(setup)
  const encoder = new StateEncoder(first, key)
  encoder.encode(first)
  const bytes = key.bytes.slice(0, key.length)
  const again = new StateRestorer(setup, new KeyReader(bytes)).restore(bytes)
  encoder.encode(again)
  t.same(key.bytes.slice(0, key.length), bytes)
  t.equal(again.host.vms.size, 1)
  t.equal(again.host.ram.used, 2, 'both pages of the boot loader have their frames')
})

t.test('states are told apart by all their bytes', async (t) => {
  const visited = new Visited(1e9)
  const key = new Uint8Array(8)
  const view = new DataView(key.buffer)
  for (let i = 0; i < 200_000; i++) {
    view.setUint32(2, i)
    if (visited.add(key, 8) !== i) t.fail(`state ${i} is new`)
  }
  view.setUint32(2, 77)
  t.equal(visited.add(key, 8), -1, 'seen before')
  t.equal(visited.add(key, 7), 200_000, 'another length is another state')
  t.same([...visited.keyOf(131_072)], [0, 0, 0, 2, 0, 0, 0, 0], 'the whole key is kept')
  t.equal(visited.size, 200_001)
})

t.test('a bound that is reached is said, at the bound and not before', async (t) => {
  const setup = setupOf({ world: 'switch' })
  const all = new Search(setup, LIMITS).run().states
  const one = { ...LIMITS, statesMax: all }
  t.equal(
    new Search(setup, one).run().end,
    'states',
    'as many as there are: nobody knows of the next',
  )
  t.equal(new Search(setup, { ...LIMITS, statesMax: all + 1 }).run().end, 'exhausted')
  t.equal(new Search(setup, { ...LIMITS, bytesMax: 1_000_000 }).run().end, 'memory')
  const large = setupOf({ world: 'default' })
  const small = new Search(large, { ...LIMITS, bytesMax: 20_000_000 }).run()
  t.equal(small.end, 'memory', 'the memory is used up in the middle')
  t.ok(small.states > 10_000, `after ${small.states} states`)
  t.ok(small.bytes <= 20_000_000, `${small.bytes} bytes`)
})
