/**
 * A ledger file: a head, then groups. A group is what one turn of the server has to say, and counts
 * as a whole or not at all. All numbers are little-endian.
 *
 * | file head, 64 bytes | | group head, 64 bytes | |
 * | --- | --- | --- | --- |
 * | 0 | `uvmemlgr` | 0 | u32 `uvlg` |
 * | 8 | u32 version | 4 | u32 bytes behind this head |
 * | 12 | u32 0 | 8 | u64 number of the group, from 1 on |
 * | 16 | 16 random bytes: the file's id | 16 | seal of the group before; of the first: the file's id |
 * | 32 | check of bytes 0 to 31 | 32 | seal of bytes 0 to 31 and of what is behind the head |
 * | 48 | zeros | 48 | check of bytes 0 to 47 |
 *
 * Seals and checks are the first 16 bytes of a SHA-256 over the file's id and what they are of. A
 * group with nothing in it says that the one before it has been made sure of: it is written when
 * there is nothing else to say. So what was acknowledged is followed by another group, and a group
 * that does not fit and is followed by none is the torn end of a write that nobody was told of.
 */

export const LEDGER_VERSION = 1
export const LEDGER_ID_BYTES = 16
export const FILE_HEAD_BYTES = 64
export const GROUP_HEAD_BYTES = 64
/** Bytes behind a group's head. */
export const groupBytesMax = 2 ** 32 - 1

const FILE_MAGIC = [0x75, 0x76, 0x6d, 0x65, 0x6d, 0x6c, 0x67, 0x72]
const GROUP_MAGIC = [0x75, 0x76, 0x6c, 0x67]
const SEAL_BYTES = 16
const TWO_32 = 2 ** 32

/** SHA-256 over parts, one behind the other. */
export type Digest = (parts: readonly Uint8Array[]) => Uint8Array

/** Where the next group goes on. */
export interface Chain {
  readonly id: Uint8Array
  /** Number of the next group. */
  readonly number: number
  /** Seal of the last group. */
  readonly seal: Uint8Array
}

export interface LedgerScan {
  /** What is in the groups that fit, in their order, and where each begins. */
  readonly groups: readonly { readonly at: number; readonly body: Uint8Array }[]
  /** Bytes from the start that fit. */
  readonly end: number
  /** undefined: the file's head does not fit. */
  readonly chain: Chain | undefined
  /** What is wrong at `end`; undefined when the file ends there. */
  readonly fault: LedgerFault | undefined
}

export interface LedgerFault {
  /** `torn`: the end of a write that nobody was told of. `damaged`: something else. */
  readonly how: 'torn' | 'damaged'
  /** What should stand there. */
  readonly expected: string
}

const seal = (digest: Digest, parts: readonly Uint8Array[]): Uint8Array =>
  digest(parts).subarray(0, SEAL_BYTES)

/** The head of a new file. `id`: LEDGER_ID_BYTES random bytes. */
export function fileHead(id: Uint8Array, digest: Digest): Uint8Array {
  const head = new Uint8Array(FILE_HEAD_BYTES)
  head.set(FILE_MAGIC)
  new DataView(head.buffer).setUint32(8, LEDGER_VERSION, true)
  head.set(id, 16)
  head.set(seal(digest, [head.subarray(0, 32)]), 32)
  return head
}

export const firstChain = (id: Uint8Array): Chain => ({ id, number: 1, seal: id })

/** The head that goes before `body`, and how the chain goes on. */
export function groupHead(
  chain: Chain,
  body: Uint8Array,
  digest: Digest,
): { readonly head: Uint8Array; readonly chain: Chain } {
  const { id, number } = chain
  const head = new Uint8Array(GROUP_HEAD_BYTES)
  const view = new DataView(head.buffer)
  head.set(GROUP_MAGIC)
  view.setUint32(4, body.length, true)
  view.setUint32(8, number >>> 0, true)
  view.setUint32(12, Math.floor(number / TWO_32), true)
  head.set(chain.seal, 16)
  const sealed = seal(digest, [id, head.subarray(0, 32), body])
  head.set(sealed, 32)
  head.set(seal(digest, [id, head.subarray(0, 48)]), 48)
  return { head, chain: { id, number: number + 1, seal: sealed } }
}

/** Reads a file from its start as far as it fits. */
export function scanLedger(bytes: Uint8Array, digest: Digest): LedgerScan {
  const wrong = fileFault(bytes, digest)
  if (wrong !== undefined) {
    return { groups: [], end: 0, chain: undefined, fault: { how: 'damaged', expected: wrong } }
  }
  const id = bytes.slice(16, 32)
  const groups: { at: number; body: Uint8Array }[] = []
  let chain = firstChain(id)
  let at = FILE_HEAD_BYTES
  while (at < bytes.length) {
    const read = readGroup(bytes, at, chain, digest)
    if (typeof read === 'string') {
      const how = isFollowed(bytes, at, chain, digest) ? 'damaged' : 'torn'
      return { groups, end: at, chain, fault: { how, expected: read } }
    }
    groups.push({ at, body: read.body })
    chain = read.chain
    at += GROUP_HEAD_BYTES + read.body.length
  }
  return { groups, end: at, chain, fault: undefined }
}

function fileFault(bytes: Uint8Array, digest: Digest): string | undefined {
  if (bytes.length < FILE_HEAD_BYTES) return `a head of ${FILE_HEAD_BYTES} bytes`
  if (!isAt(bytes, 0, FILE_MAGIC)) return 'the head of a ledger of uvmem'
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const version = view.getUint32(8, true)
  const isWhole = isAt(bytes, 32, seal(digest, [bytes.subarray(0, 32)]))
  if (version !== LEDGER_VERSION && isWhole) {
    return `version ${LEDGER_VERSION}, which this program reads; this is version ${version}`
  }
  if (!isWhole || !isAt(bytes, 48, new Uint8Array(16))) return 'a head that fits its checksum'
  return undefined
}

/** What is at `at`, whatever came before it; or what should be there. */
function readGroupAlone(
  bytes: Uint8Array,
  at: number,
  id: Uint8Array,
  digest: Digest,
): { readonly number: number; readonly body: Uint8Array; readonly seal: Uint8Array } | string {
  const head = bytes.subarray(at, at + GROUP_HEAD_BYTES)
  if (head.length < GROUP_HEAD_BYTES) return `a group's head of ${GROUP_HEAD_BYTES} bytes`
  if (!isAt(head, 0, GROUP_MAGIC)) return "a group's head"
  // Checked before the length is believed: a guest's page may hold what looks like heads.
  if (!isAt(head, 48, seal(digest, [id, head.subarray(0, 48)]))) {
    return "a group's head that fits its checksum"
  }
  const view = new DataView(head.buffer, head.byteOffset)
  const size = view.getUint32(4, true)
  const body = bytes.subarray(at + GROUP_HEAD_BYTES, at + GROUP_HEAD_BYTES + size)
  if (body.length < size) return `${size} bytes behind the group's head; the file ends before`
  const sealed = seal(digest, [id, head.subarray(0, 32), body])
  if (!isAt(head, 32, sealed)) return 'a group that fits its checksum'
  return { number: view.getUint32(8, true) + view.getUint32(12, true) * TWO_32, body, seal: sealed }
}

function readGroup(
  bytes: Uint8Array,
  at: number,
  { id, number, seal: before }: Chain,
  digest: Digest,
): { readonly body: Uint8Array; readonly chain: Chain } | string {
  const read = readGroupAlone(bytes, at, id, digest)
  if (typeof read === 'string') return read
  if (read.number !== number) return `group ${number}; this is group ${read.number}`
  if (!isAt(bytes, at + 16, before)) return `a group that follows on group ${number - 1}`
  return { body: read.body, chain: { id, number: number + 1, seal: read.seal } }
}

/** True when any group of this file stands at `at` or behind it. */
function isFollowed(bytes: Uint8Array, at: number, { id }: Chain, digest: Digest): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const magic = Uint8Array.from(GROUP_MAGIC)
  for (let i = buffer.indexOf(magic, at); i >= 0; i = buffer.indexOf(magic, i + 1)) {
    const read = readGroupAlone(bytes, i, id, digest)
    if (typeof read !== 'string') return true
  }
  return false
}

function isAt(bytes: Uint8Array, at: number, expected: ArrayLike<number>): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  return true
}
