/** A vector: bytes on a bare socket, and what a server that keeps RFC 6455 and our limits makes of it. */

/** What has to come of it. */
export type Expected =
  /** An HTTP answer instead of an upgrade; then the connection ends. */
  | {
      readonly status: number
      /** The name of the problem in its body, if it is one of ours. */
      readonly problem?: string
      /** A header that it has, and what it says. */
      readonly header?: readonly [string, string]
    }
  /** The upgrade is taken, with this subprotocol, and the connection works. */
  | { readonly upgraded: string }
  /** A close frame with this code, then the end of the connection. */
  | { readonly close: number }
  /** What is said, item by item (a frame of the binary subprotocol: in hex); the connection goes on. */
  | { readonly says: readonly RegExp[] }
  /** Pongs in this order, of which only the last must come, and no message; the connection goes on. */
  | { readonly pongs: readonly string[] }
  /** Those pongs; then the rest of a frame or message is waited for. */
  | { readonly waits: readonly string[] }

export interface Vector {
  readonly name: string
  /** What is sent first; `none`: no upgrade is made before. */
  readonly after: 'none' | 'json' | 'bin' | 'session'
  /** Written one after the other. */
  readonly bytes: readonly Uint8Array[]
  readonly expected: Expected
  /** A server with limits that are easily reached, not the one with those of the list. */
  readonly server?: 'small' | 'hasty'
}

type Bytes = Uint8Array | readonly Uint8Array[]
const listOf = (bytes: Bytes): readonly Uint8Array[] =>
  bytes instanceof Uint8Array ? [bytes] : bytes

/** A table of vectors that all come after the same beginning. */
export const table = (
  after: Vector['after'],
  rows: readonly (readonly [name: string, bytes: Bytes, expected: Expected])[],
): readonly Vector[] =>
  rows.map(([name, bytes, expected]) => ({ name, after, bytes: listOf(bytes), expected }))

/** Nothing is said, the connection goes on. */
export const STAYS: Expected = { says: [] }
/** What a server says about bytes that break RFC 6455. */
export const PROTOCOL_ERROR: Expected = { close: 1002 }
export const NOT_UTF8: Expected = { close: 1007 }
export const TOO_BIG: Expected = { close: 1009 }
/** An answer to a text that is JSON, and no call. */
export const NOT_A_REQUEST: Expected = { says: [/"id":null,"error":\{"code":-32600/] }
export const NOT_JSON: Expected = { says: [/"id":null,"error":\{"code":-32700/] }
