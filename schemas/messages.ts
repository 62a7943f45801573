/**
 * What the wire says once it is decoded, whatever the subprotocol: calls, answers, errors.
 *
 * The bodies are the ABI's own call types (src/abi/calls.ts). Beside them stand only what a real
 * machine does not need: the page that UV_PAGE_IN would find at its RA, and SESSION_OPEN.
 */
import type {
  CallName,
  Ucall,
  UvPageIn,
  UvRegisterMemSlot,
  UvRequest,
  UvUnregisterMemSlot,
} from '../src/abi/calls.ts'
import type { Page } from '../src/abi/page.ts'

/** Opens a session, or takes up the one that `resume` is the token of. */
export interface SessionOpen {
  readonly call: 'SESSION_OPEN'
  /** For people: logs and the dashboard show it. */
  readonly name: string
  readonly resume?: string
  /** With `resume`: calls without an answer that come again, first of all; 0 when it is left out. */
  readonly unanswered?: number
  /**
   * With `resume`: counts up with every attempt of one client, so that one that arrives late, on a
   * connection that the client has given up, is known for it; not checked when it is 0 or left out.
   */
  readonly attempt?: number
}

/** UV_PAGE_IN with what the ultravisor would read at `ra`. */
export interface UvPageInWithPage extends UvPageIn {
  readonly page: Page
}

/** Whatever an ultravisor sends to the hypervisor. */
export type UpCall = UvRequest | UvRegisterMemSlot | UvUnregisterMemSlot | SessionOpen
/** Whatever the hypervisor sends to an ultravisor. */
export type DownCall = Exclude<Ucall, UvPageIn> | UvPageInWithPage
export type WireCall = UpCall | DownCall

/** What a client learns about the host when its session opens. */
export interface SessionFacts {
  /** Names the session in logs and in REST answers. */
  readonly session: string
  /** Secret: resumes the session. */
  readonly token: string
  readonly host: {
    readonly pageShift: number
    /** Device pages in the pool: 0 means "no ultravisor firmware". */
    readonly poolPages: number
    readonly profile: string
  }
}

/** A call. Ids are counted by its sender; `parent` is the other side's call it is made in, 0 for none. */
export interface CallMessage<Body> {
  readonly kind: 'call'
  /** 1 to 2^32 - 1. */
  readonly id: number
  readonly parent: number
  readonly body: Body
}

/** The outputs of an answer besides its code; each call has at most one of them. */
export interface AnswerOutput {
  /** UV_PAGE_OUT: what was written to the RA. */
  readonly page?: Page
  /** MEM_READ: what was loaded. */
  readonly bytes?: Uint8Array
  /** SESSION_OPEN. */
  readonly session?: SessionFacts
}

/** The answer to a call: a register's code. */
export interface AnswerMessage extends AnswerOutput {
  readonly kind: 'answer'
  readonly id: number
  /** The call that is answered. */
  readonly call: CallName
  readonly ret: number
}

/** Details of an error, flat. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>

/** An error instead of an answer; `id` 0 when it belongs to no call. */
export interface ErrorMessage {
  readonly kind: 'error'
  readonly id: number
  /** See errors.ts. */
  readonly code: number
  readonly message: string
  readonly data?: ErrorData
}

/** How a call ends, once and definitely. */
export type Outcome = AnswerMessage | ErrorMessage

/** Anything that one side sends; `Body` is its calls. */
export type Message<Body> = CallMessage<Body> | AnswerMessage | ErrorMessage
