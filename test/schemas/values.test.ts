import t from 'tap'
import { bytesOf, PageValue, pageText } from '../../schemas/page.ts'
import {
  CallId,
  GpaValue,
  hex,
  LpidValue,
  RegisterValue,
  SlotIdValue,
  WordValue,
} from '../../schemas/values.ts'

t.test('a 64-bit value is read from hex or from an integer', async (t) => {
  const cases: [string | number, number, bigint][] = [
    ['0x0', 0, 0n],
    ['0xF', 15, 15n],
    ['0x00000000000000ff', 255, 255n],
    [65_536, 65_536, 65_536n],
    ['0x1fffffffffffff', 9_007_199_254_740_991, 9_007_199_254_740_991n],
    [9_007_199_254_740_991, 9_007_199_254_740_991, 9_007_199_254_740_991n],
    ['0x20000000000001', 2 ** 53, 9_007_199_254_740_993n],
    ['0x8000000000000000', 2 ** 63, 9_223_372_036_854_775_808n],
    ['0xffffffffffffffff', 2 ** 64 - 2_048, 18_446_744_073_709_551_615n],
  ]
  for (const [sent, number, word] of cases) {
    t.equal(GpaValue.parse(sent), number, `${sent} as an address`)
    t.equal(RegisterValue.parse(sent), number, `${sent} as a register`)
    t.equal(WordValue.parse(sent), word, `${sent} as a word`)
  }
})

t.test('what is no 64-bit value is refused', async (t) => {
  for (const sent of ['', '0x', 'ff', '0x1_0', '0x00000000000000000', -1, 0.5, 2 ** 53, Infinity])
    for (const schema of [GpaValue, RegisterValue, WordValue])
      t.notOk(schema.safeParse(sent).success, String(sent))
})

t.test('a 64-bit value is sent as hex', async (t) => {
  const cases: [number | bigint, string][] = [
    [0, '0x0'],
    [-0, '0x0'],
    [16, '0x10'],
    [2_147_483_647, '0x7fffffff'],
    [2_147_483_648, '0x80000000'],
    [4_294_967_295, '0xffffffff'],
    [107_374_182_400, '0x1900000000'],
    [268_435_456 * 17, '0x110000000'],
    [9_007_199_254_740_991, '0x1fffffffffffff'],
    [2 ** 58, '0x400000000000000'],
    [2 ** 58 - 32, '0x3ffffffffffffe0'],
    [2 ** 64 - 2_048, '0xfffffffffffff800'],
    [18_446_744_073_709_551_615n, '0xffffffffffffffff'],
  ]
  for (const [value, text] of cases) t.equal(hex(value), text)
  t.equal(GpaValue.encode(GpaValue.parse(65_536)), '0x10000')
  t.equal(WordValue.encode(WordValue.parse('0x0A')), '0xa')
})

t.test('ids stop where they should', async (t) => {
  const cases = [
    { schema: LpidValue, good: [1, 4_095], bad: [0, 4_096, -1, 1.5, '1'] },
    { schema: SlotIdValue, good: [0, 65_535], bad: [-1, 65_536, '0x0'] },
    { schema: CallId, good: [1, 4_294_967_295], bad: [0, 4_294_967_296, '1'] },
  ]
  for (const { schema, good, bad } of cases) {
    for (const id of good) t.equal(schema.safeParse(id).data, id)
    for (const id of bad) t.notOk(schema.safeParse(id).success, String(id))
  }
})

t.test('base64 is read when it is canonical, and not otherwise', async (t) => {
  t.same(bytesOf(''), Buffer.alloc(0))
  t.same(bytesOf('Zg=='), Buffer.from('f'))
  t.same(bytesOf('Zm8='), Buffer.from('fo'))
  t.same(bytesOf('Zm9v'), Buffer.from('foo'))
  t.same(bytesOf('+/+/'), Buffer.from([0xfb, 0xff, 0xbf]))
  for (const text of [
    'Z',
    'Zg',
    'Zg=',
    'Zh==',
    'Zm9=',
    'Zm9v====',
    'Zm9v=',
    'Z===',
    '====',
    'Zg==Zg==',
    'Zm 9',
    'Zm9v\n',
    'Zm9v    ',
    '-_-_',
    'Zm9*',
    '\u01410AA',
    '\u00c3AAA',
    '\ud83d\ude00AA',
  ])
    t.equal(bytesOf(text), undefined, JSON.stringify(text))
})

t.test('a page is zeros, a tag, or exactly 65,536 bytes', async (t) => {
  const bytes = new Uint8Array(65_536).fill(0xa5)
  const text = Buffer.from(bytes).toString('base64')
  t.equal(text.length, 87_384)
  t.equal(PageValue.parse(null), null)
  t.equal(PageValue.parse(undefined), undefined)
  t.equal(PageValue.parse({ tag: '0x2a' }), 42n)
  t.same(PageValue.parse({ bytes: text }), Buffer.from(bytes))
  const bad = [
    {},
    { tag: '0x1', bytes: text },
    { tag: null },
    { bytes: '' },
    { bytes: Buffer.alloc(65_535).toString('base64') },
    { bytes: Buffer.alloc(65_537).toString('base64') },
    { bytes: `${text.slice(0, -3)}B==` },
    { bytes: ` ${text.slice(1)}` },
    { bytes: `\u0141${text.slice(1)}` },
    { bytes: [1, 2] },
    { bytes: text, more: 1 },
    JSON.parse('{"__proto__":{"tag":"0x1"}}'),
    'zeros',
    0,
    [],
  ]
  for (const page of bad)
    t.notOk(PageValue.safeParse(page).success, JSON.stringify(page).slice(0, 40))
  t.equal(pageText(null), 'null')
  t.equal(pageText(42n), '{"tag":"0x2a"}')
  t.equal(pageText(bytes), `{"bytes":"${text}"}`)
  t.equal(pageText(new Uint8Array(65_540).fill(0xa5).subarray(4)), `{"bytes":"${text}"}`)
})
