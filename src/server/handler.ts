/** The shape of the handlers of the REST API: one for every operation, or it does not compile. */
import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { EVENTS, METRICS_TEXT, OCTETS } from '../../schemas/rest/operation.ts'
import type { OPERATIONS, OperationName } from '../../schemas/rest/operations.ts'
import type { Durable } from '../hv/durable.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Inspected } from '../hv/inspected.ts'
import type { StateControl } from '../hv/state-control.ts'
import type { Vmm } from '../hv/vmm.ts'
import type { Ending } from './ending.ts'
import type { Problem } from './problem.ts'

/** What the handlers work on. */
export interface Hosted {
  readonly inspected: Inspected
  readonly hv: Hypervisor
  readonly vmm: Vmm
  readonly state: StateControl
  readonly ending: Ending
  /** What `/metrics` shows at this moment. */
  readonly metrics: () => Promise<MetricsText>
  readonly version: string
  /** Nothing is said that is not on the disk. */
  readonly durable: Durable | undefined
}

/** A body of plain bytes, as it comes. */
export interface Upload {
  readonly chunks: AsyncIterable<Uint8Array>
  /** Bytes that were announced; undefined when they were not. */
  readonly length: number | undefined
}

/** An answer of plain bytes. */
export interface Download {
  readonly length: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/** An answer of plain bytes that is made only for who does not have it yet. */
export interface Tagged {
  readonly etag: string
  readonly bytes: () => Uint8Array
}

/** An answer that goes on: whole server-sent events, until `signal` says that nobody listens. */
export interface Stream {
  readonly events: (signal: AbortSignal) => AsyncIterable<string>
}

/** Metrics in the format that their type names. */
export interface MetricsText {
  readonly type: string
  readonly text: string
}

type Operations = typeof OPERATIONS
type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined
type Body<Schema> = Schema extends typeof OCTETS ? Upload : Output<Schema>
type Answer<Schema> = Schema extends z.ZodType
  ? z.input<Schema>
  : Schema extends typeof EVENTS
    ? Stream
    : Schema extends typeof METRICS_TEXT
      ? MetricsText
      : Download | Tagged

/** A request, checked. */
export interface Asked<Name extends OperationName> {
  readonly path: Output<Operations[Name]['path']>
  readonly query: Output<Operations[Name]['query']>
  readonly body: Body<Operations[Name]['body']>
  /** Aborted when the client is gone or the server ends; for what takes long. */
  readonly gone: () => AbortSignal
  readonly headers: IncomingHttpHeaders
}

export type Given<Name extends OperationName> = Answer<Operations[Name]['answer']> | Problem

export type Handler<Name extends OperationName> = (
  hosted: Hosted,
  asked: Asked<Name>,
) => Given<Name> | Promise<Given<Name>>

/** Handlers for some operations. */
export type Handlers<Names extends OperationName> = { readonly [Name in Names]: Handler<Name> }
