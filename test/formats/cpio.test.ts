import fc from 'fast-check'
import t from 'tap'
import { entryAt, isCpio, readCpio, writeCpio } from '../../src/formats/cpio.ts'
import { ascii, patched } from './hex.ts'
import { seedFor } from './seed.ts'
import { valid } from './valid.ts'

const ZERO = '00000000'

/** An entry written by hand: 110 bytes of header, the name with NULs up to 4, data likewise. */
const entry = (nameSize: string, dataSize: string, name: string, data: string, mode = ZERO) =>
  `070701${ZERO}${mode}${ZERO.repeat(2)}${'00000001'}${ZERO}${dataSize}${ZERO.repeat(4)}` +
  `${nameSize}${ZERO}${name}${data}`

/** Three entries: at 0 a file of 5 bytes, at 120 an empty one, at 232 the trailer; 356 bytes. */
const ARCHIVE = ascii(
  entry('00000002', '00000005', 'a\0', 'hello\0\0\0') +
    entry('00000002', ZERO, 'b\0', '') +
    entry('0000000b', ZERO, 'TRAILER!!!\0', '\0\0\0'),
)
const bytesAfter = ascii('next thing')

t.test('an archive written by hand is read up to its trailer', async (t) => {
  t.equal(ARCHIVE.length, 120 + 112 + 124)
  const archive = valid(readCpio(ARCHIVE))
  t.same(archive.entries, [
    { name: 'a', data: ascii('hello'), end: 120 },
    { name: 'b', data: ascii(''), end: 232 },
  ])
  t.equal(archive.end, 356)
  t.equal(archive.paddedEnd, 512)
  const longer = new Uint8Array(600)
  longer.set(ARCHIVE)
  longer.set(bytesAfter, 512)
  t.same(readCpio(longer), archive, 'what comes behind does not count')
  t.same(valid(readCpio(patched(ARCHIVE, 5, '32'))).entries.length, 2, '070702 is read as well')
})

t.test('an archive that ends on 512 bytes is followed at once', async (t) => {
  // 512 - 124 of the trailer leaves 388: 112 of header and name, 276 of data.
  const data = 'x'.repeat(276)
  const archive = ascii(
    entry('00000002', '00000114', 'a\0', data) + entry('0000000b', ZERO, 'TRAILER!!!\0', '\0\0\0'),
  )
  const { end, paddedEnd } = valid(readCpio(archive))
  t.same([end, paddedEnd], [512, 512])
})

t.test('what is wrong is said with its place', async (t) => {
  const put = (offset: number, text: string) =>
    patched(ARCHIVE, offset, Buffer.from(text).toString('hex'))
  const cases: [bytes: Uint8Array, error: string][] = [
    [ascii(''), 'the archive ends at 0 without a trailer'],
    [ARCHIVE.subarray(0, 232), 'the archive ends at 232 without a trailer'],
    [ARCHIVE.subarray(0, 116), 'the entry at 0 with 5 bytes of data ends beyond 116'],
    [put(0, '070707'), 'magic at 0 is not 070701 or 070702'],
    [put(120, 'x'), 'magic at 120 is not 070701 or 070702'],
    [put(54, '0000000g'), 'the file size at 0 is not hexadecimal'],
    [put(54, '      05'), 'the file size at 0 is not hexadecimal'],
    [put(54, 'ffffffff'), 'the entry at 0 with 4294967295 bytes of data ends beyond 356'],
    [put(94, '-0000002'), 'the name size at 0 is not hexadecimal'],
    [put(94, '00000000'), 'the name at 0 has 0 bytes, expected 1 to 4096'],
    [put(94, '00001001'), 'the name at 0 has 4097 bytes, expected 1 to 4096'],
    [put(94, '00001000'), 'the entry at 0 with 5 bytes of data ends beyond 356'],
    [put(111, 'x'), 'the name at 0 does not end in NUL'],
  ]
  for (const [bytes, error] of cases) t.equal(readCpio(bytes), `cpio: ${error}`)
  t.equal(entryAt(ARCHIVE, 400), 'cpio: the archive ends at 356 without a trailer')
  t.notOk(isCpio(ascii('07070')))
})

t.test('files are written with a trailer, padded to 512', async (t) => {
  const archive = valid(writeCpio([{ name: 'a', data: ascii('hello') }]))
  t.equal(archive.length, 512)
  const header =
    '070701000000010000810000000000000000000000000100000000' +
    '0000000500000000000000000000000000000000' +
    '0000000200000000'
  t.same(archive.subarray(0, 110), ascii(header))
  t.same(archive.subarray(110, 120), ascii('a\0hello\0\0\0'))
  t.same(archive.subarray(120, 126), ascii('070701'))
  t.same(archive.subarray(230, 244), ascii('TRAILER!!!\0\0\0\0'))
  t.ok(
    archive.subarray(244).every((byte) => byte === 0),
    'nothing behind',
  )
  t.equal(valid(writeCpio([])).length, 512, 'an empty archive has its trailer')
})

t.test('what cannot name a file is refused', async (t) => {
  const named = (name: string) => writeCpio([{ name, data: ascii('') }])
  t.equal(named(''), "cpio: '' cannot name a file")
  t.equal(named('TRAILER!!!'), "cpio: 'TRAILER!!!' cannot name a file")
  t.equal(named('a\0'), "cpio: the name 'a\0' holds a character of no byte")
  t.ok(named('x'.repeat(4095)) instanceof Uint8Array)
  t.equal(named('x'.repeat(4096)), 'cpio: a name of 4096 bytes, expected less than 4096')
})

t.test('an archive has at most 65,536 entries', async (t) => {
  const files = new Array(65_536).fill({ name: 'x', data: ascii('') })
  const archive = valid(writeCpio(files))
  t.equal(valid(readCpio(archive)).entries.length, 65_536)
  t.equal(writeCpio([...files, files[0]]), 'cpio: 65537 files, expected at most 65536')
  const trailer = 65_536 * 112
  const more = new Uint8Array(archive.length + 512)
  more.set(archive.subarray(0, 112))
  more.set(archive.subarray(0, trailer), 112)
  more.set(archive.subarray(trailer), trailer + 112)
  t.equal(readCpio(more), 'cpio: more than 65536 entries')
})

const plain = (files: readonly { name: string; data: Uint8Array }[]): string =>
  JSON.stringify(files.map(({ name, data }) => [name, [...data]]))

t.test('any files come back, and damaged archives never end in an exception', async (t) => {
  const seed = seedFor(t)
  const name = fc.stringMatching(/^[a-z/.]{1,20}$/)
  const file = fc.record({ name, data: fc.uint8Array({ maxLength: 30 }) })
  const change = fc.tuple(fc.nat(10_000), fc.nat(255))
  let [kept, damaged] = [0, 0]
  fc.assert(
    fc.property(fc.array(file, { maxLength: 6 }), change, (files, [at, byte]) => {
      const archive = valid(writeCpio(files))
      const { entries, paddedEnd } = valid(readCpio(archive))
      const isSame = plain(entries) === plain(files)
      if (isSame && paddedEnd === archive.length) kept++
      archive[at % archive.length] = byte
      const answer = readCpio(archive)
      damaged += typeof answer === 'object' || answer.startsWith('cpio: ') ? 1 : 0
    }),
    { seed, numRuns: 1000 },
  )
  t.same([kept, damaged], [1000, 1000])
})
