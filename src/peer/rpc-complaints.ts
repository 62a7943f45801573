/** What is wrong with what the other side sent, or what it says is wrong with ours: counted and told. */
import type { CloseName } from '../../schemas/errors.ts'
import { CLOSE } from '../../schemas/errors.ts'
import type { ErrorMessage } from '../../schemas/messages.ts'
import { errorMessage } from './rpc-calls.ts'
import type { Fault } from './rpc-codec.ts'
import type { Counters } from './rpc-counters.ts'
import type { Report } from './rpc-options.ts'

/** Its text is made when it is read: of many faults nobody wants to know more than how many there are. */
class FaultReport implements Report {
  readonly kind = 'fault'
  readonly #told: ErrorMessage

  constructor(told: ErrorMessage) {
    this.#told = told
  }

  get text(): string {
    const { message, data } = this.#told
    return `${message} ${JSON.stringify(data ?? {})}`
  }
}

export class Complaints {
  readonly #counters: Counters
  readonly #report: (report: Report) => void

  constructor(counters: Counters, report: (report: Report) => void = () => undefined) {
    this.#counters = counters
    this.#report = report
  }

  /** What the other side is told; `id` is that of the call at fault, 0 when it may not be named. */
  fault({ error, data }: Fault, id: number): ErrorMessage {
    this.#counters.faultsReceived += 1
    this.#counters.errorsSent += 1
    const message = errorMessage(error, id, data)
    this.#report(new FaultReport(message))
    return message
  }

  /** A message that ends the connection. */
  breakage(close: CloseName): void {
    this.#counters.faultsReceived += 1
    this.#report({ kind: 'fault', text: CLOSE[close].text })
  }

  /** An answer to no call. */
  stray(why: string): void {
    this.#counters.straysReceived += 1
    this.#report({ kind: 'stray', text: why })
  }

  /** An error that belongs to no call of ours. */
  received({ code, message }: ErrorMessage): void {
    this.#report({ kind: 'complaint', text: `${code} ${message}` })
  }
}
