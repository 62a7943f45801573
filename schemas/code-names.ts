/** The name that goes with a return code in a result: for people, never read by a program. */
import type { CallName } from '../src/abi/calls.ts'
import { H, Host, hCodeName, U, uCodeName } from '../src/abi/codes.ts'

/** Whose codes a call answers: a hypercall's, an ultracall's, KVM's fault handler's, the memory bus's. */
export type CodeFamily = 'hypercall' | 'ultracall' | 'fault' | 'memory'

const table = (codes: readonly number[], name: (code: number) => string) =>
  new Map(codes.map((code) => [code, name(code)]))

const NAMES: Readonly<Record<CodeFamily, ReadonlyMap<number, string>>> = {
  hypercall: table(Object.values(H), hCodeName),
  ultracall: table(Object.values(U), uCodeName),
  fault: new Map([
    [Host.RESUME_GUEST, 'RESUME_GUEST'],
    [Host.RESUME_HOST, 'RESUME_HOST'],
    [Host.EFAULT, 'EFAULT'],
  ]),
  memory: new Map([
    [H.SUCCESS, hCodeName(H.SUCCESS)],
    [Host.EFAULT, 'EFAULT'],
  ]),
}

/** `H_PARAMETER` for -4 of a hypercall; the number in decimal when it has no name. */
export const codeName = (family: CodeFamily, code: number): string =>
  NAMES[family].get(code) ?? String(code)

export const familyOf = (call: CallName): CodeFamily => {
  if (call === 'HDSI') return 'fault'
  if (call.startsWith('MEM_')) return 'memory'
  return call.startsWith('UV_') ? 'ultracall' : 'hypercall'
}
