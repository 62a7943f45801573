/** Frames: opcodes, lengths, masks, reserved bits, chopping. Source: RFC 6455, section 5.2. */
import { binary, byByte, close, cutAt, frame, hex, Op, ping, pong, text } from './frames.ts'
import {
  type Expected,
  NOT_A_REQUEST,
  NOT_JSON,
  PROTOCOL_ERROR,
  STAYS,
  TOO_BIG,
  table,
} from './vector.ts'

const WRONG_KIND: Expected = { close: 1003 }
/** JSON of exactly so many bytes that is no call. */
const json = (bytes: number): string => `"${'x'.repeat(bytes - 2)}"`
const two: Expected = { says: [/-32600/, /-32600/] }

const OPCODES = table('json', [
  ['opcode 0 with nothing before it', frame(0, '{}'), PROTOCOL_ERROR],
  ['opcode 1', frame(1, '{}'), NOT_A_REQUEST],
  ['opcode 2', frame(2, '{}'), WRONG_KIND],
  ['opcode 3', frame(3), PROTOCOL_ERROR],
  ['opcode 3 with a payload', frame(3, 'x'), PROTOCOL_ERROR],
  ['opcode 4', frame(4, 'x'), PROTOCOL_ERROR],
  ['opcode 5', frame(5, 'x'), PROTOCOL_ERROR],
  ['opcode 6', frame(6, 'x'), PROTOCOL_ERROR],
  ['opcode 7', frame(7, 'x'), PROTOCOL_ERROR],
  ['opcode 8', close(), { close: 1005 }],
  ['opcode 9', ping('x'), { pongs: ['x'] }],
  ['opcode 10', pong('x'), STAYS],
  ['opcode 11', frame(11), PROTOCOL_ERROR],
  ['opcode 11 with a payload', frame(11, 'x'), PROTOCOL_ERROR],
  ['opcode 12', frame(12, 'x'), PROTOCOL_ERROR],
  ['opcode 13', frame(13, 'x'), PROTOCOL_ERROR],
  ['opcode 14', frame(14, 'x'), PROTOCOL_ERROR],
  ['opcode 15', frame(15, 'x'), PROTOCOL_ERROR],
  ['a reserved opcode after a message', [text('{}'), frame(3)], { close: 1002 }],
  ['a reserved opcode before a message', [frame(4), text('{}')], { close: 1002 }],
])

const RESERVED = table('json', [
  ['reserved bit 1', text('{}', { rsv: 4 }), PROTOCOL_ERROR],
  ['reserved bit 2', text('{}', { rsv: 2 }), PROTOCOL_ERROR],
  ['reserved bit 3', text('{}', { rsv: 1 }), PROTOCOL_ERROR],
  ['reserved bits 1 and 2', text('{}', { rsv: 6 }), PROTOCOL_ERROR],
  ['reserved bits 2 and 3', text('{}', { rsv: 3 }), PROTOCOL_ERROR],
  ['all reserved bits', text('{}', { rsv: 7 }), PROTOCOL_ERROR],
  ['reserved bit 1 of a binary frame', binary(Buffer.from('x'), { rsv: 4 }), PROTOCOL_ERROR],
  ['reserved bit 1 of a ping', ping('x', { rsv: 4 }), PROTOCOL_ERROR],
  ['reserved bit 2 of a pong', pong('x', { rsv: 2 }), PROTOCOL_ERROR],
  ['reserved bit 3 of a close', frame(Op.Close, '', { rsv: 1 }), PROTOCOL_ERROR],
  ['a reserved bit chopped', byByte(text('{}', { rsv: 4 })), PROTOCOL_ERROR],
  ['a reserved bit behind a good message', [text('{}'), text('{}', { rsv: 4 })], PROTOCOL_ERROR],
])

const MASKS = table('json', [
  ['a text without a mask', text('{}', { mask: null }), PROTOCOL_ERROR],
  ['an empty text without a mask', text('', { mask: null }), PROTOCOL_ERROR],
  ['a ping without a mask', ping('x', { mask: null }), PROTOCOL_ERROR],
  ['a close without a mask', frame(Op.Close, '', { mask: null }), PROTOCOL_ERROR],
  ['a binary frame without a mask', binary(Buffer.from('x'), { mask: null }), PROTOCOL_ERROR],
  ['a mask of zeros', text('{}', { mask: 0 }), NOT_A_REQUEST],
  ['a mask of ones', text('{}', { mask: 0xffff_ffff }), NOT_A_REQUEST],
  ['a mask with one bit', text('{}', { mask: 1 }), NOT_A_REQUEST],
  ['another mask in each frame', [text('{}', { mask: 5 }), text('{}', { mask: 6 })], two],
])

const LENGTHS = table('json', [
  ['length 0', text(''), NOT_JSON],
  ['length 1', text('1'), NOT_A_REQUEST],
  ['length 124', text(json(124)), NOT_A_REQUEST],
  ['length 125', text(json(125)), NOT_A_REQUEST],
  ['length 126', text(json(126)), NOT_A_REQUEST],
  ['length 127', text(json(127)), NOT_A_REQUEST],
  ['length 128', text(json(128)), NOT_A_REQUEST],
  ['length 65,534', text(json(65_534)), NOT_A_REQUEST],
  ['length 65,535', text(json(65_535)), NOT_A_REQUEST],
  ['length 65,536', text(json(65_536)), NOT_A_REQUEST],
  ['length 65,537', text(json(65_537)), NOT_A_REQUEST],
  ['length 1,000,000', text(json(1_000_000)), NOT_A_REQUEST],
  ['length 4,194,304: the limit', text(json(4_194_304)), NOT_A_REQUEST],
  ['length 4,194,305: one past it', text(json(4_194_305)), TOO_BIG],
  // RFC 6455 wants the shortest form from a sender and nothing of a receiver.
  ['length 0 in 16 bits', text('', { bits: 16 }), NOT_JSON],
  ['length 2 in 16 bits', text('{}', { bits: 16 }), NOT_A_REQUEST],
  ['length 125 in 16 bits', text(json(125), { bits: 16 }), NOT_A_REQUEST],
  ['length 0 in 64 bits', text('', { bits: 64 }), NOT_JSON],
  ['length 2 in 64 bits', text('{}', { bits: 64 }), NOT_A_REQUEST],
  ['length 126 in 64 bits', text(json(126), { bits: 64 }), NOT_A_REQUEST],
  ['length 65,535 in 64 bits', text(json(65_535), { bits: 64 }), NOT_A_REQUEST],
  ['a claim of 4,194,305 bytes', text('', { claims: 4_194_305n }), TOO_BIG],
  ['a claim of 2^31 bytes', text('', { claims: 2n ** 31n }), TOO_BIG],
  ['a claim of 2^32 - 1 bytes', text('', { claims: 2n ** 32n - 1n }), TOO_BIG],
  ['a claim of 2^32 bytes', text('', { claims: 2n ** 32n }), TOO_BIG],
  ['a claim of 2^53 - 1 bytes', text('', { claims: 2n ** 53n - 1n }), TOO_BIG],
  ['a claim of 2^53 bytes', text('', { claims: 2n ** 53n }), TOO_BIG],
  ['a claim of 2^62 bytes', text('', { claims: 2n ** 62n }), TOO_BIG],
  ['the top bit of a length', text('', { claims: 2n ** 63n }), TOO_BIG],
  ['every bit of a length', text('', { claims: 2n ** 64n - 1n }), TOO_BIG],
  ['a claim of too much, chopped', byByte(text('', { claims: 2n ** 40n })), TOO_BIG],
  ['a binary claim of too much', binary(Buffer.alloc(0), { claims: 2n ** 40n }), TOO_BIG],
])

const one = text('{}')
const long = text(json(300))
const huge = text(json(70_000))

const CHOPPED = table('json', [
  ['a text byte by byte', byByte(one), NOT_A_REQUEST],
  ['cut after the first byte', cutAt(one, 1), NOT_A_REQUEST],
  ['cut before the mask', cutAt(one, 2), NOT_A_REQUEST],
  ['cut inside the mask', cutAt(one, 4), NOT_A_REQUEST],
  ['cut behind the mask', cutAt(one, 6), NOT_A_REQUEST],
  ['cut inside the payload', cutAt(one, 7), NOT_A_REQUEST],
  ['cut inside a length of 16 bits', cutAt(long, 3), NOT_A_REQUEST],
  ['cut behind a length of 16 bits', cutAt(long, 4), NOT_A_REQUEST],
  ['cut inside a length of 64 bits', cutAt(huge, 5), NOT_A_REQUEST],
  ['cut behind a length of 64 bits', cutAt(huge, 10), NOT_A_REQUEST],
  ['300 bytes one by one', byByte(long), NOT_A_REQUEST],
  ['70,000 bytes in pieces of 997', pieces(huge, 997), NOT_A_REQUEST],
  ['two messages in one piece', Buffer.concat([one, one]), two],
  ['the end of one message with the next', cutAt(Buffer.concat([one, one]), 7), two],
  [
    'a hundred messages in one piece',
    Buffer.concat(Array(100).fill(one)),
    { says: Array(100).fill(/-32600/) },
  ],
  ['a ping byte by byte', byByte(ping('abc')), { pongs: ['abc'] }],
  ['a close byte by byte', byByte(close(1000, 'bye')), { close: 1000 }],
  ['half a frame, then nothing', text('{}').subarray(0, 3), { waits: [] }],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), PROTOCOL_ERROR],
  ['bytes of 0xff', Buffer.alloc(32, 0xff), PROTOCOL_ERROR],
  ['bytes of zeros', Buffer.alloc(32), PROTOCOL_ERROR],
])

function pieces(bytes: Buffer, size: number): readonly Buffer[] {
  const all: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) all.push(bytes.subarray(at, at + size))
  return all
}

/** On the binary subprotocol: an H_SVM_INIT_DONE for VM 1 with id 5, as schemas/binary.md lays it out. */
const DONE = hex(`01 00 0100 05000000 00000000 0cef0000 ${'00'.repeat(40)}`)
const WITHOUT_SESSION = Buffer.from('03000000050000000000000000000000', 'hex')

const FRAMES = table('bin', [
  ['a text', text('{}'), WRONG_KIND],
  ['an empty text', text(''), WRONG_KIND],
  [
    'an empty binary message',
    binary(Buffer.alloc(0)),
    { says: [/^03000000000000000000000000000000/] },
  ],
  [
    'a call before SESSION_OPEN',
    binary(DONE),
    { says: [new RegExp(`^${WITHOUT_SESSION.toString('hex')}`)] },
  ],
  [
    'a call in two fragments',
    [frame(2, DONE.subarray(0, 9), { fin: false }), frame(0, DONE.subarray(9))],
    { says: [/^0300000005/] },
  ],
  ['two calls in one message', binary(Buffer.concat([DONE, DONE])), { says: [/^0300000005/] }],
  ['a call of 55 bytes', binary(DONE.subarray(0, 55)), { close: 4005 }],
  ['a header of 15 bytes', binary(DONE.subarray(0, 15)), { close: 4005 }],
  ['an unknown kind', binary(Buffer.concat([Buffer.from([4]), DONE.subarray(1)])), { close: 4005 }],
  ['a call and a byte too much', binary(Buffer.concat([DONE, Buffer.from([1])])), { close: 4005 }],
  [
    'a text that is not UTF-8',
    binary(
      Buffer.concat([
        hex('03000000 00000000 00000000 00000000 00000000 0100 0000'),
        Buffer.from([0xff]),
        Buffer.alloc(7),
      ]),
    ),
    { close: 1007 },
  ],
])

export const FRAMING_VECTORS = [
  ...OPCODES,
  ...RESERVED,
  ...MASKS,
  ...LENGTHS,
  ...CHOPPED,
  ...FRAMES,
]
