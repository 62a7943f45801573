/** Mutants that live for a reason: no test could tell them from the code as it is. */
import { HYPERVISOR } from './reasons-hypervisor.ts'
import { SESSIONS } from './reasons-sessions.ts'
import { ULTRAVISOR } from './reasons-ultravisor.ts'
import type { Reason } from './report.ts'

/** What was changed, what into, and why nobody can see it. */
type Line = readonly [original: string, replacement: string | readonly string[], why: string]

/** By file. */
export type Lines = Readonly<Record<string, readonly Line[]>>

export const REASONS: readonly Reason[] = Object.entries({
  ...HYPERVISOR,
  ...ULTRAVISOR,
  ...SESSIONS,
}).flatMap(([file, lines]) =>
  lines.map(([original, replacement, why]) => ({ file, original, replacement, why })),
)
