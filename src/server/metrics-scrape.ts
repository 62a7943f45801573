/**
 * What the hypervisor's state is at one moment, for its metrics.
 *
 * Everything is read when somebody asks: calls themselves only count numbers (src/hv/counters.ts).
 */
import type { Lpid } from '../abi/page.ts'
import type { Counters, HostCounts } from '../hv/counters.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Vm } from '../uvmem/host.ts'
import { vmStateOf } from '../uvmem/vm-state.ts'
import { epochOf, textOfEpoch } from './frame-map-tag.ts'
import { countStates } from './frame-routes.ts'

export type StateCounts = Awaited<ReturnType<typeof countStates>>

/** What a connection has waiting to be sent. */
export interface Buffered {
  /** Bytes. */
  readonly buffered: number
  /** True while its client is not read from, as it does not take its answers. */
  readonly paused: boolean
}

export interface MetricsSource {
  readonly hv: Hypervisor
  readonly counters: Counters
  readonly connections: Iterable<Buffered>
  readonly version: string
}

export interface VmScrape {
  readonly lpid: Lpid
  readonly state: string
  readonly isOrphan: boolean
  readonly isStopped: boolean
  readonly queued: number
  readonly frames: StateCounts
}

export interface Scrape {
  readonly source: MetricsSource
  readonly counts: HostCounts
  readonly vms: readonly VmScrape[]
  readonly connections: readonly Buffered[]
}

/** Frames are counted again only for VMs whose frames have changed since. */
export class FrameCounts {
  readonly #known = new WeakMap<Vm, { readonly epoch: string; readonly counts: StateCounts }>()

  async of(vm: Vm): Promise<StateCounts> {
    const epoch = textOfEpoch(epochOf(vm))
    const known = this.#known.get(vm)
    if (known?.epoch === epoch) return known.counts
    const counts = await countStates(vm)
    this.#known.set(vm, { epoch, counts })
    return counts
  }
}

/** VMs that are looked at before calls get their turn. */
const vmsPerTurnMax = 256

/** Calls go on meanwhile: what is told of one VM may be a few milliseconds older than of another. */
export async function scrape(source: MetricsSource, frames: FrameCounts): Promise<Scrape> {
  const { hv, counters } = source
  const vms: VmScrape[] = []
  for (const vm of [...hv.host.vms.values()]) {
    const { lpid } = vm
    vms.push({
      lpid,
      state: vmStateOf(vm.secureGuest),
      isOrphan: hv.isOrphan(lpid),
      isStopped: vm.fault !== undefined,
      queued: hv.queueLength(lpid),
      frames: await frames.of(vm),
    })
    if (vms.length % vmsPerTurnMax === 0) await new Promise((resume) => setImmediate(resume))
  }
  return { source, counts: counters.host(), vms, connections: [...source.connections] }
}
