/**
 * Writes the records of a ledger: the body of each, to a ByteWriter. Texts are UTF-8 JSON and fill what
 * is left of the body; a call is a frame of `uvmem.v1.bin` (schemas/binary.md).
 */
import type { AnswerOutput, CallMessage, Outcome, UpCall } from '../../schemas/messages.ts'
import { CALL_NUMBER } from '../abi/calls.ts'
import { uvBinaryCodec } from '../peer/rpc-binary.ts'
import type { ByteWriter } from './ledger-bytes.ts'
import { type CallRef, HOWS, ResultKind } from './ledger-record.ts'
import type { Ended } from './operation.ts'
import { packWish } from './record-values.ts'
import type { VmmCall } from './vmm-call.ts'

const encoder = new TextEncoder()
const codec = uvBinaryCodec()

/** A value as the rest of a body. */
export const writeJson = (out: ByteWriter, value: unknown): void =>
  out.bytes(encoder.encode(JSON.stringify(value)))

/** u32 session, frame. */
export function writeCall(out: ByteWriter, session: number, call: CallMessage<UpCall>): void {
  out.u32(session)
  const { data } = codec.encode([call], 0)
  if (typeof data !== 'string') out.bytes(data)
}

/** u32 session, u32 id. */
export function writeRef(out: ByteWriter, { session, id }: CallRef): void {
  out.u32(session)
  out.u32(id)
}

/** u64 number, u32 LPID, u8 starved, then u8 0 and the call, or u8 1 and what the VMM wants. */
export function writeQueue(
  out: ByteWriter,
  n: number,
  lpid: number,
  starved: boolean,
  asked: CallRef | VmmCall,
): void {
  out.u64(n)
  out.u32(lpid)
  out.u8(starved ? 1 : 0)
  if ('session' in asked) {
    out.u8(0)
    writeRef(out, asked)
  } else {
    out.u8(1)
    writeJson(out, packWish(asked))
  }
}

/** u64 number, f64 code, u8 failed, result. */
export function writeAnswer(
  out: ByteWriter,
  n: number,
  ret: number,
  failed: boolean,
  output: AnswerOutput,
): void {
  out.u64(n)
  out.f64(ret)
  out.u8(failed ? 1 : 0)
  writeOutput(out, output)
}

/** u64 number, u8 how, f64 code. */
export function writeEnd(
  out: ByteWriter,
  n: number,
  how: Ended<unknown>['how'],
  code: number,
): void {
  out.u64(n)
  out.u8(HOWS.indexOf(how))
  out.f64(code)
}

/** u32 id, then u8 0, u32 call, f64 code, result; or u8 5 and the error. */
export function writeOutcome(out: ByteWriter, outcome: Outcome): void {
  out.u32(outcome.id)
  if (outcome.kind === 'error') {
    const { code, message, data } = outcome
    out.u8(ResultKind.Error)
    writeJson(out, data === undefined ? { code, message } : { code, message, data })
    return
  }
  out.u8(ResultKind.Code)
  out.u32(CALL_NUMBER[outcome.call])
  out.f64(outcome.ret)
  writeOutput(out, outcome)
}

/** u8 kind, and what it is. */
function writeOutput(out: ByteWriter, { page, bytes }: AnswerOutput): void {
  if (bytes !== undefined) writeBytes(out, ResultKind.Bytes, bytes)
  else if (page === undefined) out.u8(ResultKind.Code)
  else if (page === null) out.u8(ResultKind.Zeros)
  else if (typeof page === 'bigint') {
    out.u8(ResultKind.Tag)
    out.word(page)
  } else writeBytes(out, ResultKind.Page, page)
}

function writeBytes(out: ByteWriter, kind: number, bytes: Uint8Array): void {
  out.u8(kind)
  out.bytes(bytes)
}
