/** Codes and contents in words. */
import { Host as HostCode, hCodeName } from '../../src/abi/codes.ts'

const hostName = (ret: number): string | undefined =>
  Object.entries(HostCode).find(([, value]) => value === ret)?.[0]

/** What an operation of the VMM or the host came to. */
export const hostCodeName = (ret: number): string => hostName(ret) ?? hCodeName(ret)

/** What a hypercall, a reflected fault or an access to normal memory came to. */
export function replyName(ret: number): string {
  const name = hCodeName(ret)
  return name === String(ret) ? hostCodeName(ret) : name
}

/** The first eight bytes of a page: a small number is what somebody wrote. */
export function wordOf(bytes: Uint8Array): string {
  const word = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
  return word < 1_000_000n ? `reads ${word}` : 'reads ciphertext'
}
