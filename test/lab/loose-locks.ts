/** A VM's queue stands for uvmem_lock: here operations say that they touch less than they do. */
import { asGfn } from '../../src/abi/page.ts'
import type { Footprint } from '../../src/hv/operation.ts'

/** Frames that no operation is about: nobody waits for anybody who holds one of them. */
const FREE_GFNS = 1_000_000

let next = FREE_GFNS
const another = () => asGfn(next++)

export const LOOSE_LOCKS: Readonly<Record<string, (footprint: Footprint) => Footprint>> = {
  'two moves of one frame run at once': (footprint) =>
    footprint === 'vm' ? 'vm' : { ...footprint, gfn: another() },
  'a device page is taken while another one is about to come back': (footprint) =>
    footprint === 'vm' ? 'vm' : { ...footprint, takes: false, frees: () => false },
  'a reset does not wait for the page moves before it': (footprint) =>
    footprint === 'vm' ? { gfn: another(), takes: false, frees: () => false } : footprint,
}
