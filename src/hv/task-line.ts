/** Operations in a row: nothing is allocated for one that comes or goes, as each knows the next. */
import type { Task } from './operation.ts'

export class TaskLine {
  #first: Task | undefined
  #last: Task | undefined
  #length = 0

  get first(): Task | undefined {
    return this.#first
  }

  get length(): number {
    return this.#length
  }

  /** Puts an operation at the end; it is in no other line. */
  push(op: Task): void {
    if (this.#last === undefined) this.#first = op
    else this.#last.next = op
    this.#last = op
    this.#length++
  }

  /** Takes the first one out. */
  shift(): Task | undefined {
    const op = this.#first
    if (op === undefined) return undefined
    this.#first = op.next
    if (op.next === undefined) this.#last = undefined
    op.next = undefined
    this.#length--
    return op
  }

  *[Symbol.iterator](): Generator<Task> {
    for (let op = this.#first; op !== undefined; op = op.next) yield op
  }
}
