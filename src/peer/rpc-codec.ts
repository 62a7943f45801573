/**
 * What the RPC peer needs of a subprotocol and of a connection, and nothing else of either.
 */
import type { CloseName, WireErrorName } from '../../schemas/errors.ts'
import type {
  AnswerMessage,
  CallMessage,
  ErrorData,
  ErrorMessage,
  Message,
  WireCall,
} from '../../schemas/messages.ts'

/** What a WebSocket carries: a text message, or a binary one. */
export type WireData = string | Uint8Array

/** Something came that the other side is told about with an error. */
export interface Fault {
  readonly kind: 'fault'
  readonly error: WireErrorName
  /** The id of the call at fault; 0 when it has none that could be read. */
  readonly id: number
  readonly data?: ErrorData
}

/** Something came that looks like an answer and belongs to no open call: reported, never answered. */
export interface Stray {
  readonly kind: 'stray'
  readonly why: string
}

/** A message that ends the connection. */
export interface Breakage {
  readonly kind: 'breakage'
  readonly close: CloseName
}

/** One item of a message that came in. */
export type Received<Theirs> =
  | CallMessage<Theirs>
  | AnswerMessage
  | ErrorMessage
  | Fault
  | Stray
  | Breakage

/** One message to send, and the index of the first item that did not fit into it. */
export interface Encoded {
  readonly data: WireData
  readonly next: number
  /**
   * To be called when `data` has left and its memory may be used again; need not be called. Until then
   * that memory is the transport's, which may write to it.
   */
  readonly sent?: () => void
}

/** A subprotocol, from the point of view of one side: `Ours` are the calls that this side makes. */
export interface Codec<Ours extends WireCall, Theirs extends WireCall> {
  /** As in Sec-WebSocket-Protocol. */
  readonly subprotocol: string
  /** What this subprotocol wants PeerOptions.itemsPerSend to be: its messages cost so much each. */
  readonly itemsPerSend: number
  /** Makes one message of the items from `start` on: at least one of them, in their order. */
  encode(items: readonly Message<Ours>[], start: number): Encoded
  /**
   * Reads one message, item by item, in order; never throws. `openCall` gives the body of a call of
   * ours that waits for its answer.
   */
  decode(data: WireData, openCall: (id: number) => Ours | undefined): readonly Received<Theirs>[]
}

/**
 * A connection. `send` takes a whole message and never throws; it may be called after the end. It
 * calls `sent` when it has no more use for the message; it need not, and then nobody writes to it.
 */
export interface Transport {
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  /** While true nothing more is taken from the other side: it does not read what it is sent. */
  readonly congested?: boolean
  send(data: WireData, sent?: () => void): void
  /** Runs something once, later, when what waits now has been sent; never if it will not be. */
  whenDrained?(run: () => void): void
  close(code: number, reason: string): void
}
