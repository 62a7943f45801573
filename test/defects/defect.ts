/** What the catalogue says of a defect of the real code, and how it is seen here. */
import { asLpid } from '../../src/abi/page.ts'
import type { UvProfile } from '../../src/ultravisor/profile.ts'
import type { HvProfile, HvProfileName } from '../../src/uvmem/profile.ts'

/** The VM of every story. */
export const LPID = asLpid(1)

/** The small world of a story: one VM with LPID 1. */
export interface StageOptions {
  /** `id:base+pages` of each memory slot, with a space between; `0:0+2` when absent. */
  readonly slots?: string
  /** Device PFNs of the host; 4 when absent. */
  readonly pool?: number
  /** Units of 2 MiB of secure memory; 64 when absent. */
  readonly units?: number
  /** GFNs whose states are told; those of the slots when absent. */
  readonly watch?: readonly number[]
  /** False: the VMM has not switched secure guests on. */
  readonly svmEnabled?: boolean
  /** Lines played before the story; each must end well. */
  readonly given?: readonly string[]
  /** Whose states are told. */
  readonly shows?: 'hv' | 'uv'
}

interface Common {
  /** `side.switch`, or `side.some-words` where a switch has a second story or several mend it. */
  readonly id: string
  /** One sentence. */
  readonly what: string
  /** The function of the real code. */
  readonly where: string
  readonly consequence: string
  /** Files under `src` in which a `DIFF:` stands beside the switch. */
  readonly marks: readonly string[]
  readonly world?: StageOptions
  /**
   * The story as it must be told, line for line (play.ts): what is done, and below it what is seen:
   * `=` in both runs, `-` with the defect, `+` with it mended.
   */
  readonly story: string
  /** What the two runs differ in, as a sentence. */
  readonly differs: string
}

export interface HvDefect extends Common {
  readonly side: 'hv'
  /** Profiles that have it; the story is played under the last one. */
  readonly profiles: readonly HvProfileName[]
  /** Switches that take their documented value in the second run. */
  readonly mendedBy: readonly (keyof HvProfile)[]
}

export interface UvDefect extends Common {
  readonly side: 'uv'
  readonly profiles: readonly ['firmware']
  readonly mendedBy: readonly (keyof UvProfile)[]
}

export type Defect = HvDefect | UvDefect

/** A defect of the real code that this program does not repeat. */
export interface Unrepeated {
  readonly id: string
  readonly side: 'hv' | 'uv'
  readonly what: string
  readonly where: string
  readonly consequence: string
  /** Why it is not repeated, and what happens here instead. */
  readonly instead: string
  /** What it costs, there and here. */
  readonly figures?: readonly string[]
}
