/** Our own limits, each at the limit and one past it. Source: schemas/README.md, "Limits". */
import { binary, more, Op, part, text } from './frames.ts'
import { type Expected, NOT_A_REQUEST, STAYS, TOO_BIG, table, type Vector } from './vector.ts'

const json = (bytes: number): string => `"${'x'.repeat(bytes - 2)}"`
const batch = (items: number, item = '1'): string => `[${Array<string>(items).fill(item).join()}]`
const call = (id: number, method: string, params: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })
const open = (name: string): Buffer => text(call(1, 'SESSION_OPEN', { name }))
const OPENED: Expected = { says: [/"id":1,"result":\{"ret":0/] }
const BAD_PARAMS: Expected = { says: [/"id":1,"error":\{"code":-32602/] }
const LIMITS_OF = (name: string): Expected => ({ says: [new RegExp(`-32009.*"limit":"${name}"`)] })
const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
/** Frames of schemas/binary.md: an answer to a call that nobody has made. */
const STRAY = Buffer.concat([
  Buffer.from('0200000009000000000000000cef0000', 'hex'),
  Buffer.alloc(16),
])
const frames = (count: number): Buffer => binary(Buffer.concat(Array<Buffer>(count).fill(STRAY)))

/** On a server with limits that are easily reached: see vectors.test.ts. */
const SMALL = table('json', [
  ['a message of 2,000 bytes: the limit', text(json(2_000)), NOT_A_REQUEST],
  ['a message of 2,001 bytes: one past it', text(json(2_001)), TOO_BIG],
  [
    'fragments of 2,000 bytes together',
    [part(Op.Text, json(2_000).slice(0, 999)), more(json(2_000).slice(999))],
    NOT_A_REQUEST,
  ],
  [
    'fragments of 2,001 bytes together',
    [part(Op.Text, json(2_001).slice(0, 999)), more(json(2_001).slice(999))],
    TOO_BIG,
  ],
  ['2,000 bytes of two-byte characters', text(`"${'µ'.repeat(999)}"`), NOT_A_REQUEST],
])

/** On a server that waits for SESSION_OPEN for a moment only. */
const HASTY = table('json', [
  ['nothing at all until the handshake is late', [], { close: 4004 }],
  ['messages, but no SESSION_OPEN, until the handshake is late', text('{}'), { close: 4004 }],
])

const SESSION = table('session', [
  [
    'a slot of 4 pages: the limit',
    text(
      call(1, 'UV_REGISTER_MEM_SLOT', {
        lpid: 4_000,
        start_gpa: 0,
        size: 262_144,
        flags: 0,
        slotid: 0,
      }),
    ),
    { says: [/"id":1,"result":\{"ret":0/] },
  ],
  [
    'a slot of 5 pages: one past it',
    text(
      call(1, 'UV_REGISTER_MEM_SLOT', {
        lpid: 4_001,
        start_gpa: 0,
        size: 327_680,
        flags: 0,
        slotid: 0,
      }),
    ),
    LIMITS_OF('framesPerSlotMax'),
  ],
  ['a second SESSION_OPEN', open('again'), { says: [/-32012/] }],
  [
    'a token that names no session',
    text(call(1, 'SESSION_OPEN', { name: 'x', resume: 'nothing' })),
    { says: [/-320(02|12)/] },
  ],
  [
    'a call in a call that is not open',
    text(call(1, 'H_SVM_INIT_DONE', { lpid: 4_002, parent: 9 })),
    { says: [/-32008/] },
  ],
  ['an answer to no call', text('{"jsonrpc":"2.0","id":77,"result":{"ret":0}}'), STAYS],
  [
    'an error for no call',
    text('{"jsonrpc":"2.0","id":77,"error":{"code":1,"message":"x"}}'),
    STAYS,
  ],
])

const ITEMS = table('json', [
  [
    'a batch of 4,096 items: the limit',
    text(batch(4_096)),
    { says: Array<RegExp>(4_096).fill(/-32600/) },
  ],
  ['a batch of 4,097 items: one past it', text(batch(4_097)), TOO_BIG],
  ['an empty batch', text('[]'), NOT_A_REQUEST],
  ['a batch of one', text('[1]'), NOT_A_REQUEST],
  ['a batch in a batch', text('[[1]]'), NOT_A_REQUEST],
  [
    'a call before SESSION_OPEN',
    text(call(1, 'H_SVM_INIT_DONE', { lpid: 1 })),
    { says: [/-32002/] },
  ],
  ['a name of 64 characters: the limit', open('x'.repeat(64)), OPENED],
  ['a name of 65 characters: one past it', open('x'.repeat(65)), BAD_PARAMS],
  ['a name of no characters', open(''), BAD_PARAMS],
  [
    'a token of 128 characters: the limit',
    text(call(1, 'SESSION_OPEN', { name: 'x', resume: 'x'.repeat(128) })),
    { says: [/-32002/] },
  ],
  [
    'a token of 129 characters: one past it',
    text(call(1, 'SESSION_OPEN', { name: 'x', resume: 'x'.repeat(129) })),
    BAD_PARAMS,
  ],
  ['lists in lists, 100,000 deep', text(deep(100_000)), NOT_A_REQUEST],
  [
    'objects in objects, 100,000 deep',
    text(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    NOT_A_REQUEST,
  ],
  [
    'params 100,000 deep',
    text(`{"jsonrpc":"2.0","id":1,"method":"HDSI","params":{"lpid":${deep(100_000)},"gpa":0}}`),
    BAD_PARAMS,
  ],
  ['2,000,000 opening brackets', text('['.repeat(2_000_000)), { says: [/-32700/] }],
  [
    '200,000 members',
    text(`{${Array.from({ length: 200_000 }, (_, n) => `"k${n}":1`).join()}}`),
    NOT_A_REQUEST,
  ],
  ['a number of 1,000,000 digits', text('1'.repeat(1_000_000)), NOT_A_REQUEST],
  ['the number 1e400', text('1e400'), NOT_A_REQUEST],
  [
    'a member twice',
    text('{"jsonrpc":"2.0","id":1,"id":2,"method":"HDSI","params":{}}'),
    { says: [/"id":2,"error":\{"code":-32602/] },
  ],
  ['a prototype', text('{"__proto__":{"jsonrpc":"2.0","id":1,"method":"HDSI"}}'), NOT_A_REQUEST],
])

const FRAMES = table('bin', [
  ['4,096 frames: the limit', frames(4_096), STAYS],
  ['4,097 frames: one past it', frames(4_097), TOO_BIG],
  ['one frame', frames(1), STAYS],
])

const on = (server: 'small' | 'hasty', vectors: readonly Vector[]): readonly Vector[] =>
  vectors.map((vector) => ({ ...vector, server }))

export const LIMIT_VECTORS = [
  ...on('small', SMALL),
  ...on('small', SESSION),
  ...on('hasty', HASTY),
  ...ITEMS,
  ...FRAMES,
]
