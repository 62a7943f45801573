/**
 * Waiting for something to become true, without asking again and again: whoever changes a thing says
 * so, and only those who wait for that thing look.
 */
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { Gfn, Lpid } from '../abi/page.ts'
import type { FrameState } from '../uvmem/frame-state.ts'
import type { VmState } from '../uvmem/vm-state.ts'
import type { PageCountName } from './counters.ts'

export const { waitersMax, waitTimeoutMsMax: waitMsMax } = REST_LIMITS

/** A VM as somebody waits for it: stopped by a fault, destroyed, or without its ultravisor too. */
export type AwaitedVm = VmState | 'fault' | 'gone' | 'orphan'

/** `open`: it is there, with a connection (`attached`) or without (`detached`). */
export type AwaitedSession = 'open' | 'attached' | 'detached' | 'closed'

export type WaitCondition =
  | { readonly of: 'vm'; readonly lpid: Lpid; readonly state: AwaitedVm }
  | { readonly of: 'frame'; readonly lpid: Lpid; readonly gfn: Gfn; readonly state: FrameState }
  /** A session with that id or name is there, or none is; without a name: any session. */
  | {
      readonly of: 'session'
      readonly session?: string | undefined
      readonly state: AwaitedSession
    }
  /** A count of a VM, or of the host, has come to `atLeast`. */
  | {
      readonly of: 'count'
      readonly lpid?: Lpid | undefined
      readonly count: CountName
      readonly atLeast: number
    }

/** A page count, or how often a call has ended. */
export type CountName = PageCountName | { readonly call: string }

export type WaitEnd =
  | { readonly how: 'met' }
  /** The time is over. */
  | { readonly how: 'late' }
  /** Who waited has gone. */
  | { readonly how: 'cancelled' }
  /** `waitersMax` wait already. */
  | { readonly how: 'full' }

export interface Wait {
  readonly end: Promise<WaitEnd>
  /** Gives up. */
  readonly cancel: () => void
}

export interface WaitPorts {
  /** True when the condition holds now. */
  readonly holds: (condition: WaitCondition) => boolean
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
}

interface Waiter {
  readonly condition: WaitCondition
  readonly finish: (end: WaitEnd) => void
}

/** What a change is about. */
export type Topic = WaitCondition['of']

export class Waits {
  readonly #ports: WaitPorts
  readonly #max: number
  readonly #byTopic = new Map<string, Set<Waiter>>()
  #size = 0

  constructor(ports: WaitPorts, max = waitersMax) {
    this.#ports = ports
    this.#max = max
  }

  /** Who waits now. */
  get size(): number {
    return this.#size
  }

  /** `timeoutMs`: 0 to `waitMsMax`; a longer time is cut short. */
  waitFor(condition: WaitCondition, timeoutMs: number): Wait {
    if (this.#ports.holds(condition)) return ended({ how: 'met' })
    if (this.#size >= this.#max) return ended({ how: 'full' })
    let cancel = (): void => undefined
    const end = new Promise<WaitEnd>((resolve) => {
      const waiter: Waiter = {
        condition,
        finish: (how) => {
          if (!this.#leave(waiter)) return
          stopTimer()
          resolve(how)
        },
      }
      const stopTimer = this.#ports.after(Math.min(timeoutMs, waitMsMax), () =>
        waiter.finish({ how: 'late' }),
      )
      this.#enter(waiter)
      cancel = () => waiter.finish({ how: 'cancelled' })
    })
    return { end, cancel: () => cancel() }
  }

  /** Something changed: those who wait for it look. Without a VM: those of all VMs do. */
  changed(topic: Topic, lpid?: Lpid): void {
    if (this.#size === 0) return
    if (lpid === undefined) {
      for (const key of [...this.#byTopic.keys()]) if (key.startsWith(topic)) this.#look(key)
      return
    }
    this.#look(keyOf(topic, lpid))
    if (topic === 'count') this.#look(keyOf(topic, undefined))
  }

  #look(key: string): void {
    const waiters = this.#byTopic.get(key)
    if (waiters === undefined) return
    for (const { condition, finish } of [...waiters]) {
      if (this.#ports.holds(condition)) finish({ how: 'met' })
    }
  }

  #enter(waiter: Waiter): void {
    const key = keyOf(waiter.condition.of, lpidOf(waiter.condition))
    const waiters = this.#byTopic.get(key) ?? new Set()
    waiters.add(waiter)
    this.#byTopic.set(key, waiters)
    this.#size++
  }

  /** False when it had left already. */
  #leave(waiter: Waiter): boolean {
    const key = keyOf(waiter.condition.of, lpidOf(waiter.condition))
    const waiters = this.#byTopic.get(key)
    if (waiters?.delete(waiter) !== true) return false
    if (waiters.size === 0) this.#byTopic.delete(key)
    this.#size--
    return true
  }
}

const ended = (end: WaitEnd): Wait => ({ end: Promise.resolve(end), cancel: () => undefined })

const lpidOf = (condition: WaitCondition): Lpid | undefined =>
  'lpid' in condition ? condition.lpid : undefined

const keyOf = (topic: Topic, lpid: Lpid | undefined): string => `${topic}:${lpid ?? ''}`
