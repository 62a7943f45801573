/** Opening handshakes. Source: RFC 6455, section 4.2; RFC 9112. */
import { byByte, cutAt, ping, text, upgrade, type Wish } from './frames.ts'
import { type Expected, NOT_A_REQUEST, table } from './vector.ts'

const TAKEN: Expected = { upgraded: 'uvmem.v1.json' }
const FORBIDDEN: Expected = { status: 403, problem: 'forbidden' }
const NOT_FOUND: Expected = { status: 404, problem: 'not-found' }
const BAD: Expected = { status: 400, problem: 'bad-request' }
const UPGRADE_REQUIRED: Expected = { status: 426, problem: 'upgrade-required' }
const WRONG_VERSION: Expected = {
  status: 426,
  problem: 'upgrade-required',
  header: ['sec-websocket-version', '13'],
}
const asking = (wish: Wish) => upgrade(wish)
const set = (name: string, value: string | null) => upgrade({ set: { [name]: value } })

const TAKEN_ROWS = table('none', [
  ['a plain upgrade', asking({}), TAKEN],
  [
    'headers in small letters',
    Buffer.from(String(asking({})).replaceAll(/^[A-Z][\w-]+:/gm, (name) => name.toLowerCase())),
    TAKEN,
  ],
  ['Upgrade in capitals', set('Upgrade', 'WEBSOCKET'), TAKEN],
  ['Connection in small letters', set('Connection', 'upgrade'), TAKEN],
  ['Connection as a list', set('Connection', 'keep-alive, Upgrade'), TAKEN],
  ['a query is not looked at', asking({ line: 'GET /v1/uv?a=b HTTP/1.1' }), TAKEN],
  [
    'an offer of deflate is not taken',
    asking({ add: ['Sec-WebSocket-Extensions: permessage-deflate'] }),
    TAKEN,
  ],
  [
    'an extension that nobody knows',
    asking({ add: ['Sec-WebSocket-Extensions: foo; bar=1'] }),
    TAKEN,
  ],
  ['an Origin of the server itself', asking({ add: ['Origin: http://127.0.0.1'] }), TAKEN],
  ['a key of zeros', set('Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='), TAKEN],
  ['blanks around values', asking({ set: { Upgrade: '  websocket  ' } }), TAKEN],
  [
    'both subprotocols: the server takes its own',
    set('Sec-WebSocket-Protocol', 'uvmem.v1.json, uvmem.v1.bin'),
    { upgraded: 'uvmem.v1.bin' },
  ],
  [
    'a subprotocol of others before ours',
    set('Sec-WebSocket-Protocol', 'chat, uvmem.v1.json'),
    TAKEN,
  ],
  [
    'subprotocols in two headers',
    asking({
      set: { 'Sec-WebSocket-Protocol': 'chat' },
      add: ['Sec-WebSocket-Protocol: uvmem.v1.json'],
    }),
    TAKEN,
  ],
  ['a Content-Length of 0', asking({ add: ['Content-Length: 0'] }), TAKEN],
  ['a header of 8,000 characters', asking({ add: [`X-Long: ${'x'.repeat(8_000)}`] }), TAKEN],
  ['byte by byte', byByte(asking({})), TAKEN],
  ['cut between the lines', cutAt(asking({}), 21), TAKEN],
  ['cut before the last line feed', cutAt(asking({}), asking({}).length - 1), TAKEN],
  ['a line feed before the request', Buffer.concat([Buffer.from('\r\n'), asking({})]), TAKEN],
])

const PIPELINED = table('none', [
  ['a frame right behind the handshake', Buffer.concat([asking({}), text('{}')]), NOT_A_REQUEST],
  [
    'half a frame behind the handshake',
    cutAt(Buffer.concat([asking({}), text('{}')]), asking({}).length + 3),
    NOT_A_REQUEST,
  ],
  [
    'three frames behind the handshake',
    Buffer.concat([asking({}), ping('a'), ping('b'), ping('c')]),
    { pongs: ['a', 'b', 'c'] },
  ],
  [
    'a second request behind the handshake',
    Buffer.concat([asking({}), asking({})]),
    { close: 1002 },
  ],
  [
    'a frame behind a handshake that is refused',
    Buffer.concat([asking({ line: 'GET /v1/no HTTP/1.1' }), text('{}')]),
    NOT_FOUND,
  ],
])

const HEADERS = table('none', [
  ['no Upgrade', set('Upgrade', null), UPGRADE_REQUIRED],
  ['an empty Upgrade', set('Upgrade', ''), UPGRADE_REQUIRED],
  ['Upgrade to h2c', set('Upgrade', 'h2c'), UPGRADE_REQUIRED],
  ['Upgrade to two things', set('Upgrade', 'websocket, h2c'), UPGRADE_REQUIRED],
  ['no Connection', set('Connection', null), UPGRADE_REQUIRED],
  ['Connection: keep-alive', set('Connection', 'keep-alive'), UPGRADE_REQUIRED],
  ['Connection: close', set('Connection', 'close'), UPGRADE_REQUIRED],
  ['no key', set('Sec-WebSocket-Key', null), BAD],
  ['an empty key', set('Sec-WebSocket-Key', ''), BAD],
  ['a key of 15 bytes', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub24='), BAD],
  ['a key of 17 bytes', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZXg='), BAD],
  ['a key without padding', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ'), BAD],
  ['a key in another alphabet', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25j-_=='), BAD],
  ['a key with a blank', set('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25 ZQ=='), BAD],
  ['two keys', asking({ add: ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='] }), BAD],
  ['no version', set('Sec-WebSocket-Version', null), WRONG_VERSION],
  ['an empty version', set('Sec-WebSocket-Version', ''), WRONG_VERSION],
  ['version 0', set('Sec-WebSocket-Version', '0'), WRONG_VERSION],
  ['version 7', set('Sec-WebSocket-Version', '7'), WRONG_VERSION],
  ['version 8, a draft', set('Sec-WebSocket-Version', '8'), WRONG_VERSION],
  ['version 12', set('Sec-WebSocket-Version', '12'), WRONG_VERSION],
  ['version 14', set('Sec-WebSocket-Version', '14'), WRONG_VERSION],
  ['version 256', set('Sec-WebSocket-Version', '256'), WRONG_VERSION],
  ['version 0xD', set('Sec-WebSocket-Version', '0xD'), WRONG_VERSION],
  ['version 13.0', set('Sec-WebSocket-Version', '13.0'), WRONG_VERSION],
  ['version 013', set('Sec-WebSocket-Version', '013'), WRONG_VERSION],
  ['version -13', set('Sec-WebSocket-Version', '-13'), WRONG_VERSION],
  ['two versions in one header', set('Sec-WebSocket-Version', '13, 8'), WRONG_VERSION],
  ['two version headers', asking({ add: ['Sec-WebSocket-Version: 13'] }), WRONG_VERSION],
  ['a version in words', set('Sec-WebSocket-Version', 'thirteen'), WRONG_VERSION],
  ['no subprotocol', set('Sec-WebSocket-Protocol', null), UPGRADE_REQUIRED],
  ['an empty subprotocol', set('Sec-WebSocket-Protocol', ''), UPGRADE_REQUIRED],
  ['a subprotocol that nobody knows', set('Sec-WebSocket-Protocol', 'chat'), UPGRADE_REQUIRED],
  ['a subprotocol in capitals', set('Sec-WebSocket-Protocol', 'UVMEM.V1.JSON'), UPGRADE_REQUIRED],
  [
    'a version of the subprotocol to come',
    set('Sec-WebSocket-Protocol', 'uvmem.v2.json'),
    UPGRADE_REQUIRED,
  ],
  [
    'a subprotocol as a part of a name',
    set('Sec-WebSocket-Protocol', 'xuvmem.v1.json'),
    UPGRADE_REQUIRED,
  ],
  ['a list of commas', set('Sec-WebSocket-Protocol', ',,,'), UPGRADE_REQUIRED],
  ['a list with a hole', set('Sec-WebSocket-Protocol', 'uvmem.v1.json,,chat'), BAD],
  ['a list that ends in a comma', set('Sec-WebSocket-Protocol', 'uvmem.v1.json,'), BAD],
  ['a subprotocol twice', set('Sec-WebSocket-Protocol', 'uvmem.v1.json, uvmem.v1.json'), BAD],
  ['a subprotocol that is no token', set('Sec-WebSocket-Protocol', 'uvmem.v1.json, "x y"'), BAD],
  ['no Host', set('Host', null), BAD],
  ['two Hosts', asking({ add: ['Host: 127.0.0.1'] }), BAD],
  [
    'two Hosts, the first of others',
    asking({ set: { Host: 'evil.example' }, add: ['Host: 127.0.0.1'] }),
    BAD,
  ],
  [
    'a plain request with two Hosts',
    Buffer.from('GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n'),
    BAD,
  ],
  ['a Host of others', set('Host', 'evil.example'), FORBIDDEN],
  ['an empty Host', set('Host', ''), FORBIDDEN],
  ['a Host that only begins like ours', set('Host', '127.0.0.1.evil.example'), FORBIDDEN],
  ['an Origin of others', asking({ add: ['Origin: https://evil.example'] }), FORBIDDEN],
  ['an Origin of null', asking({ add: ['Origin: null'] }), FORBIDDEN],
])

const LINES = table('none', [
  ['another path', asking({ line: 'GET /v1/vms HTTP/1.1' }), NOT_FOUND],
  ['the path in capitals', asking({ line: 'GET /V1/UV HTTP/1.1' }), NOT_FOUND],
  ['a slash too many at the end', asking({ line: 'GET /v1/uv/ HTTP/1.1' }), NOT_FOUND],
  ['a slash too many inside', asking({ line: 'GET /v1//uv HTTP/1.1' }), NOT_FOUND],
  ['dots in the path', asking({ line: 'GET /v1/x/../uv HTTP/1.1' }), NOT_FOUND],
  ['the path in per cent', asking({ line: 'GET /v1/%75v HTTP/1.1' }), NOT_FOUND],
  ['a broken per cent', asking({ line: 'GET /v1/%zz HTTP/1.1' }), NOT_FOUND],
  ['a whole URL', asking({ line: 'GET http://127.0.0.1/v1/uv HTTP/1.1' }), NOT_FOUND],
  ['an asterisk', asking({ line: 'OPTIONS * HTTP/1.1' }), NOT_FOUND],
  [
    'a path of 4,000 characters',
    asking({ line: `GET /v1/uv${'x'.repeat(4_000)} HTTP/1.1` }),
    NOT_FOUND,
  ],
  ['POST', asking({ line: 'POST /v1/uv HTTP/1.1' }), UPGRADE_REQUIRED],
  ['PUT', asking({ line: 'PUT /v1/uv HTTP/1.1' }), UPGRADE_REQUIRED],
  ['HEAD', asking({ line: 'HEAD /v1/uv HTTP/1.1' }), { status: 426 }],
  ['HTTP/1.0', asking({ line: 'GET /v1/uv HTTP/1.0' }), BAD],
  ['HTTP/0.9', asking({ line: 'GET /v1/uv HTTP/0.9' }), BAD],
  ['HTTP/2.0', asking({ line: 'GET /v1/uv HTTP/2.0' }), BAD],
  ['HTTP/1.7', asking({ line: 'GET /v1/uv HTTP/1.7' }), BAD],
  ['no version of HTTP', asking({ line: 'GET /v1/uv' }), BAD],
  ['a method that nobody knows', asking({ line: 'SING /v1/uv HTTP/1.1' }), BAD],
  ['no path', asking({ line: 'GET  HTTP/1.1' }), BAD],
  ['a blank in the path', asking({ line: 'GET /v1 /uv HTTP/1.1' }), BAD],
  ['the preface of HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), BAD],
  ['a TLS hello', Buffer.from('16030100050100000000', 'hex'), BAD],
  ['bytes of nothing', Buffer.alloc(64), BAD],
  ['a header without a colon', asking({ add: ['nonsense'] }), BAD],
  ['a header with a blank before its colon', asking({ add: ['X-Blank : 1'] }), BAD],
  ['a header that is folded', asking({ add: ['X-Folded: 1', ' 2'] }), BAD],
  ['a zero in a header', asking({ add: ['X-Zero: a\0b'] }), BAD],
  ['line feeds alone', asking({ end: '\n' }), BAD],
  [
    'a header of 20,000 characters',
    asking({ add: [`X-Long: ${'x'.repeat(20_000)}`] }),
    { status: 431, problem: 'header-too-large' },
  ],
  [
    'a path of 20,000 characters',
    asking({ line: `GET /${'x'.repeat(20_000)} HTTP/1.1` }),
    { status: 431, problem: 'header-too-large' },
  ],
  [
    '2,000 headers',
    asking({ add: Array.from({ length: 2_000 }, (_, n) => `X-${n}: 12345678`) }),
    { status: 431, problem: 'header-too-large' },
  ],
  [
    'lengths that contradict each other',
    asking({ add: ['Content-Length: 5', 'Transfer-Encoding: chunked'] }),
    BAD,
  ],
  ['a negative length', asking({ add: ['Content-Length: -1'] }), BAD],
])

export const HANDSHAKE_VECTORS = [...TAKEN_ROWS, ...PIPELINED, ...HEADERS, ...LINES]
