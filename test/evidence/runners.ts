/** Every long run, with the promise that it puts to the test: the rows of the evidence, in their order. */

/** What one run is told. */
export interface RunWish {
  readonly count: number
  readonly seed: number
}

interface Row {
  readonly id: string
  /** What is counted. */
  readonly unit: string
}

/** A command with `--json FILE`. */
export interface LongRun extends Row {
  readonly kind: 'long'
  /** The name of its npm script. */
  readonly script: string
  /** The script's program in `dist/test`. */
  readonly program: string
  readonly words: (wish: RunWish) => readonly string[]
  /** How much the first run does, from which the rate is known. */
  readonly first: number
  /** Its part of the time, beside those of the others; 0: it does `first`, and no more. */
  readonly weight: number
}

/** A test file that needs no more than it has in the suite; what counts are its assertions. */
export interface SuiteRun extends Row {
  readonly kind: 'suite'
  readonly file: string
  readonly promise: string
  readonly fault: string
}

export type Runner = LongRun | SuiteRun

const long = (run: Omit<LongRun, 'kind'>): LongRun => ({ kind: 'long', ...run })
const suite = (run: Omit<SuiteRun, 'kind' | 'unit'>): SuiteRun => ({
  kind: 'suite',
  unit: 'assertions',
  ...run,
})

const seeded = ({ seed }: RunWish): readonly string[] => ['--seed', String(seed)]

const fuzz = (id: string, only: string, option: string, unit: string, first: number, weight = 1) =>
  long({
    ...{ id, unit, first, weight, script: 'fuzz', program: 'hostile/main.js' },
    words: (wish) => ['--only', only, `--${option}`, String(wish.count), ...seeded(wish)],
  })

const LONG: readonly Runner[] = [
  long({
    ...{ id: 'simulation', unit: 'seeds', script: 'sim', program: 'sim/main.js' },
    words: (wish) => ['--seeds', String(wish.count), ...seeded(wish)],
    ...{ first: 200, weight: 4 },
  }),
  long({
    ...{ id: 'resume', unit: 'calls', script: 'resume', program: 'resume/main.js' },
    words: (wish) => {
      const cuts = String(Math.ceil(wish.count / 50))
      return ['--calls', String(wish.count), '--cuts', cuts, ...seeded(wish)]
    },
    ...{ first: 10_000, weight: 2 },
  }),
  long({
    ...{ id: 'durability', unit: 'kills', script: 'durability', program: 'durability/main.js' },
    words: (wish) => ['--kills', String(wish.count), ...seeded(wish)],
    ...{ first: 20, weight: 2 },
  }),
  fuzz('hostile-wire', 'wire', 'messages', 'messages', 20_000, 2),
  fuzz('hostile-sockets', 'sockets', 'messages', 'messages', 40_000),
  fuzz('hostile-rest', 'rest', 'requests', 'requests', 2_000, 2),
  fuzz('hostile-slow', 'slow', 'sockets', 'sockets', 500, 0),
  long({
    ...{ id: 'secrecy', unit: 'page moves', script: 'secrecy', program: 'secrecy/main.js' },
    words: (wish) => ['--moves', String(wish.count), ...seeded(wish)],
    ...{ first: 1_000, weight: 2 },
  }),
  long({
    ...{ id: 'soak', unit: 'seconds', script: 'soak', program: 'endurance/main.js' },
    words: (wish) => ['--only', 'soak', '--minutes', String(wish.count / 60), ...seeded(wish)],
    ...{ first: 30, weight: 2 },
  }),
  long({
    ...{ id: 'overload', unit: 'operations', script: 'soak', program: 'endurance/main.js' },
    words: (wish) => ['--only', 'overload', ...seeded(wish)],
    ...{ first: 1, weight: 0 },
  }),
  long({
    ...{ id: 'sigterm', unit: 'signals', script: 'soak', program: 'endurance/main.js' },
    words: (wish) => ['--only', 'sigterm', '--times', String(wish.count), ...seeded(wish)],
    ...{ first: 20, weight: 1 },
  }),
  long({
    ...{ id: 'agreement', unit: 'steps', script: 'agreement', program: 'system/main.js' },
    words: (wish) => ['--steps', String(wish.count), ...seeded(wish)],
    ...{ first: 20_000, weight: 2 },
  }),
  long({
    ...{ id: 'conformance', unit: 'steps', script: 'conformance', program: 'conformance/main.js' },
    words: () => [],
    ...{ first: 1, weight: 0 },
  }),
]

const SUITE: readonly Runner[] = [
  suite({
    id: 'vectors',
    file: 'test/hostile/vectors.test.ts',
    promise: 'Each WebSocket vector has its expected outcome; the server goes on',
    fault: 'hand-written bytes on bare sockets: handshake, framing, UTF-8, close codes, limits',
  }),
  suite({
    id: 'access',
    file: 'test/server/access-matrix.test.ts',
    promise: 'Nobody does what their role does not allow',
    fault: 'every role at every route and call, with LPIDs of their own, of others and of nobody',
  }),
  suite({
    id: 'integrity',
    file: 'test/secrecy/integrity.test.ts',
    promise: 'No page is accepted that is not the one that was paged out last',
    fault: 'changed, swapped, replayed and rolled-back pages',
  }),
  suite({
    id: 'paired',
    file: 'test/secrecy/paired.test.ts',
    promise: 'Guests that differ in secrets alone look the same to the hypervisor',
    fault: 'the same work twice, with other secrets',
  }),
  suite({
    id: 'disk',
    file: 'test/hv/ledger-faults.test.ts',
    promise: 'Nothing is claimed that is not on the disk; damage is found and told with its place',
    fault: 'EIO, ENOSPC and short writes at every call, power loss, flipped bits, truncations',
  }),
  suite({
    id: 'seeded-defects',
    file: 'test/lab/seeded-defects.test.ts',
    promise: 'A defect put into the cores is found',
    fault: 'defects sown one at a time, locks that nobody holds among them',
  }),
]

export const RUNNERS: readonly Runner[] = [...LONG, ...SUITE]

/** The command that does a run again. */
export function commandOf(runner: Runner, wish: RunWish): string {
  if (runner.kind === 'suite') return `npx tap ${runner.file}`
  const words = runner.words(wish)
  return `npm run ${runner.script}${words.length === 0 ? '' : ` -- ${words.join(' ')}`}`
}
