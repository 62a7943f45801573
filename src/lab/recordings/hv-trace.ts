/** The form of a recording of the hypervisor (see the README beside the recordings). */

/** One operation of a recording; which fields it has depends on `op`. */
export interface HvOp {
  readonly op: string
  readonly lpid: number
  readonly [field: string]: unknown
}

/** An operation, and the codes that its ultracalls get, in order; 0 beyond the list. */
export interface ScriptedOp {
  readonly op: HvOp
  /** A call that the MMU notifier makes takes none of them. */
  readonly ucall_script: readonly number[]
}

export interface HvStep extends ScriptedOp {
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

/**
 * Parses one line of a recording file. Only its outline is looked at: what does not fit inside shows
 * as a disagreement.
 * @throws SyntaxError when it is no recording.
 */
export function parseHvTrace(line: string): HvTrace {
  const trace = JSON.parse(line) as HvTrace
  if (typeof trace?.variant === 'string' && Array.isArray(trace.steps)) return trace
  throw new SyntaxError('a recording has a variant and steps')
}
