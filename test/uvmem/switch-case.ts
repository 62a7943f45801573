/** The form of a case that studies one switch of a profile, and the worlds that most of them begin with. */
import type { HvProfile } from '../../src/uvmem/profile.ts'
import type { WorldOptions } from './world.ts'

/** What a world shows in the end: codes of the last line, calls, states, mappings, PFNs, flags. */
export interface SwitchCase {
  readonly name: keyof HvProfile
  readonly base: HvProfile
  readonly options?: WorldOptions
  readonly line: string
  /** For each value of the switch: what is seen. */
  readonly seen: readonly (readonly [HvProfile[keyof HvProfile], string])[]
}

export const IN = 'UV_PAGE_IN ra1 to 0x0'
export const REGISTER = 'UV_REGISTER_MEM_SLOT 0 0x0+0x20000'
export const two: WorldOptions = { slots: '0:0+2' }
export const started: WorldOptions = { slots: '0:0+2', after: ['init_start'] }
