/**
 * The layout of a frame of `uvmem.v1.bin`: little-endian, every frame a multiple of 8 bytes. Source:
 * spec of the wire, section 3, which this settles. schemas/binary.md is the same for people; a test
 * compares the two.
 */

export const BINARY_SUBPROTOCOL = 'uvmem.v1.bin'

export const FrameKind = { Call: 1, Answer: 2, Error: 3 } as const
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind]

/**
 * What follows the fixed part of a frame: nothing, a 64-bit tag, a page of 65,536 bytes, or a count
 * and so many bytes.
 */
export const Payload = { None: 0, Tag: 1, Page: 2, Bytes: 3 } as const
export type Payload = (typeof Payload)[keyof typeof Payload]

/** Every frame starts with these 16 bytes. */
export const HEADER_BYTES = 16
export const KIND_AT = 0
export const PAYLOAD_AT = 1
export const LPID_AT = 2
export const ID_AT = 4
export const PARENT_AT = 8
export const NUMBER_AT = 12

/** A call: the registers R4 to R8, without the lpid. */
export const REGISTERS_AT = 16
export const REGISTERS = 5
export const CALL_BYTES = 56

/** An answer: the code that R3 holds, and one more register. */
export const RET_AT = 16
export const OUTPUT_AT = 24
export const ANSWER_BYTES = 32

/** An error: its code, and the lengths of its two texts, which follow one another. */
export const CODE_AT = 16
export const MESSAGE_BYTES_AT = 20
export const DATA_BYTES_AT = 22
export const ERROR_BYTES = 24

export const TAG_BYTES = 8
/** In front of counted bytes: u32 count, u32 zero. The bytes are filled up to a multiple of 8. */
export const COUNT_BYTES = 8
/** Counted bytes of one frame. */
export const COUNTED_BYTES_MAX = 65_536

/** In front of the texts of SESSION_OPEN's answer, inside the counted bytes. */
export const SESSION_HEAD_BYTES = 16
export const PAGE_SHIFT_AT = 0
export const SESSION_BYTES_AT = 4
export const TOKEN_BYTES_AT = 6
export const PROFILE_BYTES_AT = 8

/** `length` up to the next multiple of 8; `length` is below 2^53. */
export const padded = (length: number): number => Math.ceil(length / 8) * 8

/** A field as the document lists it. */
export interface FieldPlace {
  readonly name: string
  /** Bytes from the start of the frame (or of the session head). */
  readonly at: number
  readonly type: 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'i64'
}

/** The fixed fields, by part of a frame. */
export const FIELDS = {
  header: [
    { name: 'kind', at: KIND_AT, type: 'u8' },
    { name: 'payload', at: PAYLOAD_AT, type: 'u8' },
    { name: 'lpid', at: LPID_AT, type: 'u16' },
    { name: 'id', at: ID_AT, type: 'u32' },
    { name: 'parent', at: PARENT_AT, type: 'u32' },
    { name: 'call', at: NUMBER_AT, type: 'u32' },
  ],
  call: [
    { name: 'R4', at: REGISTERS_AT, type: 'u64' },
    { name: 'R5', at: REGISTERS_AT + 8, type: 'u64' },
    { name: 'R6', at: REGISTERS_AT + 16, type: 'u64' },
    { name: 'R7', at: REGISTERS_AT + 24, type: 'u64' },
    { name: 'R8', at: REGISTERS_AT + 32, type: 'u64' },
  ],
  answer: [
    { name: 'ret', at: RET_AT, type: 'i64' },
    { name: 'output', at: OUTPUT_AT, type: 'u64' },
  ],
  error: [
    { name: 'code', at: CODE_AT, type: 'i32' },
    { name: 'message_bytes', at: MESSAGE_BYTES_AT, type: 'u16' },
    { name: 'data_bytes', at: DATA_BYTES_AT, type: 'u16' },
  ],
  session: [
    { name: 'page_shift', at: PAGE_SHIFT_AT, type: 'u32' },
    { name: 'session_bytes', at: SESSION_BYTES_AT, type: 'u16' },
    { name: 'token_bytes', at: TOKEN_BYTES_AT, type: 'u16' },
    { name: 'profile_bytes', at: PROFILE_BYTES_AT, type: 'u16' },
  ],
} as const satisfies Record<string, readonly FieldPlace[]>
