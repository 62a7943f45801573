import fc from 'fast-check'
import t from 'tap'
import { FDT_LIMITS } from '../../src/formats/fdt.ts'
import { headerOf, readFdt } from '../../src/formats/fdt-read.ts'
import { SAMPLE } from './fdt-sample.ts'
import { seedFor } from './seed.ts'

const isSentence = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('device tree: ')

const isAnswer = (value: unknown): boolean => typeof value === 'object' || isSentence(value)

t.test('random bytes are never a tree, and never an exception', async (t) => {
  const seed = seedFor(t)
  let sentences = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      if (!isSentence(readFdt(bytes)) || !isSentence(headerOf(bytes))) return false
      sentences++
      return true
    }),
    { seed, numRuns: 2000 },
  )
  t.equal(sentences, 2000)
})

t.test(
  'a tree with some bytes changed or cut off is read or refused, never an exception',
  async (t) => {
    const seed = seedFor(t)
    const offset = fc.integer({ min: 4, max: SAMPLE.length - 1 })
    const byte = fc.oneof(
      fc.constantFrom(0, 1, 2, 3, 4, 9, 0x7f, 0xff),
      fc.integer({ max: 255, min: 0 }),
    )
    const changes = fc.array(fc.tuple(offset, byte), { minLength: 1, maxLength: 8 })
    const length = fc.oneof(fc.constant(SAMPLE.length), fc.integer({ min: 0, max: SAMPLE.length }))
    let [read, refused] = [0, 0]
    fc.assert(
      fc.property(changes, length, (list, kept) => {
        const bytes = SAMPLE.slice(0, kept)
        for (const [at, value] of list) if (at < kept) bytes[at] = value
        const answer = readFdt(bytes)
        if (typeof answer === 'string') refused++
        else read++
        return isAnswer(answer)
      }),
      { seed, numRuns: 20_000 },
    )
    t.comment(`${read} read, ${refused} refused`)
    t.equal(read + refused, 20_000)
    t.ok(read > 0 && refused > 0, 'both happened')
  },
)

/** The largest tree that is read, full of one structure word after another. */
function fullTree(words: readonly number[], stringsBytes: number): Uint8Array {
  const bytes = new Uint8Array(FDT_LIMITS.treeBytesMax)
  const view = new DataView(bytes.buffer)
  const end = bytes.length - stringsBytes
  const header = [0xd00d_feed, bytes.length, 0x40, end, 0x28, 17, 16, 0, stringsBytes, end - 0x40]
  for (const [index, word] of header.entries()) view.setUint32(index * 4, word)
  bytes.fill(0x61, end)
  view.setUint32(0x40, 1)
  for (let at = 0x48, n = 0; at + 4 <= end; at += 4, n++) {
    view.setUint32(at, words[n % words.length] ?? 0)
  }
  return bytes
}

t.test('the largest trees cost no more than their size', async (t) => {
  const cases: [why: string, words: number[], stringsBytes: number][] = [
    ['nothing but NOPs', [4], 0],
    ['174,000 nodes under the root', [1, 0x6100_0000, 2], 0],
    ['131,000 properties, all with one long name', [3, 4, 1024 * 1024 - 255, 0], 1024 * 1024],
    ['nodes one in another', [1, 0], 0],
  ]
  for (const [why, words, stringsBytes] of cases) {
    const bytes = fullTree(words, stringsBytes)
    const start = performance.now()
    const answer = readFdt(bytes)
    const took = performance.now() - start
    t.ok(isSentence(answer), typeof answer === 'string' ? `${why}: ${answer}` : why)
    t.ok(took < 2000, `${why}: ${took.toFixed(0)} ms`)
  }
})
