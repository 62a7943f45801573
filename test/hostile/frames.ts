/**
 * WebSocket frames and upgrade requests laid out by hand, so that they may be wrong in any way.
 * Source: RFC 6455, sections 4.1 and 5.2.
 */

/** The opcodes of RFC 6455; all others are reserved. */
export const Op = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const

/** How a frame departs from a whole, masked one with the shortest length. */
export interface Shape {
  /** False: more fragments follow. */
  readonly fin?: boolean
  /** The three reserved bits as a number. */
  readonly rsv?: number
  /** The masking key; `null` leaves the mask out, as only a server may. */
  readonly mask?: number | null
  /** Bits of the length field: 7, 16 or 64. */
  readonly bits?: 7 | 16 | 64
  /** What the length field says instead of the truth. */
  readonly claims?: bigint
}

const MASK = 0x37fa213d

/** One frame of a client. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = '',
  shape: Shape = {},
): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : Buffer.from(payload)
  const { fin = true, rsv = 0, mask = MASK } = shape
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const length = lengthField(shape.claims ?? BigInt(bytes.length), shape.bits)
  if (mask === null) return Buffer.concat([Buffer.from([first]), length, bytes])
  length[0] = (length[0] ?? 0) | 0x80
  const key = Buffer.alloc(4)
  key.writeUInt32BE(mask)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ (key[at % 4] ?? 0)
  return Buffer.concat([Buffer.from([first]), length, key, bytes])
}

function lengthField(length: bigint, bits: Shape['bits']): Buffer {
  const wide = bits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64)
  if (wide === 7) return Buffer.from([Number(length)])
  const field = Buffer.alloc(wide === 16 ? 3 : 9)
  field[0] = wide === 16 ? 126 : 127
  if (wide === 16) field.writeUInt16BE(Number(length), 1)
  else field.writeBigUInt64BE(length, 1)
  return field
}

export const text = (payload: string | Uint8Array, shape?: Shape): Buffer =>
  frame(Op.Text, payload, shape)
export const binary = (payload: Uint8Array, shape?: Shape): Buffer =>
  frame(Op.Binary, payload, shape)
export const more = (payload: string | Uint8Array, shape?: Shape): Buffer =>
  frame(Op.Continuation, payload, shape)
export const ping = (payload: string | Uint8Array = '', shape?: Shape): Buffer =>
  frame(Op.Ping, payload, shape)
export const pong = (payload: string | Uint8Array = '', shape?: Shape): Buffer =>
  frame(Op.Pong, payload, shape)
/** A fragment that is not the last one. */
export const part = (opcode: number, payload: string | Uint8Array): Buffer =>
  frame(opcode, payload, { fin: false })

/** A close frame with a code, and bytes that should be UTF-8. */
export function close(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return frame(Op.Close)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return frame(Op.Close, Buffer.concat([head, Buffer.from(reason)]))
}

/** Bytes written as hex, blanks between them for the reader. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** The bytes one by one: chopped at every boundary there is. */
export const byByte = (bytes: Uint8Array): readonly Buffer[] =>
  Array.from(bytes, (byte) => Buffer.from([byte]))

/** The bytes in two pieces, the first of `at` bytes. */
export const cutAt = (bytes: Buffer, at: number): readonly Buffer[] => [
  bytes.subarray(0, at),
  bytes.subarray(at),
]

/** The headers of an upgrade that is taken, in the order in which they are sent. */
const UPGRADE: readonly (readonly [string, string])[] = [
  ['Host', '127.0.0.1'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Protocol', 'uvmem.v1.json'],
]

/** How a request departs from an upgrade that is taken. */
export interface Wish {
  /** `GET /v1/uv HTTP/1.1` when it is left out. */
  readonly line?: string
  /** Headers with other values; `null` leaves one out. New ones come last. */
  readonly set?: Readonly<Record<string, string | null>>
  /** Whole header lines that come last. */
  readonly add?: readonly string[]
  /** What ends a line. */
  readonly end?: string
}

/** The bytes of an upgrade request. */
export function upgrade({
  line = 'GET /v1/uv HTTP/1.1',
  set = {},
  add = [],
  end,
}: Wish = {}): Buffer {
  const known = UPGRADE.map(([name]) => name)
  const lines = UPGRADE.flatMap(([name, value]) => {
    const given = Object.hasOwn(set, name) ? set[name] : value
    return given === null || given === undefined ? [] : [`${name}: ${given}`]
  })
  const extra = Object.entries(set).flatMap(([name, value]) =>
    known.includes(name) || value === null ? [] : [`${name}: ${value}`],
  )
  const eol = end ?? '\r\n'
  return Buffer.from([line, ...lines, ...extra, ...add, '', ''].join(eol), 'latin1')
}
