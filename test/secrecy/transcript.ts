/** What was said on a wire, item by item, with the content of pages left out and all else as it was. */
import {
  ANSWER_BYTES,
  CALL_BYTES,
  COUNT_BYTES,
  DATA_BYTES_AT,
  ERROR_BYTES,
  FrameKind,
  KIND_AT,
  MESSAGE_BYTES_AT,
  NUMBER_AT,
  PAYLOAD_AT,
  Payload,
  padded,
  TAG_BYTES,
} from '../../schemas/binary-layout.ts'
import { CALL_NUMBER } from '../../src/abi/calls.ts'
import { PAGE_SIZE } from '../../src/abi/page.ts'

/** The items of a message. Only lengths are kept of pages and of a session's token. */
export const itemsOf = (data: string | Uint8Array): readonly string[] =>
  typeof data === 'string' ? itemsOfText(data) : itemsOfFrames(Buffer.from(data))

function itemsOfText(text: string): readonly string[] {
  const read: unknown = JSON.parse(text, (key, value: unknown) => {
    if (key === 'page' && value !== null) return lengthsOf(value)
    return key === 'token' ? String(value).length : value
  })
  return (Array.isArray(read) ? read : [read]).map((item) => JSON.stringify(item))
}

/** `{"bytes": 87384}`, `{"tag": true}`: how long a tag is tells how big a number it is. */
const lengthsOf = (page: unknown): unknown =>
  Object.fromEntries(
    Object.entries(page as object).map(([kind, content]) =>
      kind === 'tag' ? [kind, true] : [kind, String(content).length],
    ),
  )

function itemsOfFrames(bytes: Buffer): readonly string[] {
  const items: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const { head, payload } = lengthsAt(bytes, at)
    const kind = bytes.readUInt8(at + PAYLOAD_AT)
    const isOpening = bytes.readUInt32LE(at + NUMBER_AT) === CALL_NUMBER.SESSION_OPEN
    const hidden = kind === Payload.Tag || kind === Payload.Page || isOpening
    const rest = bytes.subarray(at + head, at + head + payload)
    const shown = hidden ? `${payload} bytes` : rest.toString('hex')
    items.push(`${bytes.toString('hex', at, at + head)} ${shown}`)
    at += head + payload
  }
  return items
}

function lengthsAt(bytes: Buffer, at: number): { head: number; payload: number } {
  const kind = bytes.readUInt8(at + KIND_AT)
  if (kind === FrameKind.Error) {
    const texts = bytes.readUInt16LE(at + MESSAGE_BYTES_AT) + bytes.readUInt16LE(at + DATA_BYTES_AT)
    return { head: ERROR_BYTES, payload: padded(texts) }
  }
  const head = kind === FrameKind.Call ? CALL_BYTES : ANSWER_BYTES
  switch (bytes.readUInt8(at + PAYLOAD_AT)) {
    case Payload.Tag:
      return { head, payload: TAG_BYTES }
    case Payload.Page:
      return { head, payload: PAGE_SIZE }
    case Payload.Bytes:
      return { head, payload: COUNT_BYTES + padded(bytes.readUInt32LE(at + head)) }
    default:
      return { head, payload: 0 }
  }
}
