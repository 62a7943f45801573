/**
 * The subprotocols of `/v1/uv`, in the order in which the server prefers them, and their negotiation.
 * Source: RFC 6455, section 4.2.2; spec of the wire, head.
 */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { hvBinaryCodec } from '../peer/rpc-binary.ts'
import type { Codec } from '../peer/rpc-codec.ts'
import { hvJsonCodec } from '../peer/rpc-json.ts'

/** Where ultravisors connect. */
export const UV_PATH = '/v1/uv'

export type HvCodec = Codec<DownCall, UpCall>

/** One codec serves every connection: it holds nothing between two messages. */
const CODECS: readonly HvCodec[] = [hvBinaryCodec(), hvJsonCodec()]

export const SUBPROTOCOLS: readonly string[] = CODECS.map(({ subprotocol }) => subprotocol)

/** The codec for the first of our subprotocols that a client offers. */
export function negotiate(header: string | undefined): HvCodec | undefined {
  const offered = (header ?? '').split(',').map((name) => name.trim())
  return CODECS.find(({ subprotocol }) => offered.includes(subprotocol))
}
