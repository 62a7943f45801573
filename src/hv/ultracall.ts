/**
 * Makes the core's ultracalls to the ultravisor that serves the VM, with the pages that a real
 * ultravisor would find, or leave, in the host's memory.
 */
import type { DownCall, Outcome } from '../../schemas/messages.ts'
import type { Ucall, UcallName } from '../abi/calls.ts'
import { U } from '../abi/codes.ts'
import { DEVICE_RA_START, frameOf, type Page, type Ra } from '../abi/page.ts'
import type { Done } from '../peer/rpc-calls.ts'
import type { Host } from '../uvmem/host.ts'
import type { FaultGate } from './faults-gate.ts'
import type { Task } from './operation.ts'
import type { Sessions } from './session.ts'

/** Told the code of an ultracall. */
type Answer = (op: Task, ret: number) => void

/** What is told of ultracalls as they are made and answered. */
export interface UcallWatch {
  asked(op: Task, call: DownCall): void
  answered(op: Task, call: DownCall, ret: number, error: string | undefined): void
}

/**
 * What no ultravisor answers. Its SVMs are gone with it, so whatever ends one has succeeded; the
 * rest finds nobody to serve it. DIFF: on the real machine the ultravisor cannot go away.
 */
export const WITHOUT_UV: Readonly<Record<UcallName, number>> = {
  UV_REGISTER_MEM_SLOT: U.FUNCTION,
  UV_UNREGISTER_MEM_SLOT: U.SUCCESS,
  UV_PAGE_IN: U.FUNCTION,
  UV_PAGE_OUT: U.FUNCTION,
  UV_PAGE_INVAL: U.SUCCESS,
  UV_SVM_TERMINATE: U.SUCCESS,
  UV_WRITE_PATE: U.SUCCESS,
}

export class Ultracalls {
  readonly #host: () => Host
  readonly #sessions: Sessions
  readonly #watch: UcallWatch
  readonly #gate: FaultGate | undefined

  constructor(host: () => Host, sessions: Sessions, watch: UcallWatch, gate?: FaultGate) {
    this.#host = host
    this.#sessions = sessions
    this.#watch = watch
    this.#gate = gate
  }

  /** Makes a call for an operation; `answer` is told its code, once. */
  ask(op: Task, call: Ucall, answer: Answer): void {
    const body = this.#withPage(call)
    const session = this.#sessions.ownerOf(call.lpid)
    op.asking = body
    this.#watch.asked(op, body)
    if (session === undefined) {
      this.#settle(body)
      const ret = WITHOUT_UV[call.call]
      this.#watch.answered(op, body, ret, 'no ultravisor serves this LPID')
      answer(op, ret)
      return
    }
    const told = (outcome: Outcome): void => {
      this.#settle(body)
      const ret = this.#retOf(body, outcome)
      this.#watch.answered(op, body, ret, outcome.kind === 'error' ? outcome.message : undefined)
      answer(op, ret)
    }
    const parent = op.call?.id ?? 0
    if (this.#gate === undefined || this.#gate.rules.size === 0) {
      session.link.call(body, parent, told)
    } else {
      const send = (done: Done): void => session.link.call(body, parent, done)
      this.#gate.outgoing(session, body, send, told)
    }
  }

  #withPage(call: Ucall): DownCall {
    if (call.call !== 'UV_PAGE_IN') return call
    const { lpid, ra, gpa, flags, order } = call
    return { call: 'UV_PAGE_IN', lpid, ra, gpa, flags, order, page: this.#read(ra) }
  }

  /** A device page cannot be read by the host: linux-5.6 sends one all the same. */
  #read(ra: Ra): Page {
    return ra >= DEVICE_RA_START ? null : this.#host().ram.lend(frameOf(ra))
  }

  /** The call is over: its page was sent as often as it will be. */
  #settle(call: DownCall): void {
    if (call.call !== 'UV_PAGE_IN' || !(call.page instanceof Uint8Array)) return
    this.#host().ram.settle(frameOf(call.ra), call.page)
  }

  #retOf(call: DownCall, outcome: Outcome): number {
    // An ultravisor that breaks the wire instead of answering has not done what it was asked for.
    if (outcome.kind === 'error') return WITHOUT_UV[call.call]
    if (call.call === 'UV_PAGE_OUT' && outcome.ret === U.SUCCESS) {
      this.#host().ram.write(frameOf(call.ra), outcome.page ?? null)
    }
    return outcome.ret
  }
}
