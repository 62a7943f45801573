/**
 * What a hypervisor has to make of a binary message, said a second time: from schemas/binary.md alone,
 * with no line of the product. It also takes apart what the hypervisor sends.
 */
import type { Verdict } from './reference-json.ts'
import { itemsMax, UP_CALLS, UP_NAMES } from './wire-tables.ts'

/** A frame whose length is known. `payload` counts from its first byte. */
export interface Frame {
  readonly kind: number
  readonly payloadKind: number
  readonly lpid: number
  readonly id: number
  readonly parent: number
  readonly number: number
  /** All of it. */
  readonly bytes: Buffer
  readonly payloadAt: number
  /** Of a payload of kind 3. */
  readonly count: number
}

const padded = (length: number): number => Math.ceil(length / 8) * 8

/** The frame at an offset; undefined when nobody can say where it ends. */
export function frameAt(message: Buffer, at: number): Frame | undefined {
  const left = message.length - at
  if (left < 24) return undefined
  const kind = message.readUInt8(at)
  const payloadKind = message.readUInt8(at + 1)
  let fixed = kind === 1 ? 56 : 32
  if (kind === 3) {
    fixed = 24 + padded(message.readUInt16LE(at + 20) + message.readUInt16LE(at + 22))
  }
  if (kind < 1 || kind > 3 || payloadKind > 3 || left < fixed) return undefined
  let count = 0
  if (payloadKind === 3) {
    if (left < fixed + 8) return undefined
    count = message.readUInt32LE(at + fixed)
  }
  const length = fixed + ([0, 8, 65_536, 8 + padded(count)][payloadKind] ?? 0)
  if (left < length) return undefined
  return {
    kind,
    payloadKind,
    lpid: message.readUInt16LE(at + 2),
    id: message.readUInt32LE(at + 4),
    parent: message.readUInt32LE(at + 8),
    number: message.readUInt32LE(at + 12),
    bytes: message.subarray(at, at + length),
    payloadAt: fixed,
    count,
  }
}

/** What comes of a binary message, frame by frame. */
export function judgeFrames(message: Buffer): readonly Verdict[] {
  if (message.length === 0) return [{ kind: 'fault', code: -32_013, id: 0 }]
  const verdicts: Verdict[] = []
  for (let at = 0; at < message.length; ) {
    if (verdicts.length === itemsMax) return [{ kind: 'close', code: 1009 }]
    const frame = frameAt(message, at)
    if (frame === undefined) {
      verdicts.push({ kind: 'fault', code: -32_013, id: 0 }, { kind: 'close', code: 4005 })
      return verdicts
    }
    const verdict = judgeFrame(frame)
    verdicts.push(verdict)
    if (verdict.kind === 'close') return verdicts
    at += frame.bytes.length
  }
  return verdicts
}

function judgeFrame(frame: Frame): Verdict {
  const { kind, id, number, parent } = frame
  if (kind === 2) return { kind: 'reply', id }
  if (kind === 3) return errorTexts(frame).every(isUtf8) ? { kind: 'reply', id } : BAD_TEXT
  if (id === 0) return { kind: 'fault', code: -32_013, id: 0 }
  const method = UP_NAMES.get(number)
  if (method === undefined) return { kind: 'fault', code: -32_601, id }
  const fits = fitsTable(frame, method)
  if (method !== 'SESSION_OPEN')
    return fits
      ? { kind: 'call', id, parent, method, payload: payloadOf(frame) }
      : { kind: 'fault', code: -32_602, id }
  // Texts are looked at when nothing else is wrong with the call.
  const texts = fits ? openTexts(frame) : undefined
  if (texts === undefined) return { kind: 'fault', code: -32_602, id }
  if (!texts.every(isUtf8)) return BAD_TEXT
  const [name = '', resume = ''] = texts.map(String)
  const unanswered = frame.bytes.readBigUInt64LE(32)
  const attempt = frame.bytes.readBigUInt64LE(40)
  const isOpen =
    unanswered <= 65_535n &&
    attempt < 2n ** 32n &&
    isName(name, 64) &&
    (resume === '' || isName(resume, 128))
  return isOpen
    ? { kind: 'call', id, parent, method, payload: payloadOf(frame) }
    : { kind: 'fault', code: -32_602, id }
}

/** All of it but its id; registers as the doubles that stand for them. */
function payloadOf({ bytes }: Frame): string {
  const said = Buffer.from(bytes)
  said.writeUInt32LE(0, 4)
  for (let at = 16; at < 56; at += 8) said.writeDoubleLE(Number(bytes.readBigUInt64LE(at)), at)
  return said.toString('latin1')
}

const BAD_TEXT = { kind: 'close', code: 1007 } as const

function errorTexts({ bytes }: Frame): readonly Buffer[] {
  const message = bytes.readUInt16LE(20)
  const end = 24 + message + bytes.readUInt16LE(22)
  return [bytes.subarray(24, 24 + message), bytes.subarray(24 + message, end)]
}

/** Name and token of SESSION_OPEN; undefined when their lengths are not those of the payload. */
function openTexts({ bytes, payloadKind, payloadAt, count }: Frame): readonly Buffer[] | undefined {
  const name = bytes.readBigUInt64LE(16)
  const resume = bytes.readBigUInt64LE(24)
  if (payloadKind !== 3 || name + resume !== BigInt(count)) return undefined
  const start = payloadAt + 8
  const middle = start + Number(name)
  return [bytes.subarray(start, middle), bytes.subarray(middle, start + count)]
}

/** The checks that are the same for every call. */
function fitsTable(frame: Frame, method: string): boolean {
  const { bytes, lpid, payloadKind, payloadAt, count } = frame
  const { registers = [], payloads = [] } = UP_CALLS[method] ?? {}
  if (method === 'SESSION_OPEN' ? lpid !== 0 : lpid < 1 || lpid > 4_095) return false
  if (!payloads.includes(payloadKind)) return false
  for (let index = 0; index < 5; index++) {
    const value = bytes.readBigUInt64LE(16 + index * 8)
    const [, min, max] = registers[index] ?? ['unused', 0, 0]
    if (min !== undefined && max !== undefined && (value < min || value > max)) return false
  }
  const offset = Number(bytes.readBigUInt64LE(24))
  if (method === 'MEM_READ' && offset + Number(bytes.readBigUInt64LE(32)) > 65_536) return false
  if (method === 'MEM_WRITE' && offset + (payloadKind === 3 ? count : 65_536) > 65_536) return false
  if (payloadKind !== 3) return true
  const fill = bytes.subarray(payloadAt + 8 + count)
  return count >= 1 && count <= 65_536 && bytes.readUInt32LE(payloadAt + 4) === 0 && isZero(fill)
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)
const isUtf8 = (bytes: Buffer): boolean => Buffer.from(String(bytes)).equals(bytes)
const isName = (name: string, max: number): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is not allowed.
  name.length >= 1 && name.length <= max && !/[\u0000-\u001f\u007f-\u009f]/.test(name)
