/**
 * The subprotocols of `/v1/uv`, in the order in which the server prefers them, and their negotiation.
 * Source: RFC 6455, section 4.2.2; spec of the wire, head.
 */
import { BINARY_SUBPROTOCOL } from '../../schemas/binary-layout.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { hvBinaryCodec } from '../peer/rpc-binary.ts'
import type { Codec } from '../peer/rpc-codec.ts'
import { hvJsonCodec, JSON_SUBPROTOCOL } from '../peer/rpc-json.ts'

/** Where ultravisors connect. */
export const UV_PATH = '/v1/uv'

export type HvCodec = Codec<DownCall, UpCall>

/** What makes the codec of one connection: a codec may learn what its client reads. */
const CODECS: ReadonlyMap<string, () => HvCodec> = new Map<string, () => HvCodec>([
  [BINARY_SUBPROTOCOL, hvBinaryCodec],
  [JSON_SUBPROTOCOL, hvJsonCodec],
])

/** For a peer that waits for its connection, which brings its own. */
export const WAITING_CODEC: HvCodec = hvBinaryCodec()

export const SUBPROTOCOLS: readonly string[] = [...CODECS.keys()]

/** A new codec for the first of our subprotocols that a client offers. */
export function negotiate(header: string | undefined): HvCodec | undefined {
  const offered = (header ?? '').split(',').map((name) => name.trim())
  for (const [subprotocol, newCodec] of CODECS) {
    if (offered.includes(subprotocol)) return newCodec()
  }
  return undefined
}
