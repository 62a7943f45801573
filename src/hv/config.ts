/** What a hypervisor is made with. */
import type { Limits } from '../../schemas/limits.ts'
import type { Lpid } from '../abi/page.ts'
import type { HvProfileName } from '../uvmem/profile.ts'
import type { Task } from './operation.ts'

/** What becomes of the VMs of a session that is given up. */
export type Orphans = 'keep' | 'reset'

export interface HvConfig {
  readonly profile: HvProfileName
  /** Device PFNs: one for every 64 KiB of secure memory; 0 means "no ultravisor firmware". */
  readonly poolPages: number
  /** A call for an unknown LPID makes an empty radix VM. */
  readonly autoCreateVms: boolean
  /** After H_SVM_INIT_DONE each migration tells the ultravisor through the MMU notifier. */
  readonly notifiesMigrations: boolean
  readonly orphans: Orphans
  /** Page moves of one VM that may be under way at once: 1 and more. */
  readonly window: number
  readonly limits: Limits
}

/** Chance and time, which come in by argument. */
export interface HvPorts {
  /** Milliseconds since some start, rising. */
  readonly now: () => number
  /** Runs something in a later turn of the event loop: `op` wants another turn, if one is named. */
  readonly later: (run: () => void, op?: Task) => void
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
  /** A secret of 32 bytes, as text. */
  readonly token: () => string
  /** We are wrong: an operation on this VM threw, and the VM is stopped. */
  readonly failed?: (lpid: Lpid, error: unknown) => void
}
