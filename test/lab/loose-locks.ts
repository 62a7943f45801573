/** A VM's queue stands for uvmem_lock: here operations say that they touch less than they do. */
import { asGfn } from '../../src/abi/page.ts'
import type { Touched } from '../hv/pipeline-run.ts'

/** Frames that no operation is about: nobody waits for anybody who holds one of them. */
const FREE_GFNS = 1_000_000

let next = FREE_GFNS
const another = () => asGfn(next++)

const NOTHING = { takes: false, frees: () => false }

export const LOOSE_LOCKS: Readonly<Record<string, (touched: Touched) => Touched>> = {
  'two moves of one frame run at once': ({ footprint, gfn }) => {
    if (footprint === 'vm' || gfn === undefined) return { footprint, gfn }
    const frees: typeof footprint.frees = (vm) => footprint.frees(vm, gfn)
    return { footprint: { takes: footprint.takes, frees }, gfn: another() }
  },
  'a device page is taken while another one is about to come back': ({ footprint, gfn }) =>
    footprint === 'vm' ? { footprint, gfn } : { footprint: NOTHING, gfn },
  'a reset does not wait for the page moves before it': ({ footprint, gfn }) =>
    footprint === 'vm' ? { footprint: NOTHING, gfn: another() } : { footprint, gfn },
}
