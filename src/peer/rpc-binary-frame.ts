/**
 * Walks over the frames of one message of `uvmem.v1.bin`. Source: schemas/binary.md.
 *
 * A reader is used again for every message and every frame: a frame costs no object but the call or
 * answer that comes out of it.
 */
import {
  ANSWER_BYTES,
  CALL_BYTES,
  COUNT_BYTES,
  COUNTED_BYTES_MAX,
  DATA_BYTES_AT,
  ERROR_BYTES,
  FrameKind,
  HEADER_BYTES,
  ID_AT,
  KIND_AT,
  LPID_AT,
  MESSAGE_BYTES_AT,
  NUMBER_AT,
  PARENT_AT,
  PAYLOAD_AT,
  Payload,
  padded,
  REGISTERS,
  REGISTERS_AT,
  TAG_BYTES,
} from '../../schemas/binary-layout.ts'
import { U64_NUMBER_MAX } from '../../schemas/values.ts'
import type { Page } from '../abi/page.ts'
import { PAGE_SIZE } from '../abi/page.ts'

const TWO_32 = 2 ** 32

/** A payload never keeps more memory alive than this many times its own size: else it is copied. */
export const KEPT_TIMES_MAX = 8

/** The first thing about a frame that does not fit. */
export interface Misfit {
  /** Where the field is: bytes from the start of the message. */
  readonly offset: number
  readonly field: string
  readonly value?: number | string
  /** What would have fitted. */
  readonly expected: string
}

/** Below this many bytes an array of zeros is cheaper than memory that was not cleared. */
const POOLED_BYTES = 4_096
const EMPTY = new Uint8Array(0)

export class FrameReader {
  #data: Uint8Array = EMPTY
  #view: DataView = new DataView(EMPTY.buffer)
  /** Bytes from the start of the message to the frame, and to the frame after it. */
  at = 0
  next = 0
  kind = 0
  payload = 0
  lpid = 0
  id = 0
  parent = 0
  number = 0
  /** Where the payload starts, from the start of the message. */
  #payloadAt = 0
  /** Bytes of a counted payload. */
  counted = 0
  /** What is wrong with the frame at hand. */
  misfit: Misfit | undefined

  begin(data: Uint8Array): void {
    this.#data = data
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    this.next = 0
  }

  /** Forgets the message, so that it is not kept alive. */
  end(): void {
    this.begin(EMPTY)
    this.misfit = undefined
  }

  get isAtEnd(): boolean {
    return this.next === this.#data.length
  }

  /**
   * Goes to the next frame. False, with a misfit, when nobody can say where that one ends: then the
   * rest of the message has no meaning.
   */
  advance(): boolean {
    const at = this.next
    const view = this.#view
    this.at = at
    this.misfit = undefined
    this.id = 0
    if (!this.#has(at, HEADER_BYTES, 'frame')) return false
    this.kind = view.getUint8(at + KIND_AT)
    this.payload = view.getUint8(at + PAYLOAD_AT)
    this.lpid = view.getUint16(at + LPID_AT, true)
    this.id = view.getUint32(at + ID_AT, true)
    this.parent = view.getUint32(at + PARENT_AT, true)
    this.number = view.getUint32(at + NUMBER_AT, true)
    return this.#measureBody() && this.#measurePayload()
  }

  /** One of the registers of a call, by its index from R4, or any other u64 of the frame. */
  register(index: number): number {
    return this.u64(REGISTERS_AT + index * 8)
  }

  /** A u64 at an offset in the frame; from 2^53 on the nearest double (see schemas/values.ts). */
  u64(offset: number): number {
    const low = this.#view.getUint32(this.at + offset, true)
    const high = this.#view.getUint32(this.at + offset + 4, true)
    if (high === 0) return low
    return Math.min(high * TWO_32 + low, U64_NUMBER_MAX)
  }

  /** An i64 at an offset in the frame; beyond 2^53 the nearest double. */
  i64(offset: number): number {
    const low = this.#view.getUint32(this.at + offset, true)
    const high = this.#view.getInt32(this.at + offset + 4, true)
    return high * TWO_32 + low
  }

  i32(offset: number): number {
    return this.#view.getInt32(this.at + offset, true)
  }

  u16(offset: number): number {
    return this.#view.getUint16(this.at + offset, true)
  }

  /** A u64 at an offset in the frame, to the last bit. */
  word(offset: number): bigint {
    return this.#view.getBigUint64(this.at + offset, true)
  }

  /** A register that has to be an integer of a range; a misfit when it is not. */
  ranged(index: number, min: number, max: number, field: string): number {
    const value = this.register(index)
    if (value < min || value > max) {
      this.blame(REGISTERS_AT + index * 8, field, `an integer ${min} to ${max}`, value)
    }
    return value
  }

  /** Checks that the registers from `used` on are 0. */
  checkUnused(used: number): void {
    for (let index = used; index < REGISTERS; index++) {
      const value = this.register(index)
      if (value !== 0) this.blame(REGISTERS_AT + index * 8, `R${index + 4}`, '0: not used', value)
    }
  }

  /** Bytes from the start of the frame to its payload. */
  get payloadOffset(): number {
    return this.#payloadAt - this.at
  }

  /** The page that follows: none is a page of zeros. */
  page(): Page {
    if (this.payload === Payload.None) return null
    if (this.payload === Payload.Tag) return this.#view.getBigUint64(this.#payloadAt, true)
    return this.slice(this.#payloadAt - this.at, PAGE_SIZE)
  }

  /** The counted bytes that follow. */
  bytes(): Uint8Array {
    return this.slice(this.#payloadAt - this.at + COUNT_BYTES, this.counted)
  }

  /**
   * Bytes of the frame: a view on the message where that keeps little else alive, else the one copy.
   * A message of ws may itself be a view on what the socket read: the memory below it counts.
   */
  slice(offset: number, length: number): Uint8Array {
    const data = this.#data
    const from = this.at + offset
    if (data.buffer.byteLength <= length * KEPT_TIMES_MAX) return data.subarray(from, from + length)
    const copy = length < POOLED_BYTES ? new Uint8Array(length) : Buffer.allocUnsafeSlow(length)
    copy.set(data.subarray(from, from + length))
    return copy
  }

  /** Notes a misfit, unless one is noted already. `offset` is counted from the frame. */
  blame(offset: number, field: string, expected: string, value?: number | string): void {
    const place = { offset: this.at + offset, field, expected }
    this.misfit ??= value === undefined ? place : { ...place, value }
  }

  #has(from: number, bytes: number, field: string): boolean {
    const left = this.#data.length - from
    if (left >= bytes) return true
    this.blame(from - this.at, field, `${bytes} bytes; the message ends before`, left)
    return false
  }

  #measureBody(): boolean {
    const { at, kind } = this
    let bytes: number
    if (kind === FrameKind.Call) bytes = CALL_BYTES
    else if (kind === FrameKind.Answer) bytes = ANSWER_BYTES
    else if (kind !== FrameKind.Error) {
      this.blame(KIND_AT, 'kind', '1 (call), 2 (answer) or 3 (error)', kind)
      return false
    } else {
      if (!this.#has(at, ERROR_BYTES, 'frame')) return false
      bytes = ERROR_BYTES + padded(this.u16(MESSAGE_BYTES_AT) + this.u16(DATA_BYTES_AT))
    }
    this.#payloadAt = at + bytes
    return this.#has(at, bytes, 'frame')
  }

  #measurePayload(): boolean {
    const { payload } = this
    const at = this.#payloadAt
    let bytes = 0
    if (payload === Payload.Tag) bytes = TAG_BYTES
    else if (payload === Payload.Page) bytes = PAGE_SIZE
    else if (payload === Payload.Bytes) {
      if (!this.#has(at, COUNT_BYTES, 'payload')) return false
      this.counted = this.#view.getUint32(at, true)
      bytes = COUNT_BYTES + padded(this.counted)
    } else if (payload !== Payload.None) {
      const expected = '0 (none), 1 (tag), 2 (page) or 3 (counted bytes)'
      this.blame(PAYLOAD_AT, 'payload', expected, payload)
      return false
    }
    this.next = at + bytes
    if (!this.#has(at, bytes, 'payload')) return false
    if (payload === Payload.Bytes) this.#checkCounted()
    return true
  }

  #checkCounted(): void {
    const offset = this.payloadOffset
    const { counted } = this
    if (counted < 1 || counted > COUNTED_BYTES_MAX) {
      this.blame(offset, 'count', `an integer 1 to ${COUNTED_BYTES_MAX}`, counted)
    }
    const zero = this.#view.getUint32(this.#payloadAt + 4, true)
    if (zero !== 0) this.blame(offset + 4, 'count', '0 in its upper half', zero)
    this.checkFill(offset + COUNT_BYTES + counted)
  }

  /** Checks that the bytes from `offset` to the next multiple of 8 are 0. */
  checkFill(offset: number): void {
    for (let at = offset; at < padded(offset); at++) {
      const value = this.#view.getUint8(this.at + at)
      if (value !== 0) this.blame(at, 'fill', '0 up to the next multiple of 8', value)
    }
  }
}
