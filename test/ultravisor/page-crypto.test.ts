/** What the HV holds tells it nothing, and nothing else than what it got comes back in. */
import t from 'tap'
import { asGfn, asGpa, asLpid, asSlotId, type Page } from '../../src/abi/page.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import type { PageCipher } from '../../src/ultravisor/page-crypto.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { createSvm } from '../../src/ultravisor/ultravisor.ts'
import { filled, isSamePage, LPID, pageIn, pageOut, register, settle } from './uv-for-test.ts'

const GFN = asGfn(64)
const OTHER = asGfn(65)
const U_P3 = -56

function bytesOf(page: Page | undefined): Uint8Array {
  if (page instanceof Uint8Array) return page
  throw new Error('a page of bytes was expected')
}

/** Node's cipher, and the IVs that it was given. */
function watched(): { cipher: PageCipher; ivs: string[] } {
  const ivs: string[] = []
  const seal: PageCipher['seal'] = (key, iv, aad, plain) => {
    ivs.push(Buffer.from(iv).toString('hex'))
    return nodeCipher.seal(key, iv, aad, plain)
  }
  return { cipher: { ...nodeCipher, seal }, ivs }
}

t.test('AES-256-GCM: test case 16 of its specification', async (t) => {
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
  const key = hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308')
  const iv = hex('cafebabefacedbaddecaf888')
  const aad = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2')
  const plain = hex(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  )
  const cipher = hex(
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
  )
  const tag = hex('76fc6ece0f4e1768cddf8853bb2d551b')
  t.same(nodeCipher.seal(key, iv, aad, plain), { cipher, tag })
  t.same(nodeCipher.open(key, iv, aad, cipher, tag), plain)
  t.equal(nodeCipher.open(key, iv, aad, cipher, hex('77fc6ece0f4e1768cddf8853bb2d551b')), undefined)
})

t.test('a page comes back bit for bit, and leaves nothing to read', async (t) => {
  const { uv, svm } = settle()
  const content = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 7) & 0xff)
  svm.contents.set(GFN, content)
  const cipher = bytesOf(pageOut(uv, GFN).page)
  t.equal(cipher.length, 65_536)
  t.notOk(isSamePage(cipher, content))
  const same = cipher.filter((byte, i) => byte === content[i]).length
  t.ok(same < 65_536 / 64, 'no more bytes are equal than chance makes so')
  t.equal(svm.contents.get(GFN), null, 'the ultravisor keeps no copy')
  t.equal(pageIn(uv, GFN, cipher).ret, 0)
  t.ok(isSamePage(svm.contents.get(GFN), content))
})

t.test('equal pages look different, also the same page twice', async (t) => {
  const { uv, svm } = settle()
  for (const gfn of [GFN, OTHER]) svm.contents.set(gfn, filled(1))
  const first = bytesOf(pageOut(uv, GFN).page)
  t.notOk(isSamePage(first, bytesOf(pageOut(uv, OTHER).page)))
  pageIn(uv, GFN, first)
  t.notOk(isSamePage(first, bytesOf(pageOut(uv, GFN).page)))
})

t.test('whatever else the HV gives is refused, and the right page still accepted', async (t) => {
  const { uv, svm } = settle()
  svm.contents.set(GFN, filled(1))
  svm.contents.set(OTHER, filled(2))
  const old = bytesOf(pageOut(uv, GFN).page)
  pageIn(uv, GFN, old)
  const mine = bytesOf(pageOut(uv, GFN).page)
  const others = bytesOf(pageOut(uv, OTHER).page)
  const changed = (at: number): Uint8Array => {
    const copy = mine.slice()
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  const cases: [string, Page][] = [
    ['first byte changed', changed(0)],
    ['last byte changed', changed(65_535)],
    ["another frame's page", others],
    ['the page of an earlier page-out', old],
    ['clear text', filled(1)],
    ['zeros', null],
    ['a tag', 5n],
    ['one byte less', mine.subarray(1)],
  ]
  for (const [why, page] of cases) {
    t.equal(pageIn(uv, GFN, page).ret, U_P3, why)
    t.equal(svm.contents.get(GFN), null, `${why}: nothing came in`)
  }
  t.equal(pageIn(uv, OTHER, mine).ret, U_P3, 'nor is it accepted elsewhere')
  t.equal(pageIn(uv, GFN, mine).ret, 0)
  t.ok(isSamePage(svm.contents.get(GFN), filled(1)))
})

t.test('a page of one SVM is nothing to another', async (t) => {
  const { uv, svm } = settle()
  svm.contents.set(GFN, filled(1))
  const page = bytesOf(pageOut(uv, GFN).page)
  const other = createSvm(uv, asLpid(8))
  if (other === undefined) throw new Error('LPID 8 is free')
  const args = { lpid: 8 }
  serve(uv, {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: asLpid(8),
    startGpa: asGpa(0),
    size: 72 * 65_536,
    flags: 0,
    slotId: asSlotId(0),
  })
  other.state = SvmState.Secure
  other.contents.set(GFN, filled(1))
  const theirs = bytesOf(pageOut(uv, GFN, args).page)
  t.notOk(isSamePage(svm.key?.key, other.key?.key ?? filled(0)), 'each has a key of its own')
  t.equal(pageIn(uv, GFN, page, args).ret, U_P3)
  other.key = svm.key
  t.equal(pageIn(uv, GFN, page, args).ret, U_P3, 'not even with the same key')
  t.equal(pageIn(uv, GFN, theirs).ret, U_P3)
  t.equal(pageIn(uv, GFN, page).ret, 0)
})

t.test('a new life of an LPID does not take pages of the old one', async (t) => {
  const { uv, svm } = settle()
  svm.contents.set(GFN, filled(1))
  const page = bytesOf(pageOut(uv, GFN).page)
  serve(uv, { call: 'UV_SVM_TERMINATE', lpid: LPID })
  const again = createSvm(uv, LPID)
  if (again === undefined) throw new Error('the LPID is free')
  register(uv, 1, 64, 8)
  again.state = SvmState.Secure
  pageOut(uv, GFN)
  t.equal(pageIn(uv, GFN, page).ret, U_P3)
})

t.test('the counter of the IV', async (t) => {
  const { cipher, ivs } = watched()
  const { uv } = settle({ cipher, ivCounterStart: 2n ** 64n - 2n })
  for (const gfn of [64, 65, 66, 67]) pageOut(uv, gfn)
  const fixed = ivs.map((iv) => iv.slice(0, 8))
  const counters = ivs.map((iv) => iv.slice(8))
  t.same(counters, ['fffffffffffffffe', 'ffffffffffffffff', '0000000000000000', '0000000000000001'])
  t.equal(fixed[0], fixed[1])
  t.equal(fixed[2], fixed[3])
  t.not(fixed[1], fixed[2], 'a new fixed part when the counter wraps')
  t.equal(new Set(ivs).size, 4, 'no IV is used twice')
})

t.test('zeros and tags', async (t) => {
  const { uv, svm } = settle()
  const zeros = bytesOf(pageOut(uv, GFN).page)
  t.equal(zeros.length, 65_536, 'a page of zeros leaves as 65,536 bytes')
  t.notOk(isSamePage(zeros, filled(0)))
  t.equal(pageIn(uv, GFN, zeros).ret, 0)
  t.equal(svm.contents.get(GFN), null, 'and costs nothing when it is back')

  const tags = settle({ contentMode: 'tag' })
  tags.svm.contents.set(OTHER, 0xabcdn)
  const [zero, tagged] = [pageOut(tags.uv, GFN).page, pageOut(tags.uv, OTHER).page]
  t.type(zero, 'bigint', 'among tags it leaves as a tag')
  t.type(tagged, 'bigint')
  t.not(tagged, 0xabcdn, 'a tag is encrypted, too')
  t.equal(pageIn(tags.uv, OTHER, 0xabcdn).ret, U_P3)
  t.equal(pageIn(tags.uv, OTHER, zero ?? null).ret, U_P3, 'tags cannot be swapped')
  t.equal(pageIn(tags.uv, OTHER, tagged ?? null).ret, 0)
  t.equal(tags.svm.contents.get(OTHER), 0xabcdn)
  t.equal(pageIn(tags.uv, GFN, zero ?? null).ret, 0)
  t.equal(tags.svm.contents.get(GFN), null)
})

t.test('in a VM of tags a page of zero bytes comes back as bytes', async (t) => {
  const { uv, svm } = settle({ contentMode: 'tag' })
  svm.contents.set(GFN, filled(0))
  const cipher = bytesOf(pageOut(uv, GFN).page)
  t.equal(cipher.length, 65_536)
  t.equal(pageIn(uv, GFN, cipher).ret, 0)
  t.ok(isSamePage(svm.contents.get(GFN), filled(0)))
  t.equal(bytesOf(pageOut(uv, GFN).page).length, 65_536, 'so it leaves as it left before')
})

t.test(
  'zeros that the hypervisor gives are opened as 65,536 bytes, in a VM of tags too',
  async (t) => {
    const lengths: number[] = []
    const open: PageCipher['open'] = (_key, _iv, _aad, cipher) => void lengths.push(cipher.length)
    for (const contentMode of ['bytes', 'tag'] as const) {
      const { uv } = settle({ contentMode, cipher: { ...nodeCipher, open } })
      pageOut(uv, GFN)
      t.equal(pageIn(uv, GFN, null).ret, U_P3)
    }
    t.same(lengths, [65_536, 65_536])
  },
)

t.test('a cipher that throws is a mistake of ours, and not of the SVM', async (t) => {
  const seal = () => {
    throw new Error('no such cipher')
  }
  const { uv, svm } = settle({ cipher: { ...nodeCipher, seal } })
  t.throws(() => pageOut(uv, GFN), { message: 'no such cipher' })
  t.equal(svm.fault, undefined)
})
