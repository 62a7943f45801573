/**
 * The values that params and results are made of, with their JSON form and their decoded type.
 *
 * A 64-bit value is a `"0x…"` string of 1 to 16 hex digits, or a JSON integer 0 to 2^53 - 1; it is
 * always sent as a string. Each schema's error is the sentence that `data.expected` carries.
 */
import { z } from 'zod'
import type { Gpa, Lpid, Ra, SlotId } from '../src/abi/page.ts'
import { asGpa, asLpid, asRa, asSlotId, LPID_MAX, SLOT_ID_MAX } from '../src/abi/page.ts'

const HEX64 = /^0x[0-9a-fA-F]{1,16}$/
const HEX64_EXPECTED =
  'a 64-bit value: "0x" and 1 to 16 hex digits, or an integer 0 to 9007199254740991'

/** The largest double below 2^64. */
export const U64_NUMBER_MAX = 2 ** 64 - 2 ** 11
/** Highest id of a call: ids are 1 to 2^32 - 1, because the binary protocol gives them 32 bits. */
export const CALL_ID_MAX = 0xffff_ffff
/** Calls that a client may say it sends again. */
export const UNANSWERED_MAX = 65_535
/** Highest number of an attempt to resume a session. */
export const ATTEMPT_MAX = 0xffff_ffff

const word = z.union(
  [z.string().regex(HEX64, HEX64_EXPECTED), z.int(HEX64_EXPECTED).min(0, HEX64_EXPECTED)],
  {
    error: HEX64_EXPECTED,
  },
)

/** The output side of a codec: what `decode` made needs no second check. */
export const decoded = <T>(): z.ZodType<T, T> => z.unknown() as z.ZodType as z.ZodType<T, T>

// DIFF: from 2^53 on a double cannot hold every 64-bit value: the nearest one stands for it. No memory
// slot and no frame lies there (see src/abi/page.ts); a call that comes again may differ in the rest.
const numberOf = (value: string | number): number => Math.min(Number(value), U64_NUMBER_MAX)

/** `0x10000` for 65536; `value` is an integer 0 to 2^64 - 1. */
export function hex(value: number | bigint): string {
  if (typeof value === 'bigint' || value < 2 ** 31 || value >= 2 ** 58)
    return `0x${value.toString(16)}`
  // Two small integers are put into digits three times as fast as one double.
  const low = value % 2 ** 28
  return `0x${((value - low) / 2 ** 28).toString(16)}${(low + 2 ** 28).toString(16).slice(1)}`
}

/** Guest physical address, in bytes. */
export const GpaValue = z.codec(word, decoded<Gpa>(), {
  decode: (value) => asGpa(numberOf(value)),
  encode: hex,
})
/** Real address of the host's normal memory, in bytes. */
export const RaValue = z.codec(word, decoded<Ra>(), {
  decode: (value) => asRa(numberOf(value)),
  encode: hex,
})
/** A size in bytes, flags, or an order: any 64-bit value, as a caller's register holds it. */
export const RegisterValue = z.codec(word, decoded<number>(), { decode: numberOf, encode: hex })
/** A 64-bit value of which every bit counts: a tag, a partition table doubleword. */
export const WordValue = z.codec(word, decoded<bigint>(), { decode: BigInt, encode: hex })

const LPID_EXPECTED = 'the LPID of a guest: an integer 1 to 4095'
/** LPID of a guest: the host itself (0) makes no calls and is never named in one. */
export const LpidValue = z.codec(
  z.int({ error: LPID_EXPECTED }).min(1, LPID_EXPECTED).max(LPID_MAX, LPID_EXPECTED),
  decoded<Lpid>(),
  { decode: asLpid, encode: Number },
)

const SLOT_EXPECTED = 'a memory slot id: an integer 0 to 65535'
export const SlotIdValue = z.codec(
  z.int({ error: SLOT_EXPECTED }).min(0, SLOT_EXPECTED).max(SLOT_ID_MAX, SLOT_EXPECTED),
  decoded<SlotId>(),
  { decode: asSlotId, encode: Number },
)

const ID_EXPECTED = 'the id of a call: an integer 1 to 4294967295'
export const CallId = z
  .int({ error: ID_EXPECTED })
  .min(1, ID_EXPECTED)
  .max(CALL_ID_MAX, ID_EXPECTED)

const RET_EXPECTED = 'a return code: an integer -9007199254740991 to 9007199254740991'
export const Ret = z.int({ error: RET_EXPECTED })

/** An integer from `min` to `max`, for offsets and lengths. */
export const integer = (min: number, max: number, what: string) => {
  const expected = `${what}: an integer ${min} to ${max}`
  return z.int({ error: expected }).min(min, expected).max(max, expected)
}

// Spelled out, not as \p{Cc}, because other languages' JSON Schema validators know no such class.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const PRINTABLE = /^[^\u0000-\u001f\u007f-\u009f]*$/

/** Text of 1 to `max` characters without control characters. */
export const text = (max: number, what: string) => {
  const expected = `${what}: 1 to ${max} characters, none of them a control character`
  return z
    .string({ error: expected })
    .min(1, expected)
    .max(max, expected)
    .regex(PRINTABLE, expected)
}
