/** What is mutated, and the tests that shall notice: the two cores and the code of sessions. */

export interface Area {
  readonly name: string
  /** Globs of sources. */
  readonly mutate: readonly string[]
  /** Test files without their ending, those that notice most and take least first. */
  readonly tests: readonly string[]
}

export const AREAS: readonly Area[] = [
  {
    name: 'hypervisor core',
    mutate: ['src/uvmem/**/*.ts'],
    tests: ['test/uvmem/*', 'test/hv/pipelining'],
  },
  {
    name: 'ultravisor core',
    mutate: ['src/ultravisor/**/*.ts'],
    tests: ['test/ultravisor/*', 'test/peer/uv-window', 'test/peer/uv-agreement'],
  },
  {
    name: 'sessions',
    mutate: ['src/peer/rpc-*.ts', 'src/hv/session*.ts'],
    tests: ['test/peer/rpc-*', 'test/server/session', 'test/server/resume'],
  },
]

/** The folder or the beginning of a name that a glob stands for. */
const stemOf = (glob: string): string => glob.slice(0, glob.indexOf('*'))

/** The areas that hold one of the paths; all of them without a path. */
export const areasOf = (paths: readonly string[]): readonly Area[] =>
  AREAS.filter(
    ({ mutate }) =>
      paths.length === 0 ||
      paths.some((path) => mutate.some((glob) => path.startsWith(stemOf(glob)))),
  )
