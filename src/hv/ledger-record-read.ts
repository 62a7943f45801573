/** Reads the records of a ledger, as ledger-record-write.ts wrote them. */
import { ErrorResponse } from '../../schemas/envelope.ts'
import type { AnswerOutput, Outcome } from '../../schemas/messages.ts'
import { RecordWish } from '../../schemas/record.ts'
import { CALL_NUMBER, type CallName } from '../abi/calls.ts'
import type { Page } from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import { hvBinaryCodec } from '../peer/rpc-binary.ts'
import { ByteReader } from './ledger-bytes.ts'
import { HOWS, type LedgerRecord, LedgerSession, RecordKind, ResultKind } from './ledger-record.ts'
import { unpackWish } from './record-values.ts'

/** A record is not what it should be: the program that wrote it, or this one, is wrong. */
export class BadRecord extends Error {}

const decoder = new TextDecoder('utf-8', { fatal: true })
const codec = hvBinaryCodec()

const NAMES: ReadonlyMap<number, CallName> = new Map(
  (Object.keys(CALL_NUMBER) as CallName[]).map((name) => [CALL_NUMBER[name], name]),
)

function readJson(reader: ByteReader): unknown {
  return JSON.parse(decoder.decode(reader.bytes()))
}

function readOutput(kind: number, reader: ByteReader): AnswerOutput {
  if (kind === ResultKind.Code) return {}
  if (kind === ResultKind.Bytes) return { bytes: reader.bytes().slice() }
  return { page: readPage(kind, reader) }
}

function readPage(kind: number, reader: ByteReader): Page {
  if (kind === ResultKind.Zeros) return null
  if (kind === ResultKind.Tag) return reader.word()
  if (kind === ResultKind.Page) return reader.bytes().slice()
  throw new BadRecord(`a result of kind ${kind}`)
}

const ErrorText = ErrorResponse.shape.error

function readOutcome(reader: ByteReader): Outcome {
  const id = reader.u32()
  if (reader.u8() === ResultKind.Error) {
    const { code, message, data } = ErrorText.parse(readJson(reader))
    return { kind: 'error', id, code, message, ...(data === undefined ? {} : { data }) }
  }
  const call = NAMES.get(reader.u32())
  if (call === undefined) throw new BadRecord('the answer to no call')
  const ret = reader.f64()
  return { kind: 'answer', id, call, ret, ...readOutput(reader.u8(), reader) }
}

type Readers = {
  readonly [Kind in RecordKind]: (reader: ByteReader) => Extract<LedgerRecord, { kind: Kind }>
}

const READERS: Readers = {
  [RecordKind.Host]: (reader) => ({ kind: RecordKind.Host, json: readJson(reader) }),
  [RecordKind.Session]: (reader) => ({
    kind: RecordKind.Session,
    session: LedgerSession.parse(readJson(reader)),
  }),
  [RecordKind.SessionEnd]: (reader) => ({ kind: RecordKind.SessionEnd, session: reader.u32() }),
  [RecordKind.Made]: (reader) => ({
    kind: RecordKind.Made,
    lpid: reader.u32(),
    radix: reader.u8() === 1,
    svmEnabled: reader.u8() === 1,
  }),
  [RecordKind.Call]: (reader) => {
    const session = reader.u32()
    const [call] = codec.decode(reader.bytes(), () => undefined)
    if (call?.kind !== 'call') throw new BadRecord('a call that is none')
    return { kind: RecordKind.Call, session, call }
  },
  [RecordKind.Queue]: (reader) => ({
    kind: RecordKind.Queue,
    n: reader.u64(),
    lpid: reader.u32(),
    starved: reader.u8() === 1,
    asked:
      reader.u8() === 0
        ? { session: reader.u32(), id: reader.u32() }
        : unpackWish(RecordWish.parse(readJson(reader))),
  }),
  [RecordKind.Ask]: (reader) => ({
    kind: RecordKind.Ask,
    n: reader.u64(),
    session: reader.u32(),
    id: reader.u32(),
  }),
  [RecordKind.Answer]: (reader) => ({
    kind: RecordKind.Answer,
    n: reader.u64(),
    ret: reader.f64(),
    failed: reader.u8() === 1,
    output: readOutput(reader.u8(), reader),
  }),
  [RecordKind.Turn]: (reader) => ({ kind: RecordKind.Turn, n: reader.u64() }),
  [RecordKind.End]: (reader) => ({
    kind: RecordKind.End,
    n: reader.u64(),
    how: present(HOWS[reader.u8()], 'how an operation ended'),
    code: reader.f64(),
  }),
  [RecordKind.Reply]: (reader) => ({
    kind: RecordKind.Reply,
    session: reader.u32(),
    outcome: readOutcome(reader),
  }),
  [RecordKind.Store]: (reader) => ({
    kind: RecordKind.Store,
    session: reader.u32(),
    id: reader.u32(),
  }),
  [RecordKind.Forget]: (reader) => ({
    kind: RecordKind.Forget,
    session: reader.u32(),
    id: reader.u32(),
  }),
  [RecordKind.Deny]: (reader) => ({ kind: RecordKind.Deny, denied: reader.u8() === 1 }),
  [RecordKind.Drop]: () => ({ kind: RecordKind.Drop }),
  [RecordKind.Kept]: (reader) => ({
    kind: RecordKind.Kept,
    session: reader.u32(),
    low: reader.u32() | 0,
    high: reader.u32() | 0,
    outcome: readOutcome(reader),
  }),
}

/** The records of a group, in their order. Throws when one is not what it should be. */
export function* recordsOf(body: Uint8Array): Generator<LedgerRecord> {
  const reader = new ByteReader(body)
  while (reader.left > 0) {
    const kind = reader.u32()
    const read = READERS[kind as RecordKind] as ((reader: ByteReader) => LedgerRecord) | undefined
    if (read === undefined) throw new BadRecord(`a record of kind ${kind}`)
    yield read(new ByteReader(reader.bytes(reader.u32())))
  }
}
