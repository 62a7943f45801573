/** Fragmentation and control frames. Source: RFC 6455, sections 5.4 and 5.5. */
import { binary, byByte, close, frame, more, Op, part, ping, pong, text } from './frames.ts'
import {
  type Expected,
  NOT_A_REQUEST,
  NOT_JSON,
  PROTOCOL_ERROR,
  STAYS,
  TOO_BIG,
  table,
} from './vector.ts'

const first = (payload: string): Buffer => part(Op.Text, payload)
const middle = (payload: string): Buffer => part(Op.Continuation, payload)
const pongs = (...payloads: string[]): Expected => ({ pongs: payloads })
const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
const BIG = 'x'.repeat(1_100_000)
/** As many empty fragments, and the message between the first and the last. */
const fragments = (count: number): readonly Buffer[] => [
  Buffer.concat([first('{'), ...Array<Buffer>(count - 2).fill(middle('')), more('}')]),
]

const FRAGMENTS = table('json', [
  ['two fragments', [first('{'), more('}')], NOT_A_REQUEST],
  ['three fragments', [first('{'), middle(' '), more('}')], NOT_A_REQUEST],
  ['an empty first fragment', [first(''), more('{}')], NOT_A_REQUEST],
  ['an empty last fragment', [first('{}'), more('')], NOT_A_REQUEST],
  ['an empty fragment between', [first('{'), middle(''), more('}')], NOT_A_REQUEST],
  ['nothing but empty fragments', [first(''), middle(''), more('')], NOT_JSON],
  [
    'fragments of one byte',
    [...Buffer.from('{"a":1')]
      .map((byte, at) => part(at === 0 ? 1 : 0, Buffer.from([byte])))
      .concat(more('}')),
    NOT_A_REQUEST,
  ],
  ['fragments in one piece', Buffer.concat([first('{'), middle(' '), more('}')]), NOT_A_REQUEST],
  ['fragments chopped', byByte(Buffer.concat([first('{'), middle(' '), more('}')])), NOT_A_REQUEST],
  [
    'two fragmented messages',
    [first('{'), more('}'), first('['), more(']')],
    { says: [/-32600/, /-32600/] },
  ],
  ['1,000 fragments', fragments(1_000), NOT_A_REQUEST],
  ['1,024 fragments: the limit', fragments(1_024), NOT_A_REQUEST],
  ['1,025 fragments: one past it', fragments(1_025), { close: 1008 }],
  [
    'a message that grows past the limit',
    [first(BIG), middle(BIG), middle(BIG), middle(BIG)],
    TOO_BIG,
  ],
  ['a last fragment with nothing before it', more('}'), PROTOCOL_ERROR],
  ['a middle fragment with nothing before it', middle('}'), PROTOCOL_ERROR],
  ['a last fragment too many', [first('{'), more('}'), more('}')], { close: 1002 }],
  ['a last fragment after a whole message', [text('{}'), more('}')], { close: 1002 }],
  ['a text inside a fragmented text', [first('{'), text('{}')], PROTOCOL_ERROR],
  ['a first fragment inside a fragmented text', [first('{'), first('{')], PROTOCOL_ERROR],
  [
    'a binary frame inside a fragmented text',
    [first('{'), binary(Buffer.from('x'))],
    PROTOCOL_ERROR,
  ],
  [
    'a binary fragment inside a fragmented text',
    [first('{'), part(Op.Binary, 'x')],
    PROTOCOL_ERROR,
  ],
  ['a reserved bit in a last fragment', [first('{'), more('}', { rsv: 4 })], PROTOCOL_ERROR],
  [
    'a reserved bit in a first fragment',
    frame(Op.Text, '{', { fin: false, rsv: 4 }),
    PROTOCOL_ERROR,
  ],
  ['a last fragment without a mask', [first('{'), more('}', { mask: null })], PROTOCOL_ERROR],
  ['a binary message in fragments', [part(Op.Binary, 'x'), more('y')], { close: 1003 }],
  ['a first fragment, then a close', [first('{'), close(1000)], { close: 1000 }],
])

const INTERLEAVED = table('json', [
  ['a ping between fragments', [first('{'), ping('p'), more('}')], { says: [/-32600/] }],
  ['a pong between fragments', [first('{'), pong('p'), more('}')], NOT_A_REQUEST],
  ['a ping between fragments is answered at once', [first('{'), ping('p')], { waits: ['p'] }],
  [
    'ten pings between fragments',
    [first('{'), ...Array<Buffer>(10).fill(ping('')), more('}')],
    NOT_A_REQUEST,
  ],
  [
    'a ping in the middle of every byte',
    [first('{'), ping(''), middle(' '), ping(''), middle(' '), ping(''), more('}')],
    NOT_A_REQUEST,
  ],
  ['a close between fragments', [first('{'), close(1001), more('}')], { close: 1001 }],
  [
    'a reserved control frame between fragments',
    [first('{'), frame(11), more('}')],
    PROTOCOL_ERROR,
  ],
  ['a big ping between fragments', [first('{'), ping('x'.repeat(126)), more('}')], PROTOCOL_ERROR],
])

const CONTROL = table('json', [
  ['an empty ping', ping(''), pongs('')],
  ['a ping of 1 byte', ping('x'), pongs('x')],
  ['a ping of 124 bytes', ping('x'.repeat(124)), pongs('x'.repeat(124))],
  ['a ping of 125 bytes', ping('x'.repeat(125)), pongs('x'.repeat(125))],
  ['a ping of 126 bytes', ping('x'.repeat(126)), PROTOCOL_ERROR],
  ['a ping of 127 bytes', ping('x'.repeat(127)), PROTOCOL_ERROR],
  ['a ping of 65,536 bytes', ping('x'.repeat(65_536)), PROTOCOL_ERROR],
  ['a ping that claims 2^63 bytes', ping('', { claims: 2n ** 63n }), PROTOCOL_ERROR],
  ['a ping with a length in 16 bits', ping('x', { bits: 16 }), PROTOCOL_ERROR],
  ['a ping with a length in 64 bits', ping('x', { bits: 64 }), PROTOCOL_ERROR],
  ['a ping of a fragment', frame(Op.Ping, 'x', { fin: false }), PROTOCOL_ERROR],
  ['an empty ping of a fragment', frame(Op.Ping, '', { fin: false }), PROTOCOL_ERROR],
  ['a ping in two fragments', [frame(Op.Ping, 'x', { fin: false }), more('y')], PROTOCOL_ERROR],
  ['ten pings', DIGITS.map((n) => ping(n)), pongs(...DIGITS)],
  ['a hundred pings in one piece', Buffer.concat(Array<Buffer>(100).fill(ping(''))), pongs('')],
  ['an empty pong that nobody asked for', pong(''), STAYS],
  ['a pong of 125 bytes', pong('x'.repeat(125)), STAYS],
  ['a pong of 126 bytes', pong('x'.repeat(126)), PROTOCOL_ERROR],
  ['a pong of a fragment', frame(Op.Pong, '', { fin: false }), PROTOCOL_ERROR],
  ['ten pongs', Array<Buffer>(10).fill(pong('x')), STAYS],
  ['a pong, then a ping', [pong('a'), ping('b')], pongs('b')],
  ['a close of a fragment', frame(Op.Close, '', { fin: false }), PROTOCOL_ERROR],
  [
    'a close of 126 bytes',
    frame(Op.Close, Buffer.concat([Buffer.from([3, 232]), Buffer.alloc(124, 120)])),
    PROTOCOL_ERROR,
  ],
  [
    'a close with a length in 16 bits',
    frame(Op.Close, Buffer.from([3, 232]), { bits: 16 }),
    PROTOCOL_ERROR,
  ],
])

export const FRAGMENT_VECTORS = [...FRAGMENTS, ...INTERLEAVED, ...CONTROL]
