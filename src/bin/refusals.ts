/** Remembers the last hypercall that was refused, for each guest: why a switch failed. */
import type { Outcome } from '../../schemas/messages.ts'
import type { UvRequest } from '../abi/calls.ts'
import type { Lpid } from '../abi/page.ts'
import { answerName, callText } from '../peer/uv-errors.ts'

export interface Refusal {
  readonly call: string
  readonly code: string
}

export class Refusals {
  readonly #last = new Map<Lpid, Refusal>()

  /** For UvWatch.answered. H_SVM_INIT_ABORT never answers success, so it says nothing. */
  readonly note = (request: UvRequest, outcome: Outcome): void => {
    if (outcome.kind !== 'answer' || outcome.ret === 0) return
    if (request.call === 'H_SVM_INIT_ABORT') return
    const code = answerName(request.call, outcome.ret)
    this.#last.set(request.lpid, { call: callText(request), code })
  }

  last(lpid: Lpid): Refusal | undefined {
    return this.#last.get(lpid)
  }
}
