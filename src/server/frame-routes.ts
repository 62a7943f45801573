/** Handlers: guest frames and what the host does to them. */
import { hex } from '../../schemas/values.ts'
import { Host as HostCode } from '../abi/codes.ts'
import { asGfn, frameOf, gpaOf, type Page, type Ra } from '../abi/page.ts'
import { type FrameRun, frameRuns, lookAt } from '../uvmem/frame-runs.ts'
import { FrameState } from '../uvmem/frame-state.ts'
import type { Vm } from '../uvmem/host.ts'
import type { Handlers } from './handler.ts'
import { changeFacts } from './journal-facts.ts'
import { codeOf, vmUnknown } from './outcome.ts'
import { problem } from './problem.ts'

/** Pieces of a frame table that are looked at before others may run: about a millisecond or two. */
export const piecesPerTurnMax = 65_536

const hexOf = (ra: Ra | undefined): string | null => (ra === undefined ? null : hex(ra))

const runFacts = ({ from, count, state, backing }: FrameRun) => ({
  from,
  count,
  state,
  ...(backing === undefined
    ? {}
    : { pfn: backing.pfn ?? null, maps: backing.maps, ra: hexOf(backing.ra) }),
})

function kindOf(page: Page): 'zeros' | 'tag' | 'bytes' {
  if (page === null) return 'zeros'
  return typeof page === 'bigint' ? 'tag' : 'bytes'
}

/** Counts frames by state, a turn of the event loop at a time. */
export async function countStates(vm: Vm) {
  const { Normal, Secure, PagedOut, Shared } = FrameState
  const counts = { [Normal]: 0, [Secure]: 0, [PagedOut]: 0, [Shared]: 0 }
  const wanted = {
    limit: Number.POSITIVE_INFINITY,
    piecesMax: piecesPerTurnMax,
    byBacking: false,
  }
  for (let from = asGfn(0); ; ) {
    const { runs, next } = frameRuns(vm, { ...wanted, from })
    for (const { state, count } of runs) counts[state] += count
    if (next === undefined) return counts
    from = next
    await new Promise((resume) => setImmediate(resume))
  }
}

export const FRAME_HANDLERS: Handlers<
  | 'listFrames'
  | 'countFrames'
  | 'getFrame'
  | 'touchFrame'
  | 'unmapFrame'
  | 'pinFrame'
  | 'unpinFrame'
  | 'faultFrame'
> = {
  listFrames: ({ hv }, { path: { lpid }, query }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const { runs, next } = frameRuns(vm, {
      from: query.from ?? asGfn(0),
      limit: query.limit,
      piecesMax: piecesPerTurnMax,
      state: query.state,
      byBacking: query.by === 'backing',
    })
    return { runs: runs.map(runFacts), next: next ?? null }
  },
  countFrames: async ({ hv }, { path: { lpid } }) => {
    const vm = hv.vm(lpid)
    return vm === undefined ? vmUnknown(lpid) : countStates(vm)
  },
  getFrame: ({ hv, inspected }, { path: { lpid, gfn } }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const look = lookAt(vm, gfn)
    if (look === undefined) {
      return problem('frame-unknown', `GFN ${gfn} is in no memory slot of VM ${lpid}.`)
    }
    const { maps, ra, pfn } = look.backing
    const content = ra === undefined ? null : kindOf(hv.host.ram.glance(frameOf(ra)))
    return {
      gfn,
      gpa: hex(gpaOf(gfn)),
      slot: look.slot.id,
      state: look.state,
      tracked: look.tracked,
      pfn: pfn ?? null,
      host: { maps, ra: hexOf(ra), pfn: look.mappedPfn ?? null, content, swapped: look.swapped },
      pinned: look.pinned,
      history: inspected.history.of(lpid, gfn).map(changeFacts),
    }
  },
  touchFrame: async ({ vmm }, { path: { lpid, gfn } }) => codeOf(lpid, await vmm.touch(lpid, gfn)),
  unmapFrame: async ({ vmm }, { path: { lpid, gfn }, body }) =>
    codeOf(lpid, await vmm.unmap(lpid, gfn, body.how)),
  pinFrame: async ({ vmm }, { path: { lpid, gfn } }) => codeOf(lpid, await vmm.pin(lpid, gfn)),
  unpinFrame: async ({ vmm }, { path: { lpid, gfn } }) => codeOf(lpid, await vmm.unpin(lpid, gfn)),
  faultFrame: async ({ vmm }, { path: { lpid, gfn } }) => {
    const given = codeOf(lpid, await vmm.guestFault(lpid, gfn), [HostCode.RESUME_HOST])
    if (!('code' in given)) return given
    return given.code === HostCode.RESUME_GUEST ? { ...given, name: 'RESUME_GUEST' } : given
  },
}
