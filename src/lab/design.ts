/**
 * The designs of the thread: a hypervisor profile, what the ultravisor pages in, and which
 * ultravisor.
 */
import type { EsmStrategy } from '../ultravisor/esm.ts'
import type { UvProfileName } from '../ultravisor/profile.ts'
import type { HvProfileName } from '../uvmem/profile.ts'

export interface Design {
  /** How the command line and the reports name it. */
  readonly name: string
  readonly hv: HvProfileName
  readonly strategy: EsmStrategy
  readonly uv: UvProfileName
  /** What somebody new to it should know. */
  readonly about: string
}

export const DESIGNS: readonly Design[] = [
  {
    name: 'linux-5.6+all',
    hv: 'linux-5.6',
    strategy: 'all',
    uv: 'firmware',
    about: 'as it was: the ultravisor asks for every page, one hypercall each',
  },
  {
    name: 'linux-5.6+necessary',
    hv: 'linux-5.6',
    strategy: 'necessary',
    uv: 'firmware',
    about: 'the naive speed-up: only the pages that are measured; the hypervisor is not told',
  },
  {
    name: 'series-v1',
    hv: 'series-v1',
    strategy: 'necessary',
    uv: 'firmware',
    about: 'H_SVM_INIT_DONE secures the rest; only shared frames have a state of their own',
  },
  {
    name: 'series-v2',
    hv: 'series-v2',
    strategy: 'necessary',
    uv: 'firmware',
    about: 'paged-out frames have a state too, but a memory slot flush does not reset it',
  },
  {
    name: 'series-v3',
    hv: 'series-v3',
    strategy: 'necessary',
    uv: 'firmware',
    about: 'a flush resets the states',
  },
  {
    name: 'linux-6',
    hv: 'linux-6',
    strategy: 'necessary',
    uv: 'firmware',
    about: 'what was merged',
  },
  {
    name: 'spec',
    hv: 'spec',
    strategy: 'necessary',
    uv: 'spec',
    about: 'both sides as documented, without the known defects',
  },
  {
    name: 'stateless',
    hv: 'stateless',
    strategy: 'necessary',
    uv: 'proposal',
    about:
      'the counter-proposal: no states; INIT_DONE sends all, the ultravisor refuses shared pages',
  },
]

export const designNamed = (name: string): Design | undefined =>
  DESIGNS.find((design) => design.name === name)
