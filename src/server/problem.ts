/** Makes problem documents. Source: RFC 9457. */
import {
  PROBLEM,
  type ProblemDetails,
  type ProblemDocument,
  type ProblemName,
  problemType,
} from '../../schemas/rest/problem.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** An answer that is a problem. A class of its own, so that it is never taken for a result. */
export class Problem {
  readonly document: ProblemDocument
  readonly #name: ProblemName

  constructor(name: ProblemName, details: ProblemDetails) {
    this.#name = name
    const { status, title } = PROBLEM[name]
    this.document = { type: problemType(name), title, status, ...details }
  }

  get status(): number {
    return this.document.status
  }

  /** The same problem, saying more. */
  with(more: Partial<ProblemDetails>): Problem {
    const { type: _type, title: _title, status: _status, ...details } = this.document
    return new Problem(this.#name, { ...details, ...more })
  }
}

/** A problem with a sentence and nothing else. */
export const problem = (name: ProblemName, detail: string): Problem => new Problem(name, { detail })
