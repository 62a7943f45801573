/**
 * Reads the answers and errors of `uvmem.v1.bin`. What does not fit is left in `frame.misfit`, as the
 * caller whose answer it was is told about it.
 */
import type { z } from 'zod'
import { BINARY_CALLS } from '../../schemas/binary-calls.ts'
import {
  CODE_AT,
  COUNT_BYTES,
  DATA_BYTES_AT,
  ERROR_BYTES,
  LPID_AT,
  MESSAGE_BYTES_AT,
  NUMBER_AT,
  OUTPUT_AT,
  PAGE_SHIFT_AT,
  PARENT_AT,
  PAYLOAD_AT,
  Payload,
  PROFILE_BYTES_AT,
  RET_AT,
  SESSION_BYTES_AT,
  SESSION_HEAD_BYTES,
  TOKEN_BYTES_AT,
} from '../../schemas/binary-layout.ts'
import { ErrorResponse } from '../../schemas/envelope.ts'
import type {
  AnswerMessage,
  AnswerOutput,
  ErrorMessage,
  SessionFacts,
  WireCall,
} from '../../schemas/messages.ts'
import { SessionResult } from '../../schemas/session.ts'
import { checkPayload } from './rpc-binary-calls.ts'
import type { FrameReader } from './rpc-binary-frame.ts'
import { textIn } from './rpc-binary-text.ts'

/** Reads the answer to the call `body`; undefined, with a misfit, when it is none. */
export function readAnswer(frame: FrameReader, body: WireCall): AnswerMessage | undefined {
  const { call } = body
  const shape = BINARY_CALLS[call]
  checkNoContext(frame)
  if (frame.number !== shape.number) {
    frame.blame(NUMBER_AT, 'call', `${shape.number}: the call that is answered`, frame.number)
  }
  checkPayload(frame, shape.answers)
  const ret = frame.i64(RET_AT)
  if (!Number.isSafeInteger(ret)) {
    frame.blame(RET_AT, 'ret', 'an integer -9007199254740991 to 9007199254740991', ret)
  }
  if (shape.output === undefined && frame.u64(OUTPUT_AT) !== 0) {
    frame.blame(OUTPUT_AT, 'output', '0: not used', frame.u64(OUTPUT_AT))
  }
  if (frame.misfit !== undefined) return undefined
  const { id } = frame
  if (shape.answers.length === 1 && shape.output === undefined) {
    return { kind: 'answer', id, call, ret }
  }
  const output = readOutput(frame, body, ret)
  return frame.misfit === undefined ? { kind: 'answer', id, call, ret, ...output } : undefined
}

function readOutput(frame: FrameReader, body: WireCall, ret: number): AnswerOutput {
  if (body.call === 'MEM_READ') return readLoaded(frame, body.length, ret)
  if (body.call === 'SESSION_OPEN') return readSession(frame, ret)
  // A refused page-out wrote nothing: then there is no page, not one of zeros.
  if (ret !== 0 && frame.payload === Payload.None) return {}
  return { page: frame.page() }
}

function readLoaded(frame: FrameReader, length: number, ret: number): AnswerOutput {
  const counted = frame.payload === Payload.Bytes ? frame.counted : 0
  const expected = ret === 0 ? length : 0
  if (counted !== expected) {
    frame.blame(PAYLOAD_AT, 'bytes', `${length} bytes when ret is 0, else none`, counted)
  }
  return ret === 0 ? { bytes: frame.bytes() } : {}
}

/** Once a session: the schema itself looks at the texts. */
function readSession(frame: FrameReader, ret: number): AnswerOutput {
  const head = frame.payloadOffset + COUNT_BYTES
  if (frame.counted < SESSION_HEAD_BYTES) {
    frame.blame(head, 'count', `${SESSION_HEAD_BYTES} bytes and more`, frame.counted)
    return {}
  }
  const lengths = [SESSION_BYTES_AT, TOKEN_BYTES_AT, PROFILE_BYTES_AT].map((at) =>
    frame.u16(head + at),
  )
  const [sessionBytes = 0, tokenBytes = 0, profileBytes = 0] = lengths
  const zero = frame.u16(head + 10) + frame.u16(head + 12) + frame.u16(head + 14)
  if (zero !== 0) frame.blame(head + 10, 'session head', '0 in its last 6 bytes')
  if (SESSION_HEAD_BYTES + sessionBytes + tokenBytes + profileBytes !== frame.counted) {
    frame.blame(head + SESSION_BYTES_AT, 'session_bytes', 'lengths that add up to the count')
  }
  if (frame.misfit !== undefined) return {}
  const texts = head + SESSION_HEAD_BYTES
  const parsed = SessionResult.safeParse({
    ret,
    session: textIn(frame, texts, sessionBytes),
    token: textIn(frame, texts + sessionBytes, tokenBytes),
    host: {
      page_shift: frame.u16(head + PAGE_SHIFT_AT) + frame.u16(head + PAGE_SHIFT_AT + 2) * 65_536,
      pool_pages: frame.u64(OUTPUT_AT),
      profile: textIn(frame, texts + sessionBytes + tokenBytes, profileBytes),
    },
  })
  if (parsed.success) return { session: factsOf(parsed.data) }
  const [issue] = parsed.error.issues
  frame.blame(head, issue?.path.join('.') ?? 'session', issue?.message ?? 'the facts of a session')
  return {}
}

const factsOf = ({ session, token, host }: z.output<typeof SessionResult>): SessionFacts => ({
  session,
  token,
  host: { pageShift: host.page_shift, poolPages: host.pool_pages, profile: host.profile },
})

const DataText = ErrorResponse.shape.error.shape.data

/** Reads an error; undefined, with a misfit, when it is in no known form. Errors are rare. */
export function readError(frame: FrameReader): ErrorMessage | undefined {
  const messageBytes = frame.u16(MESSAGE_BYTES_AT)
  const dataBytes = frame.u16(DATA_BYTES_AT)
  checkNoContext(frame)
  checkPayload(frame, [Payload.None])
  if (frame.number !== 0) frame.blame(NUMBER_AT, 'call', '0 in an error', frame.number)
  frame.checkFill(ERROR_BYTES + messageBytes + dataBytes)
  const message = textIn(frame, ERROR_BYTES, messageBytes)
  const data = dataOf(textIn(frame, ERROR_BYTES + messageBytes, dataBytes))
  if (!ErrorResponse.shape.error.shape.message.safeParse(message).success) {
    frame.blame(ERROR_BYTES, 'message', 'at most 1024 characters')
  }
  if (data === null) {
    frame.blame(ERROR_BYTES + messageBytes, 'data', 'the JSON text of a flat object, or nothing')
  }
  if (frame.misfit !== undefined) return undefined
  const code = frame.i32(CODE_AT)
  return { kind: 'error', id: frame.id, code, message, ...(data ?? {}) }
}

/** `{data}`, nothing for an empty text, null when it is no flat object. */
function dataOf(text: string): Pick<ErrorMessage, 'data'> | null {
  if (text === '') return {}
  try {
    const parsed = DataText.safeParse(JSON.parse(text))
    return parsed.success && parsed.data !== undefined ? { data: parsed.data } : null
  } catch {
    return null
  }
}

/** Answers and errors are told apart by their id alone. */
function checkNoContext(frame: FrameReader): void {
  if (frame.lpid !== 0) frame.blame(LPID_AT, 'lpid', '0: only calls have one', frame.lpid)
  if (frame.parent !== 0) frame.blame(PARENT_AT, 'parent', '0: only calls have one', frame.parent)
}
