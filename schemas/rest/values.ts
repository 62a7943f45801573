/**
 * Values of the REST API. Paths and queries hold text: numbers there are decimal or hexadecimal with
 * 0x. Bodies hold JSON: 64-bit values are `"0x…"` or an integer, as on the wire; answers always text.
 */
import { z } from 'zod'
import {
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gfn,
  type Gpa,
  LPID_MAX,
  type Lpid,
  PAGE_SIZE,
  SLOT_ID_MAX,
  type SlotId,
} from '../../src/abi/page.ts'

/** One past the highest GPA that a memory slot can hold. */
export const GPA_END = 2 ** 53
/** One past the highest GFN that a memory slot can hold. */
export const GFN_END = GPA_END / PAGE_SIZE

const NUMBER = /^(?:0[xX][0-9a-fA-F]{1,16}|[0-9]{1,16})$/

/** A number as text in a path or query. */
export function numberText<T = number>(
  min: number,
  max: number,
  what: string,
  as: (value: number) => T = (value) => value as T,
) {
  const expected = `${what}: ${min} to ${max}, decimal, or hexadecimal with 0x`
  return z
    .string({ error: expected })
    .regex(NUMBER, expected)
    .transform((text, context): T => {
      const value = Number(text)
      if (value >= min && value <= max) return as(value)
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
    .describe(expected)
}

/** A flag in a query. */
export const flagText = (what: string) => {
  const expected = `${what}: true or false`
  return z
    .enum(['true', 'false'], { error: expected })
    .transform((text) => text === 'true')
    .describe(expected)
}

export const LpidText = numberText(1, LPID_MAX, 'the LPID of a guest', (n): Lpid => asLpid(n))
export const SlotIdText = numberText(0, SLOT_ID_MAX, 'a memory slot id', (n): SlotId => asSlotId(n))
export const GfnText = numberText(0, GFN_END - 1, 'a guest frame number', (n): Gfn => asGfn(n))
export const GpaText = numberText(
  0,
  GPA_END - 1,
  'a guest physical address in bytes',
  (n): Gpa => asGpa(n),
)

/** A 64-bit value in an answer. */
export const Hex = z.string().regex(/^0x[0-9a-f]{1,16}$/)

const WORD = /^0x[0-9a-fA-F]{1,16}$/

/** A number of bytes or an address in a body: an integer, or text with 0x. */
export function wordBody<T = number>(
  min: number,
  max: number,
  what: string,
  as: (value: number) => T = (value) => value as T,
) {
  const expected = `${what}: ${min} to ${max}, an integer, or hexadecimal text with 0x`
  return z
    .union(
      [z.string().regex(WORD, expected), z.int(expected).min(min, expected).max(max, expected)],
      {
        error: expected,
      },
    )
    .transform((word, context): T => {
      const value = Number(word)
      if (value >= min && value <= max) return as(value)
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
    .describe(expected)
}

/** A whole number of pages in bytes. */
export const sizeBody = (what: string) => {
  const expected = `${what}: a multiple of 65536 bytes, more than 0`
  return wordBody(PAGE_SIZE, GPA_END, what)
    .refine((bytes) => bytes % PAGE_SIZE === 0, expected)
    .describe(expected)
}

export const GpaBody = wordBody(
  0,
  GPA_END - 1,
  'a guest physical address in bytes',
  (n): Gpa => asGpa(n),
)
/** The address of the first byte of a page. */
export const PageGpaBody = GpaBody.refine(
  (gpa) => gpa % PAGE_SIZE === 0,
  'the address of a page: a multiple of 65536',
)

/** An integer in a body. */
export const integerBody = <T = number>(
  min: number,
  max: number,
  what: string,
  as: (value: number) => T = (value) => value as T,
) => {
  const expected = `${what}: an integer ${min} to ${max}`
  return z
    .int({ error: expected })
    .min(min, expected)
    .max(max, expected)
    .transform((value): T => as(value))
    .describe(expected)
}
export const LpidBody = integerBody(1, LPID_MAX, 'the LPID of a guest', (n): Lpid => asLpid(n))
export const SlotIdBody = integerBody(
  0,
  SLOT_ID_MAX,
  'a memory slot id',
  (n): SlotId => asSlotId(n),
)
export const flagBody = (what: string) => {
  const expected = `${what}: true or false`
  return z.boolean({ error: expected }).describe(expected)
}

const TAG_EXPECTED = 'a 64-bit value: "0x" and 1 to 16 hex digits, or an integer 0 to 2^53 - 1'
/** A tag, of which every bit counts. */
export const TagBody = z
  .union([z.string().regex(WORD, TAG_EXPECTED), z.int(TAG_EXPECTED).min(0, TAG_EXPECTED)], {
    error: TAG_EXPECTED,
  })
  .transform(BigInt)
