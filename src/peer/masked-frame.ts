/**
 * Sends a binary message of a client from the memory that it lies in. A client's frames are masked
 * (RFC 6455, section 5.3), and `WebSocket.send` masks into a copy, as it cannot know whose memory it
 * is given: for pages that is 64 KiB of fresh memory each, and the garbage collector's work with it.
 */
import type { Socket } from 'node:net'
import { Sender } from 'ws'

declare module 'ws' {
  interface FrameOptions {
    readonly fin: boolean
    readonly rsv1: boolean
    readonly opcode: number
    readonly mask: boolean
    /** False: `data` may be written to. */
    readonly readOnly: boolean
  }
  /** Exported by ws beside WebSocket; its types do not list it. */
  export const Sender: {
    /** The parts of one frame, in their order. */
    frame(data: Uint8Array, options: FrameOptions): readonly Uint8Array[]
  }
}

const MASKED = { fin: true, rsv1: false, opcode: 2, mask: true, readOnly: false } as const

/** Masks `data`, which nobody else needs any more, and writes it as one frame; then tells `sent`. */
export function sendMasked(wire: Socket, data: Uint8Array, sent: () => void): void {
  const parts = Sender.frame(data, MASKED)
  wire.cork()
  for (const part of parts.slice(0, -1)) wire.write(part)
  wire.write(parts.at(-1) ?? '', sent)
  wire.uncork()
}
