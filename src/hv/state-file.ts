/**
 * The file that a host's state lies in: one line that says what follows, then a snapshot as JSON.
 *
 * The line has format, version, length and SHA-256 of the rest, so that a file of another program, of
 * a later version, cut short or damaged is told apart and refused with a sentence.
 */

export const STATE_FORMAT = 'uvmem-state'
export const STATE_VERSION = 1
/** Bytes that the first line has, at most. */
const headBytesMax = 1_024
const NEWLINE = 10

/** SHA-256 in hexadecimal. */
export type Sha256 = (bytes: Uint8Array) => string

/** The snapshot in a file, not yet looked at; or what is wrong, as a sentence without its file. */
export type StateRead = { readonly state: unknown } | { readonly error: string }

export function writeState(state: object, sha256: Sha256): Uint8Array {
  const encoder = new TextEncoder()
  const body = encoder.encode(JSON.stringify(state))
  const head = {
    format: STATE_FORMAT,
    version: STATE_VERSION,
    bytes: body.length,
    sha256: sha256(body),
  }
  const line = encoder.encode(`${JSON.stringify(head)}\n`)
  const bytes = new Uint8Array(line.length + body.length)
  bytes.set(line)
  bytes.set(body, line.length)
  return bytes
}

export function readState(bytes: Uint8Array, sha256: Sha256): StateRead {
  const end = bytes.subarray(0, headBytesMax).indexOf(NEWLINE)
  const head = end < 0 ? undefined : parse(bytes.subarray(0, end))
  if (!isRecord(head) || head['format'] !== STATE_FORMAT) {
    return { error: 'it is not a state file of uvmem' }
  }
  const { version } = head
  if (version !== STATE_VERSION) {
    return { error: `it has version ${String(version)}; this program reads ${STATE_VERSION}` }
  }
  const body = bytes.subarray(end + 1)
  if (body.length !== head['bytes']) {
    return {
      error: `it is damaged: it should have ${String(head['bytes'])} bytes behind its first line, and has ${body.length}`,
    }
  }
  if (sha256(body) !== head['sha256']) {
    return { error: 'it is damaged: its checksum does not fit its content' }
  }
  const state = parse(body)
  return state === undefined ? { error: 'it is damaged: its content is not JSON' } : { state }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}
