/**
 * The form of a recording of the ultravisor, and how its file is read.
 *
 * Addresses there have up to 64 bits. JSON.parse would lose the low ones, so long integers are read
 * as text first and made bigints by `bigOf`.
 */

/** A number, or the digits of one that does not fit. */
export type Digits = number | string

export interface NestedOp {
  readonly op: 'page_in' | 'page_out' | 'page_inval'
  readonly hv_page?: Digits
}

export interface ScriptedAnswer {
  readonly ret: number
  readonly nested: readonly NestedOp[]
}

interface Op<Name extends string> {
  readonly op: Name
  readonly lpid: number
}

interface PageOp<Name extends string> extends Op<Name> {
  readonly hv_page: Digits
  readonly gpa: Digits
  readonly flags: Digits
  readonly order: number
  /** The decryption fails. */
  readonly tamper?: boolean
  /** The encryption fails. */
  readonly encfail?: boolean
}

interface RegisterOp extends Op<'register'> {
  readonly start_gpa: Digits
  readonly nbytes: Digits
  readonly flags: Digits
  readonly slotid: number
}

interface UnregisterOp extends Op<'unregister'> {
  readonly slotid: number
}

interface InvalOp extends Op<'page_inval'> {
  readonly gpa: Digits
  readonly order: number
}

interface ShareOp extends Op<'share'> {
  readonly gfn: Digits
  readonly npages: Digits
  readonly type: number
}

interface UnshareOp extends Op<'unshare'> {
  readonly gfn: Digits
  readonly npages: Digits
}

interface GetPagesOp extends Op<'get_pages'> {
  readonly gpa: Digits
  readonly len: Digits
}

interface AccessOp extends Op<'access'> {
  readonly gpa: Digits
  readonly vector: 'e00' | 'e20'
  readonly reloc: boolean
}

export type UvOp =
  | Op<'create'>
  | Op<'commit'>
  | Op<'esm_abort'>
  | Op<'terminate'>
  | Op<'unshare_all'>
  | RegisterOp
  | UnregisterOp
  | PageOp<'page_in'>
  | PageOp<'page_out'>
  | InvalOp
  | ShareOp
  | UnshareOp
  | GetPagesOp
  | AccessOp

export interface RecordedUcall {
  readonly name: string
  readonly args: readonly Digits[]
  readonly ret: number
}
export interface RecordedHcall extends RecordedUcall {
  readonly nested: readonly RecordedUcall[]
}

export interface UvStep {
  readonly op: UvOp
  readonly hcall_script: readonly ScriptedAnswer[]
  readonly ret?: number | null
  readonly ret_name?: string
  readonly hcalls?: readonly RecordedHcall[]
  readonly state?: Readonly<Record<string, string | number | null>>
  /** Frames of the HV that the firmware freed as if they were secure memory. */
  readonly badfree?: number
  readonly fault?: { readonly kind: string; readonly msg: string }
}

export interface UvTrace {
  readonly id: string
  readonly variant: string
  /** Units of 2 MiB. */
  readonly pool: number
  readonly steps: readonly UvStep[]
}

export const bigOf = (digits: Digits): bigint => BigInt(digits)

/** Parses one line of a recording file. */
export const parseUvTrace = (line: string): UvTrace =>
  JSON.parse(line.replace(/([:[,])(\d{16,})(?=[,\]}])/g, '$1"$2"')) as UvTrace
