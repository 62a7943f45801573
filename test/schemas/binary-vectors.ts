/** The test vectors of `uvmem.v1.bin`, read for a test. */
import { textOf } from './files.ts'

/** Bytes as hex, long runs of one byte as a count. */
export type Part = string | { readonly repeat: string; readonly times: number }

interface Asked {
  readonly method: string
  readonly params: object
}

export interface Vector {
  readonly name: string
  readonly from: 'ultravisor' | 'hypervisor'
  readonly hex: readonly Part[]
  /** The call that waits for the answer, without its id. */
  readonly asked?: Asked
  /** The JSON-RPC messages that say the same. */
  readonly means: readonly object[]
}

/** What the receiver of a frame that is refused says, does or notes, in order. */
export interface Got {
  readonly error?: string
  readonly code?: number
  readonly id?: number
  readonly path?: string
  readonly offset?: number
  readonly value?: number
  readonly close?: number
  readonly stray?: string
  readonly means?: object
}

export interface Refusal extends Omit<Vector, 'means'> {
  readonly gets: readonly Got[]
}

const file: { vectors: Vector[]; refusals: Refusal[] } = JSON.parse(textOf('binary-vectors.json'))
export const VECTORS: readonly Vector[] = file.vectors
export const REFUSALS: readonly Refusal[] = file.refusals

const partBytes = (part: Part): Buffer =>
  typeof part === 'string'
    ? Buffer.from(part, 'hex')
    : Buffer.alloc(part.times, Number.parseInt(part.repeat, 16))

export const bytesOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(partBytes))

const isRun = (value: unknown): value is Exclude<Part, string> =>
  typeof value === 'object' && value !== null && Object.keys(value).join() === 'repeat,times'

/** A JSON-RPC message of the file as the text that is sent; a run of one byte stands for base64. */
export const jsonText = (message: object): string =>
  JSON.stringify(message, (_, value: unknown) =>
    isRun(value) ? partBytes(value).toString('base64') : value,
  )
