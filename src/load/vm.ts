/** One VM of a load run, from its creation to its end, and what its guest has written where. */
import type { Gfn, Lpid } from '../abi/page.ts'
import type { LoadClient } from './client.ts'

export class LoadVm {
  readonly lpid: Lpid
  readonly client: LoadClient
  /** It has turned secure and is served by its ultravisor. */
  secure = false
  /** Eight bytes at the start of pages, as the guest has stored them. */
  readonly written = new Map<Gfn, bigint>()
  /** Ends when the operations before have ended: one at a time. */
  #turn: Promise<void> = Promise.resolve()

  constructor(client: LoadClient, lpid: Lpid) {
    this.client = client
    this.lpid = lpid
  }

  /** Its ultravisor is gone. */
  forget(): void {
    this.secure = false
    this.written.clear()
  }

  /** Runs something when it is its turn; what it throws comes out of here. */
  inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.then(ignore, ignore)
    return result
  }
}

const ignore = (): void => undefined
