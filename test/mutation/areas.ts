/** What is mutated, and the tests that shall notice: the two cores and the code of sessions. */
import { globFiles } from './glob-files.ts'

export interface Area {
  readonly name: string
  /** Sources; a star stands for any part of a name or path. */
  readonly mutate: readonly string[]
  /** Test files without their ending. */
  readonly tests: readonly string[]
  /** Of these, and more, those that take long: asked of what the others did not notice, by `--survivors`. */
  readonly slowTests?: readonly string[]
}

export const AREAS: readonly Area[] = [
  {
    name: 'hypervisor core',
    mutate: ['src/uvmem/*'],
    tests: ['test/uvmem/*'],
    slowTests: [
      ...['invariants-random', 'runs', 'snapshot'].map((name) => `test/uvmem/${name}`),
      ...['test/defects/catalogue', 'test/conformance/hv-codes', 'test/conformance/lines'],
    ],
  },
  {
    name: 'ultravisor core',
    mutate: ['src/ultravisor/*'],
    tests: ['test/ultravisor/*'],
    slowTests: [
      ...['test/ultravisor/properties', 'test/ultravisor/page-memory', 'test/peer/uv-window'],
      ...['test/peer/uv-agreement', 'test/defects/catalogue', 'test/conformance/uv-codes'],
    ],
  },
  {
    name: 'sessions: calls',
    mutate: [
      ...['backlog', 'calls', 'complaints', 'connection', 'counters', 'drive', 'fingerprint'],
      ...['inbox', 'kept-answers', 'load', 'open-calls', 'outbox', 'peer', 'rest', 'restore'],
      ...['resume', 'service'],
    ].map((part) => `src/peer/rpc-${part}.ts`),
    tests: [
      ...['backlog', 'complaints', 'drive', 'end', 'fingerprint', 'ids', 'ids-round', 'limits'],
      ...['kept-answers', 'peer', 'property', 'rest', 'restore', 'resume', 'resume-ids'],
      ...['resume-wait', 'send'],
    ].map((part) => `test/peer/rpc-${part}`),
  },
  {
    name: 'sessions: both ends',
    mutate: [
      ...['src/hv/session*', 'src/server/uv-conversation', 'src/server/uv-connection'],
      ...['backoff', 'client', 'gate', 'give-up', 'line'].map((part) => `src/peer/uv-${part}`),
      // In it calls wait for their turn at the gate.
      ...['src/lib/chain', 'src/lib/waiting-line'],
    ],
    // Those over sockets take a hundred times as long.
    tests: [
      ...['connect', 'gate', 'give-up', 'line', 'session'].map((part) => `test/peer/uv-${part}`),
      ...['test/hv/session', 'test/lib/chain', 'test/lib/waiting-line'],
      ...['test/server/uv-conversation*', 'test/server/uv-connection'],
    ],
    slowTests: ['test/peer/uv-client'],
  },
]

/** A part of an area that one run of Stryker does. */
export interface Batch {
  readonly files: readonly string[]
  readonly tests: readonly string[]
}

/** The files of an area that are, or are under, one of the paths; all of them without a path. */
export const filesOf = ({ mutate }: Area, paths: readonly string[]): readonly string[] =>
  globFiles(mutate, '.ts').filter(
    (file) => paths.length === 0 || paths.some((path) => file.startsWith(path)),
  )

/** The area's test files without their ending: the quick ones, or all of them. */
export function testsOf({ tests, slowTests = [] }: Area, all: boolean): readonly string[] {
  const ending = '.test.ts'
  const found = (patterns: readonly string[]): readonly string[] =>
    globFiles(patterns, ending).map((file) => file.slice(0, -ending.length))
  const slow = new Set(found(slowTests))
  const quick = found(tests).filter((file) => !slow.has(file))
  return all ? [...quick, ...slow] : quick
}
