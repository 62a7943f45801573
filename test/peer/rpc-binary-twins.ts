/**
 * The same call or answer twice, in JSON and in a frame, from raw values that may or may not be
 * allowed. The frames are laid out here by hand, from schemas/binary.md.
 */
import fc from 'fast-check'

/** A call or answer in both subprotocols. */
export interface Twins {
  readonly json: string
  readonly frame: Buffer
}

/** What R4, R5 … hold, and how JSON spells it: as hex, or as a number. */
const REGISTERS: Readonly<Record<string, readonly (readonly [string, 'hex' | 'number'])[]>> = {
  H_SVM_INIT_START: [],
  H_SVM_INIT_DONE: [],
  H_SVM_INIT_ABORT: [],
  H_SVM_TPM_COMM: [],
  H_SVM_PAGE_IN: [
    ['gpa', 'hex'],
    ['flags', 'hex'],
    ['order', 'hex'],
  ],
  H_SVM_PAGE_OUT: [
    ['gpa', 'hex'],
    ['flags', 'hex'],
    ['order', 'hex'],
  ],
  HDSI: [['gpa', 'hex']],
  MEM_READ: [
    ['ra', 'hex'],
    ['offset', 'number'],
    ['length', 'number'],
  ],
  MEM_WRITE: [
    ['ra', 'hex'],
    ['offset', 'number'],
  ],
  UV_REGISTER_MEM_SLOT: [
    ['start_gpa', 'hex'],
    ['size', 'hex'],
    ['flags', 'hex'],
    ['slotid', 'number'],
  ],
  UV_UNREGISTER_MEM_SLOT: [['slotid', 'number']],
  UV_PAGE_IN: [
    ['ra', 'hex'],
    ['gpa', 'hex'],
    ['flags', 'hex'],
    ['order', 'hex'],
  ],
  UV_PAGE_OUT: [
    ['ra', 'hex'],
    ['gpa', 'hex'],
    ['flags', 'hex'],
    ['order', 'hex'],
  ],
  UV_PAGE_INVAL: [
    ['gpa', 'hex'],
    ['order', 'hex'],
  ],
  UV_SVM_TERMINATE: [],
  UV_WRITE_PATE: [
    ['dw0', 'hex'],
    ['dw1', 'hex'],
  ],
}
export const NUMBERS: Readonly<Record<string, number>> = {
  H_SVM_PAGE_IN: 0xef00,
  H_SVM_PAGE_OUT: 0xef04,
  H_SVM_INIT_START: 0xef08,
  H_SVM_INIT_DONE: 0xef0c,
  H_SVM_INIT_ABORT: 0xef14,
  H_SVM_TPM_COMM: 0xef10,
  UV_WRITE_PATE: 0xf104,
  UV_REGISTER_MEM_SLOT: 0xf120,
  UV_UNREGISTER_MEM_SLOT: 0xf124,
  UV_PAGE_IN: 0xf128,
  UV_PAGE_OUT: 0xf12c,
  UV_PAGE_INVAL: 0xf138,
  UV_SVM_TERMINATE: 0xf13c,
  HDSI: 0x10001,
  MEM_READ: 0x10002,
  MEM_WRITE: 0x10003,
  SESSION_OPEN: 0x10004,
}

/** Any 64 bits, the edges of every range more often than others. */
const word = fc.oneof(
  fc.constantFrom(
    ...[0n, 1n, 16n, 4_095n, 65_535n, 65_536n, 65_537n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n],
    ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1_024n, 2n ** 64n - 1n],
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 70_000n }),
)
const lpid = fc.oneof(fc.constantFrom(0, 1, 4_095, 4_096, 65_535), fc.nat({ max: 65_535 }))
const id = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }))
const count = fc.oneof(fc.constantFrom(1, 7, 8, 9, 65_535, 65_536, 65_537), fc.nat({ max: 40 }))
const filled = fc
  .tuple(count, fc.nat({ max: 255 }))
  .map(([length, value]) => Buffer.alloc(length, value))
const page = fc.oneof(
  fc.constant(undefined),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.nat({ max: 255 }).map((value) => Buffer.alloc(65_536, value)),
)

const header = (kind: number, payload: number, fields: readonly number[]): Buffer => {
  const [lpid = 0, id = 0, parent = 0, number = 0] = fields
  const bytes = Buffer.alloc(16)
  bytes.writeUInt8(kind, 0)
  bytes.writeUInt8(payload, 1)
  bytes.writeUInt16LE(lpid, 2)
  bytes.writeUInt32LE(id, 4)
  bytes.writeUInt32LE(parent, 8)
  bytes.writeUInt32LE(number, 12)
  return bytes
}
const words = (...values: readonly bigint[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8)
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(value, index * 8)
  return bytes
}
const counted = (bytes: Buffer): Buffer =>
  Buffer.concat([words(BigInt(bytes.length)), bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)])
const hex = (value: bigint): string => `0x${value.toString(16)}`

/** What follows a frame, and the member that says the same in JSON. */
interface Payload {
  readonly kind: number
  readonly bytes: Buffer
  readonly member: object
}
const NONE: Payload = { kind: 0, bytes: Buffer.alloc(0), member: {} }

function pagePayload(value: bigint | Buffer | undefined): Payload {
  if (value === undefined) return NONE
  if (typeof value === 'bigint')
    return { kind: 1, bytes: words(value), member: { page: { tag: hex(value) } } }
  const member = { page: { bytes: value.toString('base64') } }
  return { kind: 2, bytes: value, member }
}
const bytesPayload = (bytes: Buffer): Payload => ({
  kind: 3,
  bytes: counted(bytes),
  member: { bytes: bytes.toString('base64') },
})

const payloadOf = (call: string): fc.Arbitrary<Payload> => {
  if (call === 'UV_PAGE_IN') return page.map(pagePayload)
  if (call !== 'MEM_WRITE') return fc.constant(NONE)
  return fc.oneof(fc.constant({ ...NONE, member: { bytes: null } }), filled.map(bytesPayload))
}

/** A call with raw values in every field. */
export function callTwins(call: string): fc.Arbitrary<Twins> {
  const registers = REGISTERS[call] ?? []
  const values = fc.tuple(...registers.map(() => word)) as fc.Arbitrary<bigint[]>
  return fc
    .tuple(lpid, id, id, values, payloadOf(call))
    .map(([vm, own, parent, given, payload]) => {
      const named = registers.map(([name, form], index) => {
        const value = given[index] ?? 0n
        return [name, form === 'hex' ? hex(value) : Number(value)]
      })
      const context = parent === 0 ? {} : { parent }
      const params = { lpid: vm, ...Object.fromEntries(named), ...payload.member, ...context }
      const five = [...given, 0n, 0n, 0n, 0n, 0n].slice(0, 5)
      return {
        json: JSON.stringify({ jsonrpc: '2.0', id: own, method: call, params }),
        frame: Buffer.concat([
          header(1, payload.kind, [vm, own, parent, NUMBERS[call] ?? 0]),
          words(...five),
          payload.bytes,
        ]),
      }
    })
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'grapheme', minLength: 60, maxLength: 135 }),
  fc.constantFrom('', 'a\n', '\u007f', '\u009f', '\ufeffx', 'x'.repeat(64), 'x'.repeat(129)),
)

/** SESSION_OPEN with any texts. In a frame, a token of no bytes is none. */
export const openTwins: fc.Arbitrary<Twins> = fc
  .tuple(
    id,
    text,
    fc.oneof(
      fc.constant(undefined),
      text.filter((one) => one !== ''),
    ),
  )
  .map(([own, name, resume]) => {
    const texts = [Buffer.from(name), Buffer.from(resume ?? '')] as const
    const params = resume === undefined ? { name } : { name, resume }
    return {
      json: JSON.stringify({ jsonrpc: '2.0', id: own, method: 'SESSION_OPEN', params }),
      frame: Buffer.concat([
        header(1, 3, [0, own, 0, 0x10004]),
        words(BigInt(texts[0].length), BigInt(texts[1].length), 0n, 0n, 0n),
        counted(Buffer.concat(texts)),
      ]),
    }
  })

const ret = fc.oneof(
  fc.constantFrom(0n, -1n, -75n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) + 1n, -(2n ** 53n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
)

const outputOf = (call: string): fc.Arbitrary<Payload> => {
  if (call === 'UV_PAGE_OUT') return page.map(pagePayload)
  if (call === 'MEM_READ')
    return fc.oneof(fc.constant(NONE), fc.constant(Buffer.from('abc')).map(bytesPayload))
  return fc.constant(NONE)
}

/** An answer with any code and any output that its call may have. */
export function answerTwins(call: string): fc.Arbitrary<Twins> {
  const own = fc.integer({ min: 1, max: 0xffff_ffff })
  return fc
    .tuple(own, fc.oneof(fc.constant(0n), ret), outputOf(call))
    .map(([of, code, payload]) => ({
      json: `{"jsonrpc":"2.0","id":${of},"result":${JSON.stringify(payload.member).replace('{', `{"ret":${code}${payload === NONE ? '' : ','}`)}}`,
      frame: Buffer.concat([
        header(2, payload.kind, [0, of, 0, NUMBERS[call] ?? 0]),
        words(BigInt.asUintN(64, code), 0n),
        payload.bytes,
      ]),
    }))
}
