/**
 * What a ledger holds: everything that came from outside and was let in, in the order in which it
 * happened, and what was said about it. The core is deterministic, so that a state and what came
 * after it give the next state: see ledger-replay.ts.
 *
 * A record is u32 kind, u32 bytes of its body, body: ledger-record-write.ts has each.
 */
import { z } from 'zod'
import type { AnswerOutput, CallMessage, Outcome, UpCall } from '../../schemas/messages.ts'
import type { Ended } from './operation.ts'
import type { VmmCall } from './vmm-call.ts'

export const RecordKind = {
  /** The whole host: what a file begins with, or what took the place of another state. */
  Host: 1,
  /** A session was opened, or was open when the file was begun. */
  Session: 2,
  /** A session was given up. */
  SessionEnd: 3,
  /** A VM was made. */
  Made: 4,
  /** A call of an ultravisor came. */
  Call: 5,
  /** An operation came into its VM's queue. */
  Queue: 6,
  /** An ultracall of an operation was made. */
  Ask: 7,
  /** An operation was told how its ultracall ended. */
  Answer: 8,
  /** A long operation went on. */
  Turn: 9,
  /** An operation ended. */
  End: 10,
  /** A call of an ultravisor was answered. */
  Reply: 11,
  /** A call stored into normal memory. */
  Store: 12,
  /** From now on no page-out finds a normal frame, or it does again. */
  Deny: 13,
  /** Operations whose turn had not come ended. */
  Drop: 14,
  /** An answer that was given before the file was begun. */
  Kept: 15,
  /** A call counts as never come. */
  Forget: 16,
} as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

/** A session as a ledger has it. */
export const LedgerSession = z.strictObject({
  serial: z.int().min(1),
  name: z.string(),
  /** Whose token opened it. */
  who: z.string(),
  /** SHA-256 of its token, in hexadecimal: the token itself is nowhere on the disk. */
  token: z.string().regex(/^[0-9a-f]{64}$/),
  lpids: z.array(z.int()),
  /** Id of the next ultracall. */
  next_id: z.int(),
  /** Highest id of a call that came. */
  highest_id: z.int(),
  /** Ids of calls that came and count as never come. */
  forgotten: z.array(z.int()),
  /** Every answer that it was ever given is among the kept ones; files of before do not say. */
  whole: z.boolean().default(false),
})
export type LedgerSession = z.output<typeof LedgerSession>

/** A call that came before: told apart from others by these. */
export interface CallRef {
  readonly session: number
  readonly id: number
}

export type LedgerRecord =
  | { readonly kind: typeof RecordKind.Host; readonly json: unknown }
  | { readonly kind: typeof RecordKind.Session; readonly session: LedgerSession }
  | { readonly kind: typeof RecordKind.SessionEnd; readonly session: number }
  | {
      readonly kind: typeof RecordKind.Made
      readonly lpid: number
      readonly radix: boolean
      readonly svmEnabled: boolean
    }
  | {
      readonly kind: typeof RecordKind.Call
      readonly session: number
      readonly call: CallMessage<UpCall>
    }
  | {
      readonly kind: typeof RecordKind.Queue
      readonly n: number
      readonly lpid: number
      readonly starved: boolean
      readonly asked: CallRef | VmmCall
    }
  | ({ readonly kind: typeof RecordKind.Ask; readonly n: number } & CallRef)
  | {
      readonly kind: typeof RecordKind.Answer
      readonly n: number
      readonly ret: number
      readonly failed: boolean
      readonly output: AnswerOutput
    }
  | { readonly kind: typeof RecordKind.Turn; readonly n: number }
  | {
      readonly kind: typeof RecordKind.End
      readonly n: number
      readonly how: Ended<unknown>['how']
      readonly code: number
    }
  | {
      readonly kind: typeof RecordKind.Reply
      readonly session: number
      readonly outcome: Outcome
    }
  | ({ readonly kind: typeof RecordKind.Store } & CallRef)
  | ({ readonly kind: typeof RecordKind.Forget } & CallRef)
  | { readonly kind: typeof RecordKind.Deny; readonly denied: boolean }
  | { readonly kind: typeof RecordKind.Drop }
  | {
      readonly kind: typeof RecordKind.Kept
      readonly session: number
      readonly low: number
      readonly high: number
      readonly outcome: Outcome
    }

/** What is behind the code of an answer. */
export const ResultKind = { Code: 0, Zeros: 1, Tag: 2, Page: 3, Bytes: 4, Error: 5 } as const

/** How operations end, by their numbers in a ledger. */
export const HOWS = ['done', 'fault', 'gone'] as const satisfies readonly Ended<unknown>['how'][]
