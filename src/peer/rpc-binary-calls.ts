/**
 * Reads the calls of `uvmem.v1.bin`: the body of each from its registers and payload. The checks are
 * those of the schemas (schemas/values.ts, memory-bus.ts), written out by hand because a page call
 * may not cost more than a fraction of a microsecond; tests hold the two against each other.
 */
import { BINARY_CALLS, type BinaryCall } from '../../schemas/binary-calls.ts'
import {
  COUNT_BYTES,
  LPID_AT,
  PAYLOAD_AT,
  Payload,
  REGISTERS_AT,
} from '../../schemas/binary-layout.ts'
import type { DownCall, SessionOpen, UpCall, WireCall } from '../../schemas/messages.ts'
import { OpenSession } from '../../schemas/session.ts'
import type { HSvmPageIn, HSvmPageOut, MemRead, MemWrite } from '../abi/calls.ts'
import { asGpa, asLpid, asRa, asSlotId, LPID_MAX, PAGE_SIZE, SLOT_ID_MAX } from '../abi/page.ts'
import type { FrameReader } from './rpc-binary-frame.ts'
import { textIn } from './rpc-binary-text.ts'

type Read<Body> = (frame: FrameReader) => Body
type Readers<Calls extends WireCall> = {
  readonly [Name in Calls['call']]: Read<Extract<Calls, { readonly call: Name }>>
}

/** How a call is read, by its number. */
export interface CallReader<Body> {
  readonly name: WireCall['call']
  readonly shape: BinaryCall
  readonly read: Read<Body>
}

const lpid = (frame: FrameReader) => asLpid(frame.lpid)
const gpa = (frame: FrameReader, index: number) => asGpa(frame.register(index))
const ra = (frame: FrameReader, index: number) => asRa(frame.register(index))
const slotId = (frame: FrameReader, index: number) =>
  asSlotId(frame.ranged(index, 0, SLOT_ID_MAX, 'slotid'))
const offset = (frame: FrameReader) => frame.ranged(1, 0, PAGE_SIZE - 1, 'offset')

const pageCall = <Name extends (HSvmPageIn | HSvmPageOut)['call']>(
  call: Name,
  frame: FrameReader,
) => ({
  call,
  lpid: lpid(frame),
  gpa: gpa(frame, 0),
  flags: frame.register(1),
  order: frame.register(2),
})

/** A load or store stays in one frame; `offset` is where the length stands. */
function checkFrame(frame: FrameReader, start: number, length: number, at: number): void {
  if (start + length <= PAGE_SIZE) return
  frame.blame(at, 'length', `offset and length of at most ${PAGE_SIZE} together`, length)
}

function readLoad(frame: FrameReader): MemRead {
  const start = offset(frame)
  const length = frame.ranged(2, 1, PAGE_SIZE, 'length')
  checkFrame(frame, start, length, REGISTERS_AT + 16)
  return { call: 'MEM_READ', lpid: lpid(frame), ra: ra(frame, 0), offset: start, length }
}

function readStore(frame: FrameReader): MemWrite {
  const start = offset(frame)
  const isZeros = frame.payload === Payload.None
  const length = isZeros ? PAGE_SIZE : frame.counted
  checkFrame(frame, start, length, isZeros ? REGISTERS_AT + 8 : frame.payloadOffset)
  const bytes = isZeros ? null : frame.bytes()
  return { call: 'MEM_WRITE', lpid: lpid(frame), ra: ra(frame, 0), offset: start, bytes }
}

/** Once a session: the schema itself looks at the texts. */
function readOpen(frame: FrameReader): SessionOpen {
  const nameBytes = frame.register(0)
  const resumeBytes = frame.register(1)
  if (nameBytes + resumeBytes !== frame.counted) {
    const expected = `name_bytes and resume_bytes of ${frame.counted} together`
    frame.blame(REGISTERS_AT, 'name_bytes', expected, nameBytes)
    return { call: 'SESSION_OPEN', name: '' }
  }
  const texts = frame.payloadOffset + COUNT_BYTES
  const name = textIn(frame, texts, nameBytes)
  const resume = resumeBytes === 0 ? undefined : textIn(frame, texts + nameBytes, resumeBytes)
  const unanswered = frame.register(2)
  const attempt = frame.register(3)
  const params = {
    name,
    ...(resume === undefined ? {} : { resume }),
    ...(unanswered === 0 ? {} : { unanswered }),
    ...(attempt === 0 ? {} : { attempt }),
  }
  const parsed = OpenSession.params.safeParse(params)
  if (!parsed.success) {
    const field = String(parsed.error.issues[0]?.path[0])
    const places = {
      name: texts,
      resume: texts + nameBytes,
      unanswered: REGISTERS_AT + 16,
      attempt: REGISTERS_AT + 24,
    }
    const at = places[field as keyof typeof places]
    frame.blame(at, field, parsed.error.issues[0]?.message ?? 'a text')
  }
  return { call: 'SESSION_OPEN', ...params }
}

const readRegister = (frame: FrameReader) =>
  ({
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: lpid(frame),
    startGpa: gpa(frame, 0),
    size: frame.register(1),
    flags: frame.register(2),
    slotId: slotId(frame, 3),
  }) as const
const readUnregister = (frame: FrameReader) =>
  ({ call: 'UV_UNREGISTER_MEM_SLOT', lpid: lpid(frame), slotId: slotId(frame, 0) }) as const

const UP: Readers<UpCall> = {
  SESSION_OPEN: readOpen,
  H_SVM_INIT_START: (frame) => ({ call: 'H_SVM_INIT_START', lpid: lpid(frame) }),
  H_SVM_INIT_DONE: (frame) => ({ call: 'H_SVM_INIT_DONE', lpid: lpid(frame) }),
  H_SVM_INIT_ABORT: (frame) => ({ call: 'H_SVM_INIT_ABORT', lpid: lpid(frame) }),
  H_SVM_TPM_COMM: (frame) => ({ call: 'H_SVM_TPM_COMM', lpid: lpid(frame) }),
  H_SVM_PAGE_IN: (frame) => pageCall('H_SVM_PAGE_IN', frame),
  H_SVM_PAGE_OUT: (frame) => pageCall('H_SVM_PAGE_OUT', frame),
  HDSI: (frame) => ({ call: 'HDSI', lpid: lpid(frame), gpa: gpa(frame, 0) }),
  MEM_READ: readLoad,
  MEM_WRITE: readStore,
  UV_REGISTER_MEM_SLOT: readRegister,
  UV_UNREGISTER_MEM_SLOT: readUnregister,
}

const DOWN: Readers<DownCall> = {
  UV_REGISTER_MEM_SLOT: readRegister,
  UV_UNREGISTER_MEM_SLOT: readUnregister,
  UV_PAGE_IN: (frame) => ({
    call: 'UV_PAGE_IN',
    lpid: lpid(frame),
    ra: ra(frame, 0),
    gpa: gpa(frame, 1),
    flags: frame.register(2),
    order: frame.register(3),
    page: frame.page(),
  }),
  UV_PAGE_OUT: (frame) => ({
    call: 'UV_PAGE_OUT',
    lpid: lpid(frame),
    ra: ra(frame, 0),
    gpa: gpa(frame, 1),
    flags: frame.register(2),
    order: frame.register(3),
  }),
  UV_PAGE_INVAL: (frame) => ({
    call: 'UV_PAGE_INVAL',
    lpid: lpid(frame),
    gpa: gpa(frame, 0),
    order: frame.register(1),
  }),
  UV_SVM_TERMINATE: (frame) => ({ call: 'UV_SVM_TERMINATE', lpid: lpid(frame) }),
  UV_WRITE_PATE: (frame) => ({
    call: 'UV_WRITE_PATE',
    lpid: lpid(frame),
    dw0: frame.word(REGISTERS_AT),
    dw1: frame.word(REGISTERS_AT + 8),
  }),
}

/** The readers of one direction by call number. */
function byNumber<Calls extends WireCall>(
  readers: Readers<Calls>,
): ReadonlyMap<number, CallReader<Calls>> {
  const names = Object.keys(readers) as Calls['call'][]
  return new Map(
    names.map((name) => {
      const shape = BINARY_CALLS[name]
      return [shape.number, { name, shape, read: readers[name] as Read<Calls> }]
    }),
  )
}

export const UP_READERS = byNumber<UpCall>(UP)
export const DOWN_READERS = byNumber<DownCall>(DOWN)

const LPID_EXPECTED = `the LPID of a guest: an integer 1 to ${LPID_MAX}`

/** Reads a call whose number is known; what does not fit is left in `frame.misfit`. */
export function readBody<Body>(
  frame: FrameReader,
  { name, shape, read }: CallReader<Body>,
): Body | undefined {
  if (name === 'SESSION_OPEN') {
    if (frame.lpid !== 0) frame.blame(LPID_AT, 'lpid', '0: this call is for no VM', frame.lpid)
  } else if (frame.lpid < 1 || frame.lpid > LPID_MAX) {
    frame.blame(LPID_AT, 'lpid', LPID_EXPECTED, frame.lpid)
  }
  checkPayload(frame, shape.payloads)
  frame.checkUnused(shape.registers.length)
  if (frame.misfit !== undefined) return undefined
  const body = read(frame)
  return frame.misfit === undefined ? body : undefined
}

/** Checks that a frame is followed by what may follow it. */
export function checkPayload(frame: FrameReader, allowed: readonly Payload[]): void {
  const { payload } = frame
  for (const one of allowed) if (one === payload) return
  frame.blame(PAYLOAD_AT, 'payload', `one of ${allowed.join(', ')}`, payload)
}
