/**
 * Writes the frames of `uvmem.v1.bin`. Source: schemas/binary.md. The size of a message is known
 * before its memory is asked for, so that a page is copied once: into the message.
 */
import {
  ANSWER_BYTES,
  CALL_BYTES,
  CODE_AT,
  COUNT_BYTES,
  DATA_BYTES_AT,
  ERROR_BYTES,
  FrameKind,
  ID_AT,
  KIND_AT,
  LPID_AT,
  MESSAGE_BYTES_AT,
  NUMBER_AT,
  OUTPUT_AT,
  PAGE_SHIFT_AT,
  PARENT_AT,
  PAYLOAD_AT,
  Payload,
  PROFILE_BYTES_AT,
  padded,
  REGISTERS_AT,
  RET_AT,
  SESSION_BYTES_AT,
  SESSION_HEAD_BYTES,
  TAG_BYTES,
  TOKEN_BYTES_AT,
} from '../../schemas/binary-layout.ts'
import type {
  AnswerMessage,
  CallMessage,
  ErrorMessage,
  Message,
  SessionFacts,
  SessionOpen,
  WireCall,
} from '../../schemas/messages.ts'
import { CALL_NUMBER } from '../abi/calls.ts'
import type { Page } from '../abi/page.ts'
import { invariant, unreachable } from '../lib/assert.ts'
import { textBytes } from './rpc-binary-text.ts'

const TWO_32 = 2 ** 32
const U16_MAX = 65_535

const dataText = ({ data }: ErrorMessage): string =>
  data === undefined ? '' : JSON.stringify(data)

function pageBytes(page: Page | undefined): number {
  if (page === null || page === undefined) return 0
  return typeof page === 'bigint' ? TAG_BYTES : page.length
}

const countedBytes = (bytes: Uint8Array | null | undefined): number =>
  bytes === null || bytes === undefined ? 0 : COUNT_BYTES + padded(bytes.length)

const openBytes = ({ name, resume = '' }: SessionOpen): number =>
  textBytes(name) + textBytes(resume)

const factsBytes = ({ session, token, host }: SessionFacts): number =>
  SESSION_HEAD_BYTES + textBytes(session) + textBytes(token) + textBytes(host.profile)

/** Bytes of the frame that an item becomes. */
export function sizeOf(item: Message<WireCall>): number {
  if (item.kind === 'call') {
    const { body } = item
    if (body.call === 'UV_PAGE_IN') return CALL_BYTES + pageBytes(body.page)
    if (body.call === 'MEM_WRITE') return CALL_BYTES + countedBytes(body.bytes)
    if (body.call === 'SESSION_OPEN') return CALL_BYTES + COUNT_BYTES + padded(openBytes(body))
    return CALL_BYTES
  }
  if (item.kind === 'answer') {
    if (item.bytes !== undefined) return ANSWER_BYTES + countedBytes(item.bytes)
    if (item.session === undefined) return ANSWER_BYTES + pageBytes(item.page)
    return ANSWER_BYTES + COUNT_BYTES + padded(factsBytes(item.session))
  }
  return ERROR_BYTES + padded(textBytes(item.message) + textBytes(dataText(item)))
}

export class FrameWriter {
  readonly #data: Buffer
  readonly #view: DataView
  #at = 0

  /** `data`: memory of exactly the size that the frames will take together. */
  constructor(data: Buffer) {
    this.#data = data
    this.#view = new DataView(data.buffer, data.byteOffset, data.length)
  }

  /** The message; every byte of it has been written. */
  finish(): Uint8Array {
    invariant(this.#at === this.#data.length, 'a message is as long as its frames')
    return this.#data
  }

  write(item: Message<WireCall>): void {
    if (item.kind === 'call') this.#call(item)
    else if (item.kind === 'answer') this.#answer(item)
    else this.#error(item)
  }

  #call({ id, parent, body }: CallMessage<WireCall>): void {
    const lpid = body.call === 'SESSION_OPEN' ? 0 : body.lpid
    this.#header(FrameKind.Call, lpid, id, parent, CALL_NUMBER[body.call])
    this.#at += CALL_BYTES
    this.#registers(body)
  }

  /** The registers, and what follows them. */
  #registers(body: WireCall): void {
    switch (body.call) {
      case 'H_SVM_PAGE_IN':
      case 'H_SVM_PAGE_OUT':
        this.#five(body.gpa, body.flags, body.order)
        return
      case 'UV_PAGE_IN':
        this.#five(body.ra, body.gpa, body.flags, body.order)
        this.#page(body.page, CALL_BYTES)
        return
      case 'UV_PAGE_OUT':
        this.#five(body.ra, body.gpa, body.flags, body.order)
        return
      case 'UV_REGISTER_MEM_SLOT':
        this.#five(body.startGpa, body.size, body.flags, body.slotId)
        return
      case 'UV_UNREGISTER_MEM_SLOT':
        this.#five(body.slotId)
        return
      case 'UV_PAGE_INVAL':
        this.#five(body.gpa, body.order)
        return
      case 'H_SVM_INIT_START':
      case 'H_SVM_INIT_DONE':
      case 'H_SVM_INIT_ABORT':
      case 'H_SVM_TPM_COMM':
      case 'UV_SVM_TERMINATE':
        this.#five()
        return
      case 'HDSI':
        this.#five(body.gpa)
        return
      case 'MEM_READ':
        this.#five(body.ra, body.offset, body.length)
        return
      case 'MEM_WRITE':
        this.#five(body.ra, body.offset)
        if (body.bytes !== null) this.#counted(body.bytes, CALL_BYTES)
        return
      case 'UV_WRITE_PATE':
        this.#five()
        this.#view.setBigUint64(this.#at - CALL_BYTES + REGISTERS_AT, body.dw0, true)
        this.#view.setBigUint64(this.#at - CALL_BYTES + REGISTERS_AT + 8, body.dw1, true)
        return
      case 'SESSION_OPEN':
        this.#open(body)
        return
      default:
        unreachable(body)
    }
  }

  #answer({ id, call, ret, page, bytes, session }: AnswerMessage): void {
    const at = this.#at
    this.#header(FrameKind.Answer, 0, id, 0, CALL_NUMBER[call])
    this.#view.setUint32(at + RET_AT, ret >>> 0, true)
    this.#view.setInt32(at + RET_AT + 4, Math.floor(ret / TWO_32), true)
    this.#u64(at + OUTPUT_AT, session === undefined ? 0 : session.host.poolPages)
    this.#at = at + ANSWER_BYTES
    if (page !== undefined) this.#page(page, ANSWER_BYTES)
    else if (bytes !== undefined) this.#counted(bytes, ANSWER_BYTES)
    else if (session !== undefined) this.#facts(session)
  }

  #error(error: ErrorMessage): void {
    const at = this.#at
    const data = dataText(error)
    const messageBytes = textBytes(error.message)
    const dataBytes = textBytes(data)
    invariant(messageBytes <= U16_MAX && dataBytes <= U16_MAX, 'an error has short texts')
    this.#header(FrameKind.Error, 0, error.id, 0, 0)
    this.#view.setInt32(at + CODE_AT, error.code, true)
    this.#view.setUint16(at + MESSAGE_BYTES_AT, messageBytes, true)
    this.#view.setUint16(at + DATA_BYTES_AT, dataBytes, true)
    this.#at = at + ERROR_BYTES
    this.#text(error.message)
    this.#text(data)
    this.#fill(messageBytes + dataBytes)
  }

  #open({ name, resume = '', unanswered = 0, attempt = 0 }: SessionOpen): void {
    const nameBytes = textBytes(name)
    const resumeBytes = textBytes(resume)
    this.#five(nameBytes, resumeBytes, unanswered, attempt)
    this.#count(nameBytes + resumeBytes, CALL_BYTES)
    this.#text(name)
    this.#text(resume)
    this.#fill(nameBytes + resumeBytes)
  }

  #facts(facts: SessionFacts): void {
    const { session, token, host } = facts
    const bytes = factsBytes(facts)
    this.#count(bytes, ANSWER_BYTES)
    const at = this.#at
    this.#data.fill(0, at, at + SESSION_HEAD_BYTES)
    this.#view.setUint32(at + PAGE_SHIFT_AT, host.pageShift, true)
    this.#view.setUint16(at + SESSION_BYTES_AT, textBytes(session), true)
    this.#view.setUint16(at + TOKEN_BYTES_AT, textBytes(token), true)
    this.#view.setUint16(at + PROFILE_BYTES_AT, textBytes(host.profile), true)
    this.#at = at + SESSION_HEAD_BYTES
    this.#text(session)
    this.#text(token)
    this.#text(host.profile)
    this.#fill(bytes)
  }

  #header(kind: FrameKind, lpid: number, id: number, parent: number, number: number): void {
    const at = this.#at
    const view = this.#view
    view.setUint8(at + KIND_AT, kind)
    view.setUint8(at + PAYLOAD_AT, Payload.None)
    view.setUint16(at + LPID_AT, lpid, true)
    view.setUint32(at + ID_AT, id, true)
    view.setUint32(at + PARENT_AT, parent, true)
    view.setUint32(at + NUMBER_AT, number, true)
  }

  /** The registers of the call in front of where we are; R8 is in no call's use. */
  #five(r4 = 0, r5 = 0, r6 = 0, r7 = 0): void {
    const at = this.#at - CALL_BYTES + REGISTERS_AT
    this.#u64(at, r4)
    this.#u64(at + 8, r5)
    this.#u64(at + 16, r6)
    this.#u64(at + 24, r7)
    this.#u64(at + 32, 0)
  }

  /** `value`: an integer 0 to below 2^64. */
  #u64(at: number, value: number): void {
    this.#view.setUint32(at, value >>> 0, true)
    this.#view.setUint32(at + 4, (value / TWO_32) >>> 0, true)
  }

  /** What follows the `fixed` bytes that end here. */
  #page(page: Page, fixed: number): void {
    if (page === null) return
    if (typeof page === 'bigint') {
      this.#view.setUint8(this.#at - fixed + PAYLOAD_AT, Payload.Tag)
      this.#view.setBigUint64(this.#at, page, true)
      this.#at += TAG_BYTES
    } else {
      this.#view.setUint8(this.#at - fixed + PAYLOAD_AT, Payload.Page)
      this.#data.set(page, this.#at)
      this.#at += page.length
    }
  }

  #counted(bytes: Uint8Array, fixed: number): void {
    this.#count(bytes.length, fixed)
    this.#data.set(bytes, this.#at)
    this.#at += bytes.length
    this.#fill(bytes.length)
  }

  #count(bytes: number, fixed: number): void {
    this.#view.setUint8(this.#at - fixed + PAYLOAD_AT, Payload.Bytes)
    this.#view.setUint32(this.#at, bytes, true)
    this.#view.setUint32(this.#at + 4, 0, true)
    this.#at += COUNT_BYTES
  }

  #text(text: string): void {
    this.#at += this.#data.write(text, this.#at, 'utf8')
  }

  /** Zeros up to the next multiple of 8 after so many bytes. */
  #fill(bytes: number): void {
    const end = this.#at + padded(bytes) - bytes
    this.#data.fill(0, this.#at, end)
    this.#at = end
  }
}
