/** The frames of page-ins in `uvmem.v1.bin` as a bench without an emulator sends them. */
/** H_SVM_PAGE_IN: header and five registers. schemas/binary.md has the bytes. */
export const CALL_BYTES = 56
/** UV_PAGE_IN with a tag. */
export const NESTED_BYTES = 64
/** The answer to either. */
export const ANSWER_BYTES = 32

/** So many calls, of `callBytes` each, and answers. The first byte says how many calls there are. */
export function pageMessage(calls: number, callBytes: number, answers: number): Buffer {
  const data = Buffer.allocUnsafe(calls * callBytes + answers * ANSWER_BYTES)
  data[0] = calls
  return data
}

export const callsOf = (data: Buffer): number => data[0] ?? 0

export const answersOf = (data: Buffer, callBytes: number): number =>
  (data.length - callsOf(data) * callBytes) / ANSWER_BYTES
