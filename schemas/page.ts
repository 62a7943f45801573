/**
 * Page contents and other bytes on the JSON wire: base64 (RFC 4648 section 4), padded and canonical.
 *
 * A page is absent or `null` (zeros), `{"tag": "0x…"}`, or `{"bytes": base64}` of 65,536 bytes.
 */
import { z } from 'zod'
import type { Page } from '../src/abi/page.ts'
import { PAGE_SIZE } from '../src/abi/page.ts'
import { decoded, hex, WordValue } from './values.ts'

/** Characters of the base64 form of `bytes` bytes. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The base64 form. */
export const base64Of = (bytes: Uint8Array): string => bufferOf(bytes).toString('base64')

/**
 * The bytes, or undefined when the text is not canonical base64. One pass over the text decodes it;
 * the rest only rules out what that decoder lets pass: other alphabets, characters it skips
 * (which make the result too short), characters above 255, and stray bits before the padding.
 */
export function bytesOf(text: string): Uint8Array | undefined {
  const { length } = text
  if (length % 4 !== 0 || Buffer.byteLength(text, 'utf8') !== length) return undefined
  if (text.includes('-') || text.includes('_')) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== (length / 4) * 3 - padding) return undefined
  if (padding > 0 && base64Of(bytes.subarray(-(3 - padding))) !== text.slice(-4)) return undefined
  return bytes
}

/** Base64 of `min` to `max` bytes. */
export const base64 = (min: number, max: number) => {
  const range = min === max ? `${max}` : `${min} to ${max}`
  const expected = `canonical base64 of ${range} bytes`
  return z.codec(
    z
      .string({ error: expected })
      .min(base64Length(min), expected)
      .max(base64Length(max), expected)
      .meta({ contentEncoding: 'base64' }),
    decoded<Uint8Array>(),
    {
      decode: (value, context) => {
        const bytes = bytesOf(value)
        if (bytes !== undefined && bytes.length >= min && bytes.length <= max) return bytes
        context.issues.push({ code: 'custom', input: value, message: expected })
        return z.NEVER
      },
      encode: base64Of,
    },
  )
}

const PAGE_EXPECTED =
  'a page: null or absent for zeros, or an object with either "tag" (a 64-bit value) or "bytes" (base64)'

const pageObject = z
  .strictObject(
    { tag: WordValue.optional(), bytes: base64(PAGE_SIZE, PAGE_SIZE).optional() },
    { error: PAGE_EXPECTED },
  )
  .meta({ minProperties: 1, maxProperties: 1 })

/** The page that a message holds, decoded: absent and `null` are zeros. */
export const PageValue = z
  .codec(pageObject.nullable(), decoded<Page>(), {
    decode: (form, context) => {
      if (form === null) return null
      if (form.tag !== undefined && form.bytes === undefined) return form.tag
      if (form.bytes !== undefined && form.tag === undefined) return form.bytes
      context.issues.push({ code: 'custom', input: form, message: PAGE_EXPECTED })
      return z.NEVER
    },
    encode: (page) => {
      if (page === null) return null
      return typeof page === 'bigint' ? { tag: page } : { bytes: page }
    },
  })
  .optional()

/** The JSON text of a page; the bytes need no escaping, so none is looked for. */
export function pageText(page: Page): string {
  if (page === null) return 'null'
  if (typeof page === 'bigint') return `{"tag":"${hex(page)}"}`
  return `{"bytes":"${base64Of(page)}"}`
}
