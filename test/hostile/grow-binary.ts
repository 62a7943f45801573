/** Calls and answers of JSON as frames, laid out by hand from schemas/binary.md. */
import type { Message } from './grow.ts'
import { DOWN_CALLS, UP_CALLS } from './wire-tables.ts'

const U64_END = 2n ** 64n

/** A value of JSON as a register, whatever it is. */
function registerOf(value: unknown): bigint {
  if (typeof value === 'number' && Number.isFinite(value))
    return BigInt.asUintN(64, BigInt(Math.trunc(value)))
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt(value) % U64_END
  return 0n
}

const padTo8 = (length: number): number => (8 - (length % 8)) % 8

function header(kind: number, payload: number, fields: readonly number[]): Buffer {
  const bytes = Buffer.alloc(16)
  bytes[0] = kind
  bytes[1] = payload
  const [lpid = 0, id = 0, parent = 0, call = 0] = fields
  bytes.writeUInt16LE(lpid, 2)
  bytes.writeUInt32LE(id, 4)
  bytes.writeUInt32LE(parent, 8)
  bytes.writeUInt32LE(call, 12)
  return bytes
}

function words(values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(value, at * 8)
  return bytes
}

/** A payload of kind 3. */
const counted = (bytes: Buffer): Buffer =>
  Buffer.concat([words([BigInt(bytes.length)]), bytes, Buffer.alloc(padTo8(bytes.length))])

const NOTHING = Buffer.alloc(0)

/** `call`: the number of the call that an answer is for. */
export function frameOf(message: Message, call = 0): Buffer {
  const id = Number(message['id'] ?? 0)
  if (message['method'] !== undefined) return callFrame(message, id)
  if (message['result'] !== undefined) return answerFrame(message['result'] as Message, id, call)
  return errorFrame(message['error'] as Message, id)
}

function callFrame(message: Message, id: number): Buffer {
  const method = String(message['method'])
  const params = (message['params'] ?? {}) as Message
  const { number = 0, registers = [] } = UP_CALLS[method] ?? {}
  const parent = Number(params['parent'] ?? 0)
  const head = (payload: number): Buffer =>
    header(1, payload, [Number(params['lpid'] ?? 0), id, parent, number])
  if (method === 'SESSION_OPEN') {
    const name = Buffer.from(String(params['name'] ?? ''))
    const resume = Buffer.from(String(params['resume'] ?? ''))
    const [unanswered, attempt] = ['unanswered', 'attempt'].map((key) =>
      BigInt(Number(params[key] ?? 0)),
    )
    const registers = [
      BigInt(name.length),
      BigInt(resume.length),
      unanswered ?? 0n,
      attempt ?? 0n,
      0n,
    ]
    return Buffer.concat([head(3), words(registers), counted(Buffer.concat([name, resume]))])
  }
  const values = Array.from({ length: 5 }, (_, at) => registerOf(params[registers[at]?.[0] ?? '']))
  const { bytes } = params
  if (method !== 'MEM_WRITE' || typeof bytes !== 'string')
    return Buffer.concat([head(0), words(values)])
  return Buffer.concat([head(3), words(values), counted(Buffer.from(bytes, 'base64'))])
}

function answerFrame(result: Message, id: number, call: number): Buffer {
  const ret = BigInt.asUintN(64, BigInt(Number(result['ret'] ?? 0)))
  const page = result['page'] as { tag?: string; bytes?: string } | null | undefined
  const payload = page?.tag !== undefined ? 1 : page?.bytes !== undefined ? 2 : 0
  const bytes =
    page?.tag !== undefined
      ? words([registerOf(page.tag)])
      : Buffer.from(page?.bytes ?? '', 'base64')
  return Buffer.concat([header(2, payload, [0, id, 0, call]), words([ret, 0n]), bytes])
}

function errorFrame(error: Message, id: number): Buffer {
  const message = Buffer.from(String(error['message'] ?? ''))
  const data = error['data'] === undefined ? NOTHING : Buffer.from(JSON.stringify(error['data']))
  const fixed = Buffer.alloc(8)
  fixed.writeInt32LE(Number(error['code'] ?? 0))
  fixed.writeUInt16LE(message.length, 4)
  fixed.writeUInt16LE(data.length, 6)
  const fill = Buffer.alloc(padTo8(message.length + data.length))
  return Buffer.concat([header(3, 0, [0, id, 0, 0]), fixed, message, data, fill])
}

export const downNumber = (method: string | undefined): number => DOWN_CALLS[method ?? ''] ?? 0
