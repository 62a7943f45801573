/** What says who wrote a page, and for which guest. */
import t from 'tap'
import { asGfn, asLpid } from '../../src/abi/page.ts'
import { bytesOfTag } from '../../src/abi/page-bytes.ts'
import { contentOf, Writer, writtenFor } from '../../src/lab/content.ts'

const secret = (lpid: number): bigint =>
  contentOf(Writer.GuestSecret, asLpid(lpid), asGfn(0xff_ffff), 255)

t.test('what a guest wrote tells which one it was, as a tag and as bytes', async (t) => {
  t.equal(secret(1), 0x5eed_2ff0_01ff_ffffn)
  t.equal(writtenFor(Writer.GuestSecret, secret(1)), 1)
  t.equal(writtenFor(Writer.GuestSecret, secret(4_095)), 4_095)
  const page = new Uint8Array(65_536)
  page.set(bytesOfTag(secret(7)).subarray(0, 8))
  t.equal(writtenFor(Writer.GuestSecret, page), 7)
})

t.test('what somebody else wrote does not', async (t) => {
  for (const page of [
    null,
    contentOf(Writer.Boot, asLpid(1), asGfn(0)),
    contentOf(Writer.GuestPublic, asLpid(1), asGfn(0)),
    0x5eed_1fff_ffff_ffffn,
    0x5eed_3000_0100_0000n,
  ]) {
    t.equal(writtenFor(Writer.GuestSecret, page), undefined)
  }
  t.equal(writtenFor(Writer.GuestSecret, 0x5eed_2000_0100_0000n), 1, 'the first of the writer')
})
