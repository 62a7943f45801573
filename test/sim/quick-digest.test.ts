import t from 'tap'
import { quickDigest } from './quick-digest.ts'

const hexOf = (...parts: readonly Uint8Array[]): string =>
  Buffer.from(quickDigest(parts)).toString('hex')

t.test('a ledger in a simulation is sealed with what any change of it changes', async (t) => {
  const bytes = Uint8Array.from({ length: 203 }, (_, i) => (i * 31) % 251)
  const seen = new Set<string>([hexOf(bytes)])
  t.equal(hexOf(bytes).length, 32, 'a seal has 16 bytes')
  t.equal(hexOf(bytes.slice()), hexOf(bytes), 'the same bytes have the same one')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const other = bytes.slice()
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
    seen.add(hexOf(other))
  }
  t.equal(seen.size, 1 + 203 * 8, 'no change of a bit is that of another one, or none')
  for (let length = 0; length < bytes.length; length++) seen.add(hexOf(bytes.subarray(0, length)))
  t.equal(seen.size, 1 + 203 * 9, 'nor is a torn end')
  const zeros = Array.from({ length: 64 }, (_, n) => hexOf(new Uint8Array(n)))
  t.equal(new Set(zeros).size, 64, 'nor are more zeros')
})
