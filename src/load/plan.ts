/** What a load run does: everything that its workers need to know, as plain data. */
import type { UvProtocol } from '../peer/uv-protocol.ts'
import type { EsmStrategy } from '../ultravisor/esm.ts'
import type { UvProfileName } from '../ultravisor/profile.ts'
import type { ContentMode } from '../ultravisor/svm.ts'
import type { Chaos } from './chaos.ts'
import type { Mix } from './mix.ts'
import type { Stage } from './stages.ts'

export interface LoadPlan {
  /** `ws://HOST:PORT/v1/uv` */
  readonly uv: string
  /** `http://HOST:PORT` */
  readonly http: string
  readonly token: string | undefined
  /** Certificates in PEM that the server's own is checked with, in place of the known ones. */
  readonly ca: string | undefined
  /** Connections, each with an ultravisor of its own. */
  readonly clients: number
  readonly vmsPerClient: number
  /** Pages of a VM: `vmPagesMin` and more. */
  readonly vmPages: number
  /** Client 0's first VM; the others' count up from there. */
  readonly firstLpid: number
  readonly protocol: UvProtocol
  readonly content: ContentMode
  readonly strategy: EsmStrategy
  readonly profile: UvProfileName
  /** Requests of one guest's call that may be open at once. */
  readonly window: number
  readonly mix: Mix
  readonly stages: readonly Stage[]
  /** Operations a second in the open model; undefined is the closed model. */
  readonly ratePerS: number | undefined
  readonly chaos: Chaos
  readonly seed: number
  /** Worker processes. */
  readonly workers: number
}

/** Pages that the smallest VM has: its guest takes some 30, the rest is played with. */
export const vmPagesMin = 64

/** Milliseconds that operations under way have to end once the run is over. */
export const drainMsMax = 30_000

/**
 * How each operation begins. `closed`: when the one before has ended, so a slow server is asked less.
 * `open`: at its appointed time, whatever the server does; latency counts from then.
 */
export type LoadModel = 'closed' | 'open'

export const modelOf = ({ ratePerS }: LoadPlan): LoadModel =>
  ratePerS === undefined ? 'closed' : 'open'

/** The clients of one worker, by their number. */
export function clientsOf({ clients, workers }: LoadPlan, worker: number): readonly number[] {
  return Array.from({ length: clients }, (_, client) => client).filter(
    (client) => client % workers === worker,
  )
}

/** LPIDs of one client: nobody else has them. */
export function lpidsOf({ firstLpid, vmsPerClient }: LoadPlan, client: number): readonly number[] {
  return Array.from({ length: vmsPerClient }, (_, i) => firstLpid + client * vmsPerClient + i)
}
