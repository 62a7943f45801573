/** The subprotocols that an ultravisor can speak, by the short name that options use. */
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import { uvBinaryCodec } from './rpc-binary.ts'
import type { Codec } from './rpc-codec.ts'
import { uvJsonCodec } from './rpc-json.ts'

export const UV_CODECS = {
  json: uvJsonCodec,
  bin: uvBinaryCodec,
} as const satisfies Record<string, () => Codec<UpCall, DownCall>>
export type UvProtocol = keyof typeof UV_CODECS
