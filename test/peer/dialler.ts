/** Connections that a client dials: nothing is on a wire, and the test plays the hypervisor. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Dial, WsOptions, WsTransport } from '../../src/peer/ws-transport.ts'
import { Line } from './pair.ts'
import { ResumablePair } from './resumable-pair.ts'

export interface Heard {
  readonly id: number
  readonly method?: string
  readonly params?: object
}

/** One of them. What was put off to the end of a turn has happened when a promise of it resolves. */
export class Dialled extends Line implements WsTransport {
  readonly options: WsOptions
  terminated = 0

  constructor(options: WsOptions) {
    super()
    this.options = options
  }

  terminate(): void {
    this.terminated++
  }

  /** What the client has said in JSON, since the last time. */
  async heard(): Promise<readonly Heard[]> {
    await turn()
    return this.sent.splice(0).flatMap((data) => ResumablePair.items(data))
  }

  async says(text: string): Promise<void> {
    this.options.receive(text)
    await turn()
  }

  async ends(code = 1_006, sentence = 'the cable was pulled'): Promise<void> {
    this.options.ended({ code, sentence })
    await turn()
  }
}

export class Dialler {
  readonly made: Dialled[] = []
  /** Times that somebody dialled. */
  times = 0
  /** Why there is no connection. */
  failure: Error | undefined
  /** Done with a connection before the client has it. */
  greet: (made: Dialled) => void = () => undefined

  readonly dial: Dial = async (options) => {
    this.times++
    if (this.failure !== undefined) throw this.failure
    const made = new Dialled(options)
    this.made.push(made)
    this.greet(made)
    return made
  }

  /** The latest connection. */
  get last(): Dialled {
    const last = this.made.at(-1)
    if (last === undefined) throw new Error('nobody has dialled')
    return last
  }
}
