/** What the client's promises are rejected with: the wire failed, whatever the guest did. */
import { codeName, familyOf } from '../../schemas/code-names.ts'
import { type WireErrorName, wireErrorName } from '../../schemas/errors.ts'
import type { ErrorMessage, UpCall } from '../../schemas/messages.ts'
import { hex } from '../../schemas/values.ts'

/** A call got an error instead of an answer, or the connection ended before it came. */
export class UvCallError extends Error {
  override readonly name = 'UvCallError'
  readonly call: UpCall['call']
  /**
   * Name of the error in the list of the wire; undefined for a code that the list does not have.
   */
  readonly code: WireErrorName | undefined
  /** The error as it came. */
  readonly error: ErrorMessage

  /** `lost` is how the connection ended, if it did. */
  constructor(body: UpCall, error: ErrorMessage, lost: string | undefined) {
    const code = wireErrorName(error.code)
    const why = code === 'CONNECTION_LOST' && lost !== undefined ? lost : error.message
    super(`${callText(body)} failed: ${code ?? error.code}: ${why}${dataText(error)}`)
    this.call = body.call
    this.code = code
    this.error = error
  }
}

/** `H_SVM_PAGE_IN of LPID 7 at 0x400000`. */
export function callText(body: UpCall): string {
  const of = 'lpid' in body ? ` of LPID ${body.lpid}` : ''
  const at = 'gpa' in body ? ` at ${hex(body.gpa)}` : ''
  return `${body.call}${of}${at}`
}

/** `H_PARAMETER (-4)` as the answer of a call. */
export const answerName = (call: UpCall['call'], ret: number): string =>
  `${codeName(familyOf(call), ret)} (${ret})`

function dataText({ data }: ErrorMessage): string {
  if (data === undefined) return ''
  return ` (${Object.entries(data)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')})`
}
