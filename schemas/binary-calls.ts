/**
 * What each call looks like in a frame of `uvmem.v1.bin`: its registers and what may follow them.
 * schemas/binary.md lists the same; a test compares the two.
 */
import { CALL_NUMBER } from '../src/abi/calls.ts'
import { Payload } from './binary-layout.ts'
import type { WireCall } from './messages.ts'

/** One call in frames. */
export interface BinaryCall {
  readonly number: number
  /** What R4, R5 … hold, by the names of the JSON params. A register that is left over is 0. */
  readonly registers: readonly string[]
  /** What may follow the call. */
  readonly payloads: readonly Payload[]
  /** What may follow its answer. */
  readonly answers: readonly Payload[]
  /** What the answer's second register holds; 0 when there is no name. */
  readonly output?: string
}

const NOTHING: readonly Payload[] = [Payload.None]
const PAGE: readonly Payload[] = [Payload.None, Payload.Tag, Payload.Page]

const plain = (number: number, ...registers: readonly string[]): BinaryCall => ({
  number,
  registers,
  payloads: NOTHING,
  answers: NOTHING,
})

export const BINARY_CALLS: { readonly [Name in WireCall['call']]: BinaryCall } = {
  SESSION_OPEN: {
    number: CALL_NUMBER.SESSION_OPEN,
    registers: ['name_bytes', 'resume_bytes', 'unanswered', 'attempt'],
    payloads: [Payload.Bytes],
    answers: [Payload.Bytes],
    output: 'pool_pages',
  },
  H_SVM_INIT_START: plain(CALL_NUMBER.H_SVM_INIT_START),
  H_SVM_INIT_DONE: plain(CALL_NUMBER.H_SVM_INIT_DONE),
  H_SVM_INIT_ABORT: plain(CALL_NUMBER.H_SVM_INIT_ABORT),
  H_SVM_TPM_COMM: plain(CALL_NUMBER.H_SVM_TPM_COMM),
  H_SVM_PAGE_IN: plain(CALL_NUMBER.H_SVM_PAGE_IN, 'gpa', 'flags', 'order'),
  H_SVM_PAGE_OUT: plain(CALL_NUMBER.H_SVM_PAGE_OUT, 'gpa', 'flags', 'order'),
  HDSI: plain(CALL_NUMBER.HDSI, 'gpa'),
  MEM_READ: {
    ...plain(CALL_NUMBER.MEM_READ, 'ra', 'offset', 'length'),
    answers: [Payload.None, Payload.Bytes],
  },
  MEM_WRITE: {
    ...plain(CALL_NUMBER.MEM_WRITE, 'ra', 'offset'),
    payloads: [Payload.None, Payload.Bytes],
  },
  UV_REGISTER_MEM_SLOT: plain(
    CALL_NUMBER.UV_REGISTER_MEM_SLOT,
    'start_gpa',
    'size',
    'flags',
    'slotid',
  ),
  UV_UNREGISTER_MEM_SLOT: plain(CALL_NUMBER.UV_UNREGISTER_MEM_SLOT, 'slotid'),
  UV_PAGE_IN: {
    ...plain(CALL_NUMBER.UV_PAGE_IN, 'ra', 'gpa', 'flags', 'order'),
    payloads: PAGE,
  },
  UV_PAGE_OUT: {
    ...plain(CALL_NUMBER.UV_PAGE_OUT, 'ra', 'gpa', 'flags', 'order'),
    answers: PAGE,
  },
  UV_PAGE_INVAL: plain(CALL_NUMBER.UV_PAGE_INVAL, 'gpa', 'order'),
  UV_SVM_TERMINATE: plain(CALL_NUMBER.UV_SVM_TERMINATE),
  UV_WRITE_PATE: plain(CALL_NUMBER.UV_WRITE_PATE, 'dw0', 'dw1'),
}
