/** What schemas/README.md and schemas/binary.md say about calls, errors and limits: written out by hand. */

/** How a register of a call is limited; all others take any 64-bit value. */
export type Register = readonly [name: string, min: number, max: number] | readonly [name: string]

interface CallTable {
  readonly number: number
  readonly registers: readonly Register[]
  /** Payloads that may follow: 0 none, 1 tag, 2 page, 3 bytes. */
  readonly payloads: readonly number[]
}

const PAGE: readonly Register[] = [['gpa'], ['flags'], ['order']]
const NO_PAYLOAD = [0]

/** Calls of an ultravisor. */
export const UP_CALLS: Readonly<Record<string, CallTable>> = {
  SESSION_OPEN: {
    number: 0x10004,
    registers: [['name_bytes'], ['resume_bytes'], ['unanswered'], ['attempt']],
    payloads: [3],
  },
  H_SVM_INIT_START: { number: 0xef08, registers: [], payloads: NO_PAYLOAD },
  H_SVM_INIT_DONE: { number: 0xef0c, registers: [], payloads: NO_PAYLOAD },
  H_SVM_INIT_ABORT: { number: 0xef14, registers: [], payloads: NO_PAYLOAD },
  H_SVM_TPM_COMM: { number: 0xef10, registers: [], payloads: NO_PAYLOAD },
  H_SVM_PAGE_IN: { number: 0xef00, registers: PAGE, payloads: NO_PAYLOAD },
  H_SVM_PAGE_OUT: { number: 0xef04, registers: PAGE, payloads: NO_PAYLOAD },
  HDSI: { number: 0x10001, registers: [['gpa']], payloads: NO_PAYLOAD },
  MEM_READ: {
    number: 0x10002,
    registers: [['ra'], ['offset', 0, 65_535], ['length', 1, 65_536]],
    payloads: NO_PAYLOAD,
  },
  MEM_WRITE: {
    number: 0x10003,
    registers: [['ra'], ['offset', 0, 65_535]],
    payloads: [0, 3],
  },
  UV_REGISTER_MEM_SLOT: {
    number: 0xf120,
    registers: [['start_gpa'], ['size'], ['flags'], ['slotid', 0, 65_535]],
    payloads: NO_PAYLOAD,
  },
  UV_UNREGISTER_MEM_SLOT: {
    number: 0xf124,
    registers: [['slotid', 0, 65_535]],
    payloads: NO_PAYLOAD,
  },
}

/** Numbers of the hypervisor's calls. */
export const DOWN_CALLS: Readonly<Record<string, number>> = {
  UV_REGISTER_MEM_SLOT: 0xf120,
  UV_UNREGISTER_MEM_SLOT: 0xf124,
  UV_PAGE_IN: 0xf128,
  UV_PAGE_OUT: 0xf12c,
  UV_PAGE_INVAL: 0xf138,
  UV_SVM_TERMINATE: 0xf13c,
  UV_WRITE_PATE: 0xf104,
}

const byNumber = (calls: readonly (readonly [string, number])[]): ReadonlyMap<number, string> =>
  new Map(calls.map(([name, number]) => [number, name]))

export const UP_NAMES = byNumber(
  Object.entries(UP_CALLS).map(([name, { number }]) => [name, number]),
)
export const DOWN_NAMES = byNumber(Object.entries(DOWN_CALLS))

/** Codes that are said about a message itself, in the order of its items. */
export const AT_ONCE: ReadonlySet<number> = new Set([
  -32_700, -32_600, -32_601, -32_602, -32_007, -32_008, -32_013, -32_014, -32_015,
])

/** Codes that a call may be answered with instead of a result. -32603, INTERNAL, is never one. */
export const INSTEAD: ReadonlySet<number> = new Set([
  -32_000, -32_001, -32_002, -32_003, -32_005, -32_006, -32_009, -32_012,
])

export const itemsMax = 4_096
