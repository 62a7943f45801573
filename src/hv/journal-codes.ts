/** Codes of the journal by name: a call's as the wire names them, all others as the host does. */
import { codeName, familyOf } from '../../schemas/code-names.ts'
import { hostCodeName } from '../../schemas/rest/result.ts'
import { CALL_NUMBER, type CallName } from '../abi/calls.ts'

const isCall = (name: string): name is CallName => Object.hasOwn(CALL_NUMBER, name)

/** The name of the code that a call or an operation has ended with. */
export const journalCodeName = (call: string, code: number): string =>
  isCall(call) ? codeName(familyOf(call), code) : hostCodeName(code)
