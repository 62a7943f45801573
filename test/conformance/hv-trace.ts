/** The form of a recording of the hypervisor (see the README beside the recordings). */

/** One operation of a recording; which fields it has depends on `op`. */
export interface HvOp {
  readonly op: string
  readonly lpid: number
  readonly [field: string]: unknown
}

export interface HvStep {
  readonly op: HvOp
  readonly ucall_script: readonly number[]
  readonly ret?: number
  readonly ret_name?: string
  readonly ucalls: readonly RecordedUcall[]
  readonly state?: Readonly<Record<string, string | number | null>>
  readonly fault?: { readonly kind: string; readonly msg: string }
}

/** A call that was made, with the code it got. */
export interface RecordedUcall {
  readonly name: string
  readonly args: readonly number[]
  readonly ret: number
  readonly via?: string
}

export interface HvTrace {
  readonly id: string
  readonly variant: string
  readonly pool: number
  readonly steps: readonly HvStep[]
}

/** Parses one line of a recording file. */
export const parseHvTrace = (line: string): HvTrace => JSON.parse(line) as HvTrace
