/** What the main process and the workers of a load run say to each other. */
import type { Disagreement } from '../peer/frame-agreement.ts'
import type { Batch } from './batch.ts'
import type { Health } from './health.ts'
import type { LoadPlan } from './plan.ts'

export type Down =
  /** What to do; the workers count from 0. */
  | { readonly kind: 'plan'; readonly plan: LoadPlan; readonly worker: number }
  /** Begin; milliseconds since 1970 at which the run starts. */
  | { readonly kind: 'start'; readonly epochMs: number }
  /** Begin nothing more, and say when all has ended. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'audit' }
  /** Close every connection. */
  | { readonly kind: 'end' }

export type Up =
  | { readonly kind: 'ready' }
  /** No guest fits into the VMs of the plan. */
  | { readonly kind: 'unfit'; readonly why: string }
  | { readonly kind: 'samples'; readonly batch: Batch }
  | { readonly kind: 'health'; readonly health: Health; readonly clients: number }
  /** All has ended; or `waiting` operations had not after `drainMsMax`. */
  | { readonly kind: 'stopped'; readonly waiting: number; readonly health: Health }
  | { readonly kind: 'audited'; readonly part: AuditPart }

/** One thing that does not agree after a run. */
export interface Difference extends Partial<Disagreement> {
  readonly lpid: number | null
  readonly what: string
}

/** What one worker found when it compared its VMs with the server's. */
export interface AuditPart {
  readonly vms: number
  /** VMs that were not secure here at the end: their client was killed, or their boot failed. */
  readonly skipped: number
  readonly frames: number
  /** `differencesMax` at most. */
  readonly differences: readonly Difference[]
  readonly differencesTotal: number
}

/** Differences that one worker names. */
export const differencesMax = 20
