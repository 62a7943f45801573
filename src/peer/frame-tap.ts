/**
 * Takes whole binary messages off the connection of a WebSocket client before ws sees them; everything
 * else goes on to ws as it came: the handshake, text, control frames, fragments, and whatever is
 * wrong, of which ws knows what to do. Source: RFC 6455, section 5.2.
 *
 * ws reads into fresh memory, 64 KiB at a time, and puts a longer message together in fresh memory
 * again: for pages that is most of what they cost. Here the kernel writes the greater part of a long
 * message to where it is read from, and that memory serves for every message.
 */
import { MessagePool } from './rpc-binary-pool.ts'

/** Bytes that are read at a time when it is not known what comes. */
const READ_BYTES = 65_536
/** Longer messages than this get memory of their own. */
const POOLED_BYTES = 327_680
/** For all connections of the process: what was read is looked at before anything else is read. */
const READ = Buffer.allocUnsafeSlow(READ_BYTES)
const POOL = new MessagePool(POOLED_BYTES, 8)

const FIN = 0x80
const OPCODES = 0x0f
const FINAL_BINARY = 0x82
const CLOSE = 0x88
const CONTINUATION = 0
const CONTROL = 8
/** Payload lengths that say where the length stands. */
const LENGTH_16 = 126
const LENGTH_64 = 127
const HEAD_BYTES_MAX = 10
const HANDSHAKE_END = [13, 10, 13, 10] as const

export interface FrameTapPorts {
  /** A binary message, whose memory is used again when this returns. */
  readonly message: (data: Uint8Array) => void
  /** What ws is to read. */
  readonly pass: (bytes: Buffer) => void
}

export class FrameTap {
  readonly #ports: FrameTapPorts
  readonly #messageBytesMax: number
  /** False: ws reads all that comes. */
  #isOpen = false
  /** Bytes of the handshake's end that have come. */
  #matched = 0
  /** Bytes that came behind it. */
  #behind = 0
  /** A frame's head of which not all has come. */
  readonly #head = Buffer.alloc(HEAD_BYTES_MAX)
  #headBytes = 0
  /** Bytes of the frame at hand that ws is to read. */
  #passing = 0
  /** Frames up to the next final one belong together. */
  #isFragmented = false
  /** The message at hand, and how much of it has come. */
  #message: Buffer | undefined
  #filled = 0
  #release: (() => void) | undefined

  /** A longer message than `messageBytesMax` is left to ws. */
  constructor(messageBytesMax: number, ports: FrameTapPorts) {
    this.#messageBytesMax = messageBytesMax
    this.#ports = ports
  }

  /** Where the next bytes are to be read to. */
  buffer(): Uint8Array {
    return this.#message?.subarray(this.#filled) ?? READ
  }

  /** So many bytes were read to where `buffer` said last. */
  read(count: number): void {
    if (this.#message === undefined) this.#take(READ.subarray(0, count))
    else this.#fill(count)
  }

  /** The handshake is over, and ws has read what came. If that was more than it, ws goes on. */
  open(): void {
    this.#isOpen = this.#matched === HANDSHAKE_END.length && this.#behind === 0
  }

  #take(chunk: Buffer): void {
    let at = 0
    while (this.#isOpen && at < chunk.length) {
      if (this.#passing > 0) at = this.#passOn(chunk, at)
      else at = this.#begin(chunk, at)
    }
    if (at === chunk.length) return
    const rest = chunk.subarray(at)
    this.#lookForEnd(rest)
    this.#ports.pass(Buffer.from(rest))
  }

  #lookForEnd(bytes: Uint8Array): void {
    let at = 0
    for (; at < bytes.length && this.#matched < HANDSHAKE_END.length; at++) {
      if (bytes[at] === HANDSHAKE_END[this.#matched]) this.#matched++
      else this.#matched = bytes[at] === HANDSHAKE_END[0] ? 1 : 0
    }
    this.#behind += bytes.length - at
  }

  #passOn(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#passing)
    this.#passing -= end - at
    this.#ports.pass(Buffer.from(chunk.subarray(at, end)))
    return end
  }

  /** Begins a frame, or goes on with its head; returns where what was looked at ends. */
  #begin(chunk: Buffer, from: number): number {
    const head = this.#head
    let at = from
    let bytes = this.#headBytes < 2 ? 2 : headBytesOf(head)
    while (this.#headBytes < bytes && at < chunk.length) {
      head[this.#headBytes++] = chunk[at++] as number
      if (this.#headBytes === 2) bytes = headBytesOf(head)
    }
    if (this.#headBytes < bytes) return at
    this.#headBytes = 0
    const length = lengthOf(head)
    if (this.#isOurs(length)) return this.#beginMessage(chunk, at, length)
    this.#ports.pass(Buffer.from(head.subarray(0, bytes)))
    this.#passing = length
    return at
  }

  /** Whether the frame that begins is a message by itself; notes what it is otherwise. */
  #isOurs(length: number): boolean {
    const [first = 0, second = 0] = this.#head
    const opcode = first & OPCODES
    // After a farewell ws listens no more; a masked or too long frame ends the connection.
    const isLast = first === CLOSE || (second & 0x80) !== 0 || length > this.#messageBytesMax
    if (isLast) this.#isOpen = false
    if (!isLast && first === FINAL_BINARY && !this.#isFragmented && length > 0) return true
    if (opcode < CONTROL) {
      const isFinal = (first & FIN) !== 0
      this.#isFragmented = isFinal ? this.#isFragmented && opcode !== CONTINUATION : true
    }
    return false
  }

  #beginMessage(chunk: Buffer, at: number, length: number): number {
    const end = at + length
    if (end <= chunk.length) {
      this.#ports.message(chunk.subarray(at, end))
      return end
    }
    if (length <= POOLED_BYTES) {
      const memory = POOL.take()
      this.#release = POOL.release(memory)
      this.#message = memory.subarray(0, length)
    } else this.#message = Buffer.allocUnsafeSlow(length)
    chunk.copy(this.#message, 0, at)
    this.#filled = chunk.length - at
    return chunk.length
  }

  #fill(count: number): void {
    const message = this.#message
    this.#filled += count
    if (message === undefined || this.#filled < message.length) return
    const release = this.#release
    this.#message = undefined
    this.#release = undefined
    this.#ports.message(message)
    release?.()
  }
}

/** Bytes of a frame's head, of which the first two have come. */
function headBytesOf(head: Buffer): number {
  const length = (head[1] as number) & 0x7f
  if (length === LENGTH_16) return 4
  return length === LENGTH_64 ? HEAD_BYTES_MAX : 2
}

/** Bytes of a frame's payload; from 2^53 on the nearest double. */
function lengthOf(head: Buffer): number {
  const length = (head[1] as number) & 0x7f
  if (length === LENGTH_16) return head.readUInt16BE(2)
  return length === LENGTH_64 ? Number(head.readBigUInt64BE(2)) : length
}
