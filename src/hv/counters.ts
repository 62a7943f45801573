/** What has been counted since the start: for each VM, and for the host as their sum. */
import type { Lpid } from '../abi/page.ts'
import { type CallCount, CallCounts, CodeNumbers } from './counters-calls.ts'
import { type Latency, LatencyHistogram } from './counters-histogram.ts'
import type { JournalNames } from './journal-names.ts'

/** Numbers that only grow. */
export interface PageCounts {
  /** Pages that UV_PAGE_IN brought into secure memory. */
  pagesIn: number
  /** Pages that UV_PAGE_OUT brought back. */
  pagesOut: number
  /** Pages that UV_PAGE_IN made shared. */
  pagesShared: number
  /** Frames that an operation on the whole VM made secure: H_SVM_INIT_DONE, a hot-added slot. */
  framesSecured: number
  /** Frames that went from one state to another. */
  framesChanged: number
  /** Host faults: the real kernel would have hung or crashed. */
  faults: number
  /** Calls that were refused with an error of the wire. */
  refusals: number
  /** Those among them that would have waited for themselves. */
  deadlocks: number
}
export type PageCountName = keyof PageCounts

const NOTHING: PageCounts = {
  pagesIn: 0,
  pagesOut: 0,
  pagesShared: 0,
  framesSecured: 0,
  framesChanged: 0,
  faults: 0,
  refusals: 0,
  deadlocks: 0,
}
export const PAGE_COUNT_NAMES = Object.keys(NOTHING) as readonly PageCountName[]

/** What is counted of one VM. */
export class VmCounters {
  readonly calls: CallCounts
  readonly pages: PageCounts = { ...NOTHING }
  /** Operations of its queue at once, at most. */
  queueMax = 0

  constructor(names: JournalNames, codes: CodeNumbers) {
    this.calls = new CallCounts(names, codes)
  }
}

export interface HostCounts {
  readonly calls: readonly CallCount[]
  readonly pages: Readonly<PageCounts>
  readonly queueMax: number
  /** Device PFNs in use at once, at most. */
  readonly poolMax: number
  readonly sessionsOpened: number
  readonly sessionsClosed: number
  /** Connections that took the place of another one. */
  readonly sessionsResumed: number
  /** Of hypercalls from their turn to their answer, and of ultracalls from sending to answer. */
  readonly latencies: ReadonlyMap<string, Latency>
}

export class Counters {
  readonly #names: JournalNames
  readonly #codes = new CodeNumbers()
  readonly #vms: (VmCounters | undefined)[] = []
  /** VMs that are gone, and what is about no VM. */
  readonly #gone: VmCounters
  readonly #latencies: (LatencyHistogram | undefined)[] = []
  poolMax = 0
  sessionsOpened = 0
  sessionsClosed = 0
  sessionsResumed = 0

  constructor(names: JournalNames) {
    this.#names = names
    this.#gone = new VmCounters(names, this.#codes)
  }

  /** What is counted of a VM; begins at nothing. */
  of(lpid: Lpid): VmCounters {
    const known = this.#vms[lpid]
    if (known !== undefined) return known
    while (this.#vms.length < lpid) this.#vms.push(undefined)
    const counters = new VmCounters(this.#names, this.#codes)
    this.#vms[lpid] = counters
    return counters
  }

  /** A VM is gone: what it has counted stays in the host's sum. */
  retire(lpid: Lpid): void {
    const counters = this.#vms[lpid]
    if (counters === undefined) return
    addTo(this.#gone, counters)
    this.#vms[lpid] = undefined
  }

  /** A call was refused before it became an operation of a VM. */
  refused(isDeadlock: boolean): void {
    this.#gone.pages.refusals++
    if (isDeadlock) this.#gone.pages.deadlocks++
  }

  took(name: number, ms: number): void {
    let histogram = this.#latencies[name]
    if (histogram === undefined) {
      while (this.#latencies.length < name) this.#latencies.push(undefined)
      histogram = new LatencyHistogram()
      this.#latencies[name] = histogram
    }
    histogram.add(ms)
  }

  latency(call: string): LatencyHistogram | undefined {
    const name = this.#names.find(call)
    return name === undefined ? undefined : this.#latencies[name]
  }

  /** One number, of a VM or of the host. */
  pageCount(name: PageCountName, lpid?: Lpid): number {
    if (lpid !== undefined) return this.#vms[lpid]?.pages[name] ?? 0
    return this.#vms.reduce((sum, vm) => sum + (vm?.pages[name] ?? 0), this.#gone.pages[name])
  }

  /** Calls of a name that ended, of a VM or of the host. */
  callCount(call: string, lpid?: Lpid): number {
    if (lpid !== undefined) return this.#vms[lpid]?.calls.total(call) ?? 0
    return this.#vms.reduce(
      (sum, vm) => sum + (vm?.calls.total(call) ?? 0),
      this.#gone.calls.total(call),
    )
  }

  /** All VMs together, those that are gone among them. */
  host(): HostCounts {
    const all = new VmCounters(this.#names, this.#codes)
    addTo(all, this.#gone)
    for (const vm of this.#vms) if (vm !== undefined) addTo(all, vm)
    const latencies = new Map<string, Latency>()
    for (const [name, histogram] of this.#latencies.entries()) {
      if (histogram !== undefined) latencies.set(this.#names.at(name), histogram.read())
    }
    const { poolMax, sessionsOpened, sessionsClosed, sessionsResumed } = this
    const { pages, queueMax } = all
    return {
      calls: [...all.calls.read()],
      pages,
      queueMax,
      poolMax,
      sessionsOpened,
      sessionsClosed,
      sessionsResumed,
      latencies,
    }
  }
}

function addTo(sum: VmCounters, part: VmCounters): void {
  sum.calls.merge(part.calls)
  for (const name of PAGE_COUNT_NAMES) sum.pages[name] += part.pages[name]
  sum.queueMax = Math.max(sum.queueMax, part.queueMax)
}
