/**
 * The ultravisor as an application: one core, one connection to a hypervisor.
 *
 * It serves the hypervisor's ultracalls and runs the guests' calls. Everything is told by
 * callbacks, so that one process can hold hundreds of these; uv-client.ts puts promises on top.
 */
import type { DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import type { UvRequest } from '../abi/calls.ts'
import type { Lpid } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { UV_LIMITS } from '../ultravisor/limits.ts'
import type { PageCipher } from '../ultravisor/page-crypto.ts'
import { UV_PROFILES, type UvProfileName } from '../ultravisor/profile.ts'
import { serve } from '../ultravisor/serve.ts'
import type { UvSteps } from '../ultravisor/steps.ts'
import type { ContentMode } from '../ultravisor/svm.ts'
import type { UvFault } from '../ultravisor/trap.ts'
import { newUltravisor, type Ultravisor } from '../ultravisor/ultravisor.ts'
import { nodeCipher } from './node-cipher.ts'
import type { Done, Incoming } from './rpc-calls.ts'
import type { Codec, Transport } from './rpc-codec.ts'
import type { PeerLimits, Report } from './rpc-options.ts'
import { Peer } from './rpc-peer.ts'
import { newUvCounts, type UvCounts } from './uv-counts.ts'
import { CALLS_OPEN, CallGate } from './uv-gate.ts'
import type { LineState } from './uv-line.ts'
import { type RunEnd, runGuestCall } from './uv-run.ts'

/** Bytes of one unit of secure memory. */
const UNIT_BYTES = 2_097_152

/** What is told of the ultravisor as it happens. */
export interface UvWatch {
  /** An ultracall was served. */
  readonly ultracall?: (call: DownCall, ret: number) => void
  /** A request of a guest's call was answered, or got an error. */
  readonly answered?: (request: UvRequest, outcome: Outcome) => void
  /** The emulated firmware would have died; `lpid` is stopped, if it exists. */
  readonly fault?: (lpid: Lpid, fault: UvFault) => void
  /** The line to the hypervisor broke, was mended, or is lost; `why` is for people. */
  readonly line?: (state: LineState, why: string) => void
  /** The wire: what the other side got wrong, or says that we did. */
  readonly report?: (report: Report) => void
}

export interface UvAppOptions {
  readonly codec: Codec<UpCall, DownCall>
  readonly transport: Transport
  /** Runs the flush at the end of a turn: see PeerOptions. */
  readonly defer: (flush: () => void) => void
  readonly profile: UvProfileName
  /** Bytes; whole units of 2 MiB count. */
  readonly secureMemory: number
  readonly contentMode: ContentMode
  /** Requests of one guest's call that may be open at once, 1 and more. */
  readonly window: number
  readonly watch?: UvWatch
  readonly limits?: PeerLimits
  /** What pages are sealed with; default AES-256-GCM. */
  readonly cipher?: PageCipher
  /** Calls outlive their connection: see PeerOptions. */
  readonly outlives?: boolean
}

export class UvApp {
  readonly uv: Ultravisor
  readonly peer: Peer<UpCall, DownCall>
  readonly window: number
  readonly #gate: CallGate
  readonly #options: UvAppOptions
  readonly #watch: UvWatch
  readonly #counts = new RecentMap<Lpid, UvCounts>()

  constructor(options: UvAppOptions) {
    const { profile, secureMemory, contentMode, window, watch, cipher = nodeCipher } = options
    this.#options = options
    this.#watch = watch ?? {}
    this.window = Math.max(1, window)
    this.uv = newUltravisor({
      profile: UV_PROFILES[profile],
      cipher,
      secureUnits: Math.floor(secureMemory / UNIT_BYTES),
      contentMode,
    })
    this.peer = this.#newPeer(options.transport, (incoming) => this.#serve(incoming))
    this.#gate = new CallGate(this.peer, Math.max(CALLS_OPEN, this.window))
  }

  /** A peer for SESSION_OPEN on a new connection; then `peer` adopts it. It serves nothing. */
  freshPeer(transport: Transport): Peer<UpCall, DownCall> {
    return this.#newPeer(transport, (incoming) => incoming.fail('SESSION_UNKNOWN'))
  }

  #newPeer(
    transport: Transport,
    serve: (incoming: Incoming<UpCall, DownCall>) => void,
  ): Peer<UpCall, DownCall> {
    const { codec, defer, limits, outlives = false } = this.#options
    return new Peer({
      codec,
      itemsPerSend: codec.itemsPerSend,
      transport,
      defer,
      serve,
      report: (report) => this.#watch.report?.(report),
      outlives,
      ...(limits === undefined ? {} : { limits }),
    })
  }

  /**
   * How many requests the core shall put into one array. With a window of 1 a refusal stops the
   * plan before the next request, as in the firmware; else arrays are long, so that the window
   * slides.
   */
  get stepWindow(): number {
    return this.window === 1 ? 1 : UV_LIMITS.windowRequestsMax
  }

  /** What was asked for and served for one LPID since the beginning. */
  countsOf(lpid: Lpid): UvCounts {
    let counts = this.#counts.get(lpid)
    if (counts === undefined) {
      counts = newUvCounts()
      this.#counts.set(lpid, counts)
    }
    return counts
  }

  /** Makes one call of the ultravisor's own, in no context. `done` is told once, later. */
  call(body: UpCall, done: Done): void {
    this.#gate.call(body, done)
  }

  /** Runs a guest's call to its end; `end` is told once. */
  run<R>(lpid: Lpid, steps: UvSteps<R>, end: (how: RunEnd<R>) => void): void {
    const counts = this.countsOf(lpid)
    const ask = (request: UvRequest, done: Done): void => {
      counts.asked++
      this.#gate.call(request, (outcome) => {
        counts.answered++
        if (request.call === 'H_SVM_PAGE_IN') counts.pageIns++
        this.#watch.answered?.(request, outcome)
        done(outcome)
      })
    }
    runGuestCall(steps, ask, this.window, end)
  }

  /** Ends an SVM without telling the hypervisor, as when the machine loses power. */
  terminateLocal(lpid: Lpid): void {
    serve(this.uv, { call: 'UV_SVM_TERMINATE', lpid })
  }

  #serve(incoming: Incoming<UpCall, DownCall>): void {
    const { body } = incoming
    const counts = this.countsOf(body.lpid)
    counts.ultracalls++
    if (body.call === 'UV_PAGE_IN') counts.pagesTaken++
    else if (body.call === 'UV_PAGE_OUT') counts.pagesGiven++
    const page = body.call === 'UV_PAGE_IN' ? body.page : null
    const answer = serve(this.uv, body, page)
    if (answer.page === undefined) incoming.answer(answer.ret)
    else incoming.answer(answer.ret, { page: answer.page })
    this.#watch.ultracall?.(body, answer.ret)
    if (answer.fault !== undefined) this.#watch.fault?.(body.lpid, answer.fault)
  }
}
