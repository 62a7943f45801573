/** One line of evidence, as every long run gives it with `--json FILE`. */
import { z } from 'zod'

/** Commands say more beside; that is theirs. */
export const Figure = z.object({
  id: z.string().min(1),
  promise: z.string().min(1),
  /** What was done to break the promise. */
  fault: z.string().min(1),
  /** How often; what is counted is the runner's `unit`. */
  count: z.int().min(0),
  /** What else was counted, by its unit. */
  also: z.record(z.string(), z.int().min(0)).optional(),
  seed: z.int().min(0),
  durationMs: z.number().min(0),
  ok: z.boolean(),
})
export type Figure = z.output<typeof Figure>

/** A file holds one figure or a list of them. Throws when it holds anything else. */
export function figuresIn(text: string): readonly Figure[] {
  const value: unknown = JSON.parse(text)
  return z.array(Figure).parse(Array.isArray(value) ? value : [value])
}

/** A row of the evidence: one promise, from all runs that put it to the test. */
export const EvidenceRow = z.strictObject({
  id: z.string(),
  promise: z.string(),
  fault: z.string(),
  count: z.int(),
  unit: z.string(),
  also: z.record(z.string(), z.int()).optional(),
  seeds: z.array(z.int()),
  durationMs: z.int(),
  ok: z.boolean(),
  /** What repeats the longest of its runs. */
  command: z.string(),
  /** What was checked out; with a `+` when something in it was changed. */
  commit: z.string(),
  /** ISO 8601, the end of its runs. */
  date: z.string(),
  /** Why there is no figure, when there is none. */
  why: z.string().optional(),
})
export type EvidenceRow = z.output<typeof EvidenceRow>

export const Evidence = z.strictObject({
  format: z.literal('uvmem-evidence-1'),
  node: z.string(),
  cores: z.int(),
  /** Of the last run. */
  minutes: z.number(),
  rows: z.array(EvidenceRow),
})
export type Evidence = z.output<typeof Evidence>
