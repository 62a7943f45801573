/** Codes of the journal by name: of hypercalls, ultracalls, and of what VMM and host do. */
import { codeName } from '../../schemas/code-names.ts'
import { hostCodeName } from '../../schemas/rest/result.ts'
import { JournalKind } from './journal-entry.ts'

/** The name of a code in the family of the call that it answers. */
export function journalCodeName(kind: JournalKind, call: string, code: number): string {
  if (kind === JournalKind.Ultracall) return codeName('ultracall', code)
  if (call === 'HDSI') return codeName('fault', code)
  return call.startsWith('H_') ? codeName('hypercall', code) : hostCodeName(code)
}
