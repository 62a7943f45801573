/** What an RPC peer is made with. */
import type { Limits } from '../../schemas/limits.ts'
import type { WireCall } from '../../schemas/messages.ts'
import type { Incoming } from './rpc-calls.ts'
import type { Codec, Transport } from './rpc-codec.ts'
import type { PeerWatch } from './rpc-restore.ts'

/** Something the other side did that no caller of ours is told about. */
export interface Report {
  /**
   * `fault`: it was told what is wrong with what it sent. `stray`: an answer to no open call.
   * `complaint`: it says that something we sent was wrong.
   */
  readonly kind: 'fault' | 'stray' | 'complaint'
  readonly text: string
}

export type PeerLimits = Pick<
  Limits,
  'callsInFlightMax' | 'nestedCallsInFlightMax' | 'sendBufferBytesMax'
> &
  Partial<Pick<Limits, 'answersKeptMax' | 'answerBytesKeptMax'>>

export interface PeerOptions<Ours extends WireCall, Theirs extends WireCall> {
  readonly codec: Codec<Ours, Theirs>
  /** Without one the peer waits for a connection, as one does whose own has broken. */
  readonly transport?: Transport
  /** Runs the flush at the end of this turn: queueMicrotask, or setImmediate to gather more. */
  readonly defer: (flush: () => void) => void
  /** Serves a call; may answer it before it returns. */
  readonly serve: (incoming: Incoming<Ours, Theirs>) => void
  readonly report?: (report: Report) => void
  readonly limits?: PeerLimits
  /**
   * Items that are gathered before a message leaves in the middle of a turn: while one side is still
   * busy with its turn the other can begin, so that two processors work at the same time. Without it
   * everything waits for the end of the turn.
   */
  readonly itemsPerSend?: number
  /**
   * The calls outlive the connection: when it breaks they wait for `adopt`, or for `end`. Without it
   * they end with their connection, and no answers are kept.
   */
  readonly outlives?: boolean
  /**
   * Told `true` when after a resume nothing is said until the calls have come again that the other side
   * announced, and `false` when that is over, for whatever reason: the peer has no clock of its own.
   */
  readonly waits?: ((isWaiting: boolean) => void) | undefined
  /** Id of the first call: 1 to 2^32 - 1. */
  readonly firstId?: number
  /** Told of everything that has to be written down so that the calls outlive the process. */
  readonly watch?: PeerWatch<Ours, Theirs> | undefined
}
