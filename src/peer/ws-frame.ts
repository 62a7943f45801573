/**
 * Binary messages written to the socket below a WebSocket, where `WebSocket.send` costs more than it
 * need: it cannot know whose memory it is given, nor that a small message may be copied. The frames
 * are made by ws all the same. Nothing else waits in ws meanwhile, as nothing is compressed.
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

const PLAIN = { fin: true, rsv1: false, opcode: 2, mask: false, readOnly: true } as const
const MASKED = { fin: true, rsv1: false, opcode: 2, mask: true, readOnly: false } as const

/**
 * Writes a small message of a server as one frame in one piece: head and body apart would be gathered
 * and handed to the kernel as a list, which costs more than the copy.
 */
export function sendJoined(wire: Socket, data: Uint8Array): void {
  wire.write(Buffer.concat(Sender.frame(data, PLAIN)))
}

/**
 * A client's frames are masked (RFC 6455, section 5.3), and `WebSocket.send` masks into a copy: for
 * pages that is 64 KiB of fresh memory each, and the garbage collector's work with it. This one masks
 * `data`, which nobody else needs any more, and writes it as one frame; then tells `sent`.
 */
export function sendMasked(wire: Socket, data: Uint8Array, sent: () => void): void {
  const parts = Sender.frame(data, MASKED)
  wire.cork()
  for (const part of parts.slice(0, -1)) wire.write(part)
  wire.write(parts.at(-1) ?? '', sent)
  wire.uncork()
}
