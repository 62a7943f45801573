/** What waits to be taken in while the other side does not read what it is sent. */
import type { Received, WireData } from './rpc-codec.ts'

/** The rest of a message that was being taken in, and the messages behind it. */
export class Backlog<Theirs> {
  readonly items: readonly Received<Theirs>[]
  readonly messages: WireData[] = []

  constructor(items: readonly Received<Theirs>[] = []) {
    this.items = items
  }

  get isEmpty(): boolean {
    return this.items.length === 0
  }
}
