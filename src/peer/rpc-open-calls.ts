/** The calls of ours that wait for their answers, and their ids. */
import type { WireCall } from '../../schemas/messages.ts'
import { CALL_ID_MAX } from '../../schemas/values.ts'
import { IdTable } from '../lib/id-table.ts'
import type { Done, OpenCall, ServedCall } from './rpc-calls.ts'
import { Load } from './rpc-load.ts'
import type { PeerLimits } from './rpc-options.ts'
import type { PeerWatch } from './rpc-restore.ts'

/**
 * An id that is answered is not used again for so many calls, however long it was open: whoever
 * answered it may still know it. More than any `answersKeptMax`.
 */
const IDS_APART = 2 ** 24

export class OpenCalls<Ours extends WireCall, Theirs extends WireCall> {
  readonly #calls = new IdTable<OpenCall<Ours, Theirs>>()
  readonly #load: Load
  /** Id of the next call, if no open one has it. */
  nextId: number

  readonly #watch: PeerWatch<Ours, Theirs> | undefined

  /** `firstId`: 1 to 2^32 - 1. `watch` is told of each call that gets an id. */
  constructor(limits: PeerLimits, firstId: number, watch?: PeerWatch<Ours, Theirs>) {
    this.#watch = watch
    this.#load = new Load(limits)
    this.nextId = firstId
  }

  get size(): number {
    return this.#calls.size
  }

  /** Top-level calls that may still be made. */
  get room(): number {
    return this.#load.room
  }

  isFull(isNested: boolean): boolean {
    return this.#load.isFull(isNested)
  }

  get(id: number): OpenCall<Ours, Theirs> | undefined {
    return this.#calls.get(id)
  }

  /** Notes a call that is made; `after` answers of ours were given before it. Returns its id. */
  add(body: Ours, caller: ServedCall<Ours, Theirs> | undefined, done: Done, after: number): number {
    const id = this.#takeId()
    this.#calls.add({ id, body, caller, done, after })
    this.#load.count(caller !== undefined, 1)
    this.#watch?.made(id, body)
    return id
  }

  /** A call is answered; undefined when there is none of that id. */
  finish(id: number): OpenCall<Ours, Theirs> | undefined {
    const call = this.#calls.get(id)
    if (call === undefined) return undefined
    this.#calls.delete(id)
    this.#load.count(call.caller !== undefined, -1)
    if ((id - this.nextId) >>> 0 < IDS_APART) this.nextId = following(id)
    return call
  }

  /** All of them, in the order in which they were made. */
  inOrder(): readonly OpenCall<Ours, Theirs>[] {
    const age = (id: number): number => (id - this.nextId) >>> 0
    return this.#calls.values().sort((a, b) => age(a.id) - age(b.id))
  }

  clear(): void {
    this.#calls.clear()
  }

  /** The next id that no open call has. */
  #takeId(): number {
    let id = this.nextId
    while (this.#calls.has(id)) id = following(id)
    this.nextId = following(id)
    return id
  }
}

/** Ids go round: 0 is none. */
const following = (id: number): number => (id === CALL_ID_MAX ? 1 : id + 1)
