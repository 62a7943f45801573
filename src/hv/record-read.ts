/** Reads a record line by line. What is wrong with a line is said in words; nothing is thrown. */
import type { z } from 'zod'
import { RecordHead, RecordInput, RecordNote, RecordOutput } from '../../schemas/record.ts'

/** Characters that one line has, at most: a snapshot of a host is one line. */
export const recordLineCharsMax = 1_073_741_824

export type RecordItem =
  | { readonly kind: 'head'; readonly line: RecordHead }
  | { readonly kind: 'input'; readonly line: RecordInput }
  | { readonly kind: 'output'; readonly line: RecordOutput }
  | { readonly kind: 'note'; readonly line: z.output<typeof RecordNote> }
  | { readonly kind: 'bad'; readonly why: string }

const OUTPUTS: ReadonlySet<unknown> = new Set(['begin', 'ask', 'end'])

export function readRecordLine(text: string): RecordItem {
  if (text.length > recordLineCharsMax) return bad('it is too long')
  const json = parse(text)
  const e = typeof json === 'object' && json !== null && 'e' in json ? json.e : undefined
  if (e === 'start') return fit('head', RecordHead.safeParse(json))
  if (e === 'note') return fit('note', RecordNote.safeParse(json))
  if (OUTPUTS.has(e)) return fit('output', RecordOutput.safeParse(json))
  return json === undefined ? bad('it is not JSON') : fit('input', RecordInput.safeParse(json))
}

const bad = (why: string): RecordItem => ({ kind: 'bad', why })

function fit<Kind extends Exclude<RecordItem['kind'], 'bad'>>(
  kind: Kind,
  parsed: z.ZodSafeParseResult<Extract<RecordItem, { kind: Kind }>['line']>,
): RecordItem {
  if (parsed.success) return { kind, line: parsed.data } as RecordItem
  const [issue] = parsed.error.issues
  return bad(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it does not fit'}`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
