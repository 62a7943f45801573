/**
 * The subprotocol `uvmem.v1.bin`: frames of fixed layout, any number of them in a binary message.
 * Source: spec of the wire, section 3; schemas/binary.md documents every byte.
 *
 * It says exactly what `uvmem.v1.json` says, and is as strict: see rpc-binary-calls.ts.
 */
import {
  BINARY_SUBPROTOCOL,
  CALL_BYTES,
  FrameKind,
  ID_AT,
  NUMBER_AT,
} from '../../schemas/binary-layout.ts'
import type { WireErrorName } from '../../schemas/errors.ts'
import { WIRE_ERROR } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, ErrorData, Message, UpCall, WireCall } from '../../schemas/messages.ts'
import { PAGE_SIZE } from '../abi/page.ts'
import { present } from '../lib/assert.ts'
import { readAnswer, readError } from './rpc-binary-answers.ts'
import { type CallReader, DOWN_READERS, readBody, UP_READERS } from './rpc-binary-calls.ts'
import { FrameReader, type Misfit } from './rpc-binary-frame.ts'
import { MessagePool } from './rpc-binary-pool.ts'
import { BadText } from './rpc-binary-text.ts'
import { FrameWriter, sizeOf } from './rpc-binary-write.ts'
import type { Codec, Encoded, Fault, Received, WireData } from './rpc-codec.ts'

/**
 * Bytes that a message of ours is filled to: four pages with their frames. Longer ones are no faster,
 * and whoever keeps one page of a message keeps all of it (see KEPT_TIMES_MAX).
 */
const MESSAGE_BYTES = Math.min(LIMITS.batchBytesMax, 4 * (CALL_BYTES + PAGE_SIZE))
/** 16 MiB for all connections of the process together. */
const POOL = new MessagePool(MESSAGE_BYTES, 64)

type Readers<Body> = ReadonlyMap<number, CallReader<Body>>

/** `{path, offset, reason, value?, expected}`: the same as in JSON, and where. */
const faultData = ({ offset, field, value, expected }: Misfit): ErrorData => ({
  path: field,
  offset,
  reason: 'invalid',
  ...(value === undefined ? {} : { value }),
  expected,
})

const faultOf = (error: WireErrorName, id: number, misfit: Misfit | undefined): Fault => {
  const data = faultData(present(misfit, 'what is wrong with the frame'))
  return { kind: 'fault', error, id, data }
}

const NO_FRAME: Misfit = { offset: 0, field: 'frame', expected: 'one frame or more', value: 0 }

class BinaryCodec<Ours extends WireCall, Theirs extends WireCall> implements Codec<Ours, Theirs> {
  readonly subprotocol = BINARY_SUBPROTOCOL
  readonly itemsPerSend = 32
  readonly #ours: Readers<Ours>
  readonly #theirs: Readers<Theirs>
  readonly #us: string
  /** Used for one message after the other; `decode` is done with it when it returns. */
  readonly #frame = new FrameReader()

  /** `us` is who makes our calls, in the words of an error. */
  constructor(ours: Readers<Ours>, theirs: Readers<Theirs>, us: string) {
    this.#ours = ours
    this.#theirs = theirs
    this.#us = us
  }

  encode(items: readonly Message<Ours>[], start: number): Encoded {
    const end = Math.min(items.length, start + LIMITS.itemsPerMessageMax)
    let bytes = 0
    let next = start
    for (; next < end; next += 1) {
      const more = sizeOf(present(items[next], 'an item to send'))
      if (next > start && bytes + more > MESSAGE_BYTES) break
      bytes += more
    }
    const memory = bytes < PAGE_SIZE || bytes > MESSAGE_BYTES ? undefined : POOL.take()
    const writer = new FrameWriter(memory?.subarray(0, bytes) ?? Buffer.allocUnsafe(bytes))
    for (let at = start; at < next; at += 1) writer.write(present(items[at], 'an item to send'))
    const data = writer.finish()
    return memory === undefined ? { data, next } : { data, next, sent: POOL.release(memory) }
  }

  decode(data: WireData, openCall: (id: number) => Ours | undefined): readonly Received<Theirs>[] {
    if (typeof data === 'string') return [{ kind: 'breakage', close: 'WRONG_KIND' }]
    if (data.length === 0) return [faultOf('BAD_FRAME', 0, NO_FRAME)]
    const received: Received<Theirs>[] = []
    const frame = this.#frame
    frame.begin(data)
    try {
      while (!frame.isAtEnd) {
        if (received.length === LIMITS.itemsPerMessageMax) {
          return [{ kind: 'breakage', close: 'TOO_BIG' }]
        }
        if (!frame.advance()) {
          received.push(faultOf('BAD_FRAME', 0, frame.misfit))
          received.push({ kind: 'breakage', close: 'BAD_FRAME' })
          break
        }
        received.push(this.#read(frame, openCall))
      }
    } catch (error) {
      if (!(error instanceof BadText)) throw error
      received.push({ kind: 'breakage', close: 'BAD_TEXT' })
    } finally {
      frame.end()
    }
    return received
  }

  #read(frame: FrameReader, openCall: (id: number) => Ours | undefined): Received<Theirs> {
    if (frame.kind === FrameKind.Call) return this.#readCall(frame)
    const body = openCall(frame.id)
    if (frame.kind === FrameKind.Answer) return readReply(frame, body)
    return readFailure(frame, body !== undefined)
  }

  #readCall(frame: FrameReader): Received<Theirs> {
    const { id, parent, number } = frame
    if (id === 0) {
      frame.misfit = undefined
      frame.blame(ID_AT, 'id', 'the id of a call: an integer 1 to 4294967295', id)
      return faultOf('BAD_FRAME', 0, frame.misfit)
    }
    const reader = this.#theirs.get(number)
    if (reader === undefined) {
      frame.misfit = undefined
      frame.blame(NUMBER_AT, 'call', this.#expectedCall(number), number)
      return faultOf('UNKNOWN_METHOD', id, frame.misfit)
    }
    const body = readBody(frame, reader)
    if (body === undefined) return faultOf('BAD_PARAMS', id, frame.misfit)
    return { kind: 'call', id, parent, body }
  }

  #expectedCall(number: number): string {
    return this.#ours.has(number)
      ? `a call that this side serves: ${this.#us} makes this one`
      : 'the number of a call'
  }
}

function readReply(frame: FrameReader, body: WireCall | undefined): Received<never> {
  const { id } = frame
  if (body === undefined) return stray(`an answer to call ${id}, which is not open`)
  return readAnswer(frame, body) ?? badAnswer(frame)
}

function readFailure(frame: FrameReader, isOpen: boolean): Received<never> {
  const { id } = frame
  const error = readError(frame)
  if (isOpen) return error ?? badAnswer(frame)
  if (error === undefined) return stray('an error in no known form')
  if (id === 0) return error
  return stray(`an error for call ${id}, which is not open: ${error.message}`)
}

const stray = (why: string): Received<never> => ({ kind: 'stray', why })

/** What the caller is told about an answer that does not fit. */
function badAnswer({ id, misfit }: FrameReader): Received<never> {
  const { code, text: message } = WIRE_ERROR.BAD_ANSWER
  const data = faultData(present(misfit, 'what is wrong with the answer'))
  return { kind: 'error', id, code, message, data }
}

/** For the hypervisor: it makes ultracalls and serves what an ultravisor sends. */
export const hvBinaryCodec = (): Codec<DownCall, UpCall> =>
  new BinaryCodec(DOWN_READERS, UP_READERS, 'the hypervisor')
/** For an ultravisor: it makes hypercalls and serves ultracalls. */
export const uvBinaryCodec = (): Codec<UpCall, DownCall> =>
  new BinaryCodec(UP_READERS, DOWN_READERS, 'an ultravisor')
