/** Base64 and JSON fields. */
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { fromBase64, toBase64 } from '../../src/lib/base64.ts'
import { JsonField } from '../../src/lib/json-field.ts'
import { seedFor } from '../formats/seed.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text))

t.test('the vectors of RFC 4648', async (t) => {
  for (const [plain, coded] of [
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ] as const) {
    t.equal(toBase64(bytes(plain)), coded)
    t.same(fromBase64(coded), bytes(plain))
  }
})

t.test('what is not base64 is refused', async (t) => {
  for (const text of [
    'A',
    'AA',
    'AAA',
    'A===',
    '====',
    'AA=A',
    'AAA*',
    'AAé=',
    'Zh==',
    'Zm9=',
    'AAAA\n',
  ]) {
    t.equal(fromBase64(text), undefined, JSON.stringify(text))
  }
})

t.test('it agrees with Node.js', async (t) => {
  const seed = seedFor(t)
  let compared = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000, size: 'max' }), (data) => {
      const coded = toBase64(data)
      if (coded !== Buffer.from(data).toString('base64')) throw new Error('encoded otherwise')
      const back = fromBase64(coded)
      if (back === undefined || Buffer.compare(back, data) !== 0)
        throw new Error('decoded otherwise')
      compared++
    }),
    { seed, numRuns: 50 },
  )
  t.equal(compared, 50)
})

t.test('fields say what is wrong with them, the first one only', async (t) => {
  const rows: readonly (readonly [unknown, (field: JsonField) => unknown, string])[] = [
    [{ a: 1.5 }, (f) => f.at('a').integer(0, 9), 'a must be a whole number from 0 to 9'],
    [{ a: 10 }, (f) => f.at('a').integer(0, 9), 'a must be a whole number from 0 to 9'],
    [{}, (f) => f.at('a').flag(), 'a must be true or false'],
    [{ a: [{}] }, (f) => f.at('a').items()[0]?.at('b').text(), 'a[0].b must be a string'],
    [{ a: [1] }, (f) => f.at('a').items(2), 'a must have 2 elements'],
    [{ a: 'x' }, (f) => f.at('a').oneOf(['y', 'z']), 'a must be one of y, z'],
    [{ a: 'G' }, (f) => f.at('a').hex64(), 'a must be 1 to 16 hexadecimal digits'],
    [[], (f) => f.at('a'), 'the document must be an object'],
    [{}, (f) => f.at('toString').text(), 'toString must be a string'],
    [{}, (f) => f.at('__proto__').at('x').flag(), '__proto__ must be an object'],
  ]
  for (const [value, read, want] of rows) {
    const field = new JsonField(value)
    read(field)
    t.equal(field.fault, want)
    field.at('zzz').text()
    t.equal(field.fault, want, 'the first fault stays')
  }
  const sound = new JsonField({ a: [1, 2], b: 'ff', c: 9 })
  t.same(
    [sound.at('a').numbers(2), sound.at('b').hex64(), sound.at('c').integer(9, 9)],
    [[1, 2], 255n, 9],
  )
  t.equal(sound.fault, undefined)
})
