import t from 'tap'
import { isLatinName, latinBytesOf, latinOf, roundUp, utf8Of } from '../../src/formats/text.ts'
import { bytesOf } from './hex.ts'

t.test('UTF-8 is that of the platform, at every length and for lone surrogates', async (t) => {
  const cases: [text: string, hex: string][] = [
    ['', ''],
    ['\0\x7f', '007f'],
    ['\x80\u07ff', 'c280 dfbf'],
    ['\u0800\uffff', 'e0a080 efbfbf'],
    ['\u{10000}\u{10ffff}', 'f0908080 f48fbfbf'],
    ['a\ud800b', '61 efbfbd 62'],
    ['\udfff', 'efbfbd'],
  ]
  for (const [text, hex] of cases) t.same(utf8Of(text), bytesOf(hex), JSON.stringify(text))
})

t.test('one character for one byte, and back', async (t) => {
  t.equal(latinOf(bytesOf('61 00 ff')), 'a\0\u00ff')
  t.same(latinBytesOf('a\0\u00ff'), bytesOf('61 00 ff'))
  t.ok(isLatinName('a\u00ff'))
  t.notOk(isLatinName('a\0'))
  t.notOk(isLatinName('\u0100'))
})

t.test('rounding up', async (t) => {
  t.equal(roundUp(0, 4), 0)
  t.equal(roundUp(1, 4), 4)
  t.equal(roundUp(4, 4), 4)
  t.equal(roundUp(2 ** 40 + 1, 65_536), 2 ** 40 + 65_536, 'beyond 32 bits')
})
