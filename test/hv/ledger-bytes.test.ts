import t from 'tap'
import { ByteReader, ByteWriter } from '../../src/hv/ledger-bytes.ts'

t.test('values come back as they went, also where the buffer has to grow', async (t) => {
  // Each value is the one that makes the first buffer of 16,384 bytes too small.
  for (let before = 16_376; before <= 16_384; before++) {
    const out = new ByteWriter()
    out.bytes(new Uint8Array(before).fill(7))
    out.u8(0xfe)
    out.u32(0xfedc_ba98)
    out.u64(2 ** 53 - 1)
    out.f64(-55.5)
    out.word(0xfedc_ba98_7654_3210n)
    out.bytes(new Uint8Array(40_000).fill(9))
    out.setU32(0, 1)
    const reader = new ByteReader(out.copy())
    t.equal(reader.u32(), 1, `${before}`)
    t.ok(reader.bytes(before - 4).every((byte) => byte === 7))
    t.equal(reader.u8(), 0xfe)
    t.equal(reader.u32(), 0xfedc_ba98)
    t.equal(reader.u64(), 9_007_199_254_740_991)
    t.equal(reader.f64(), -55.5)
    t.equal(reader.word(), 0xfedc_ba98_7654_3210n)
    t.ok(reader.bytes().every((byte) => byte === 9))
    t.equal(reader.left, 0)
  }
})

t.test('a writer that was cleared begins again, and lets a large buffer go', async (t) => {
  const out = new ByteWriter()
  out.bytes(new Uint8Array(3_000_000))
  out.clear()
  t.equal(out.length, 0)
  out.u8(5)
  t.same([...out.copy()], [5])
})

t.test('reading past the end is an error', async (t) => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3))
  t.throws(() => reader.u32(), /4 bytes are asked for, 3 are left/)
  t.equal(reader.u8(), 1, 'nothing was taken')
})
