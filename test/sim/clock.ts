/** Virtual time: what is to happen, in the order of its time, and of its coming where that is equal. */

interface Event {
  readonly time: number
  readonly serial: number
  run: (() => void) | undefined
}

const isBefore = (a: Event, b: Event): boolean =>
  a.time < b.time || (a.time === b.time && a.serial < b.serial)

export class Clock {
  /** Milliseconds since the world began. */
  now = 0
  /** Events that have happened. */
  events = 0
  readonly #heap: Event[] = []
  #serial = 0

  /** Runs something in so many milliseconds unless the returned function is called first. */
  after(ms: number, run: () => void): () => void {
    this.#serial++
    const event: Event = { time: this.now + Math.max(0, ms), serial: this.#serial, run }
    this.#push(event)
    return () => {
      event.run = undefined
    }
  }

  /** Lets the next thing happen; false when there is none before `until`. */
  step(until: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.time > until) return false
      this.#pop()
      if (next.run === undefined) continue
      this.now = next.time
      this.events++
      next.run()
      return true
    }
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, event)) break
      heap[at] = parent
      at = above
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      let child = heap[below]
      const right = heap[below + 1]
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right
        below++
      }
      if (child === undefined || isBefore(last, child)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

/** A process: what it wanted to do later does not happen once it is dead. */
export class Scope {
  readonly #clock: Clock
  isAlive = true
  readonly #ends: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  after = (ms: number, run: () => void): (() => void) =>
    this.#clock.after(ms, () => {
      if (this.isAlive) run()
    })

  /** `value`, or `dead` when the process dies before. */
  orDead<T, D>(value: Promise<T>, dead: D): Promise<T | D> {
    return new Promise((resolve, reject) => {
      if (!this.isAlive) resolve(dead)
      this.#ends.push(() => resolve(dead))
      value.then(resolve, reject)
    })
  }

  end(): void {
    this.isAlive = false
    for (const end of this.#ends.splice(0)) end()
  }
}
