/** What a hostile client says next: calls, answers, spoilt ones of both, and rubbish. */
import type { Prng } from '../../src/lib/prng.ts'
import {
  growAnswer,
  growBeginning,
  growCall,
  growStray,
  type Known,
  type Message,
  oneIn,
  pick,
} from './grow.ts'
import { downNumber, frameOf } from './grow-binary.ts'
import { spoilBytes, spoilText, spoilValue, wildBytes, wildText } from './mutate.ts'

export type Protocol = 'json' | 'bin'
export type Data = string | Uint8Array

/** Calls that may be made again, to the letter: more than answers are kept. */
const MADE_MAX = 60

export class Hostility {
  readonly protocol: Protocol
  readonly #random: Prng
  /** One message in so many is spoilt. */
  readonly #temper: number
  /** What it begins with, so that there is something to spoil. */
  readonly #first: Message[]
  /** Calls that were made not long ago. */
  readonly #made: Message[] = []

  constructor(protocol: Protocol, random: Prng) {
    this.protocol = protocol
    this.#random = random
    this.#temper = pick(random, [1, 3, 10, 40])
    this.#first = oneIn(random, 5) ? [] : growBeginning(random)
  }

  /** Something to send next, for a client that knows so much. */
  next(known: Known): Data {
    const random = this.#random
    const isJson = this.protocol === 'json'
    const first = this.#first.shift()
    if (first !== undefined) return isJson ? JSON.stringify(first) : frameOf(first)
    if (oneIn(random, 150)) return isJson ? wildBytes(random) : wildText(random)
    if (oneIn(random, 20)) return isJson ? wildText(random) : wildBytes(random)
    const messages = [this.#message(known)]
    while (oneIn(random, 4)) messages.push(this.#message(known))
    return isJson ? this.#spelled(messages) : this.#framed(messages, known)
  }

  #message(known: Known): Message {
    const random = this.#random
    // Calls that wait stop a VM: they have to be answered more often than they are made.
    const answers = known.asked.size > 0 && !oneIn(random, 3)
    const answer = answers ? growAnswer(random, known) : undefined
    if (answer !== undefined) return answer
    if (oneIn(random, 25)) return growStray(random)
    if (this.#made.length > 0 && oneIn(random, 25)) return pick(random, this.#made)
    const call = growCall(random, known)
    this.#made.push(call)
    if (this.#made.length > MADE_MAX) this.#made.shift()
    return call
  }

  #isSpoilt(): boolean {
    return oneIn(this.#random, this.#temper)
  }

  #spelled(messages: readonly Message[]): string {
    const random = this.#random
    const spoilt = messages.map((each) => (this.#isSpoilt() ? spoilValue(random, each) : each))
    const text = JSON.stringify(spoilt.length === 1 ? spoilt[0] : spoilt)
    return this.#isSpoilt() && oneIn(random, 3) ? spoilText(random, text) : text
  }

  #framed(messages: readonly Message[], { asked }: Known): Buffer {
    const random = this.#random
    const frames = messages.map((each) => {
      const frame = frameOf(each, downNumber(asked.get(Number(each['id']))))
      return this.#isSpoilt() ? spoilBytes(random, frame) : frame
    })
    const bytes = Buffer.concat(frames)
    return this.#isSpoilt() && oneIn(random, 4) ? spoilBytes(random, bytes) : bytes
  }
}
