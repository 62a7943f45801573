/** How an operation of a load run fails, as a short code: what the table counts errors by. */
import { RestError } from '../peer/hv-rest.ts'
import { UvCallError } from '../peer/uv-errors.ts'
import { ConnectError } from '../peer/ws-transport.ts'

/** The server, or the ultravisor here, answered something else than success. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/** The run cut the connection on purpose: no error, and no success either. */
export const KILLED = 'KILLED'

/** `NOT_YOUR_LPID`, `HTTP 409 refused`, `H_PARAMETER (-4)` …; what is no failure of an operation is thrown on. */
export function codeOf(error: unknown): string {
  if (error instanceof Refused) return error.code
  if (error instanceof UvCallError) return error.code ?? String(error.error.code)
  if (error instanceof ConnectError) return 'CANNOT_CONNECT'
  if (error instanceof RestError) {
    const name = error.problem?.type.split(':').at(-1)
    return error.status === 0 ? 'HTTP no answer' : `HTTP ${error.status} ${name ?? ''}`.trim()
  }
  throw error
}
