/** The shape of the handlers of the REST API: one for every operation, or it does not compile. */
import type { z } from 'zod'
import type { OCTETS } from '../../schemas/rest/operation.ts'
import type { OPERATIONS, OperationName } from '../../schemas/rest/operations.ts'
import type { Hypervisor } from '../hv/hypervisor.ts'
import type { Vmm } from '../hv/vmm.ts'
import type { Problem } from './problem.ts'

/** What the handlers work on. */
export interface Hosted {
  readonly hv: Hypervisor
  readonly vmm: Vmm
  readonly version: string
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

type Operations = typeof OPERATIONS
type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined
type Body<Schema> = Schema extends typeof OCTETS ? Upload : Output<Schema>
type Answer<Schema> = Schema extends z.ZodType ? z.input<Schema> : Download | Tagged

/** A request, checked. */
export interface Asked<Name extends OperationName> {
  readonly path: Output<Operations[Name]['path']>
  readonly query: Output<Operations[Name]['query']>
  readonly body: Body<Operations[Name]['body']>
}

export type Given<Name extends OperationName> = Answer<Operations[Name]['answer']> | Problem

export type Handler<Name extends OperationName> = (
  hosted: Hosted,
  asked: Asked<Name>,
) => Given<Name> | Promise<Given<Name>>

/** Handlers for some operations. */
export type Handlers<Names extends OperationName> = { readonly [Name in Names]: Handler<Name> }
