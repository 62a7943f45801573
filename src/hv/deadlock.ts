/**
 * Finds calls that would wait for themselves.
 *
 * On the real machine an operation holds uvmem_lock of its VM while the ultravisor serves its
 * ultracall. A page hypercall for the same VM from inside that ultracall waits for that lock, for
 * ever; so do two VMs whose ultracalls each wait for the other. Source: spec of the hypervisor,
 * section 2.
 */
import type { Lpid } from '../abi/page.ts'
import type { UvCall } from './operation.ts'

/** A nested operation that is under way or waits. */
interface NestedWait {
  /** The VM whose queue it needs. */
  readonly wants: Lpid
  /** VMs whose operations wait for it to end. */
  readonly holds: ReadonlySet<Lpid>
}

const NOTHING: ReadonlySet<Lpid> = new Set()

export class DeadlockWatch {
  readonly #waits = new Set<NestedWait>()
  /** Calls that were refused. */
  found = 0

  /**
   * Notes that `call` will wait for the queue of `wants`. Returns what to run when it has ended, or
   * `undefined` when it would wait for itself.
   */
  enter(call: UvCall, wants: Lpid): (() => void) | undefined {
    const holds = heldBy(call)
    if (holds.size === 0) return nothing
    if (this.#leadsBack(wants, holds)) {
      this.found++
      return undefined
    }
    const wait = { wants, holds }
    this.#waits.add(wait)
    return () => this.#waits.delete(wait)
  }

  #leadsBack(wants: Lpid, holds: ReadonlySet<Lpid>): boolean {
    const seen = new Set<Lpid>([wants])
    for (const lpid of seen) {
      if (holds.has(lpid)) return true
      for (const wait of this.#waits) if (wait.holds.has(lpid)) seen.add(wait.wants)
    }
    return false
  }
}

const nothing = (): void => undefined

/** The VMs whose operations wait for the ultracalls that `call` was made in. */
function heldBy(call: UvCall): ReadonlySet<Lpid> {
  if (call.parent === 0) return NOTHING
  const held = new Set<Lpid>()
  for (const ancestor of call.ancestors()) {
    if (ancestor.by === 'us' && 'lpid' in ancestor.body) held.add(ancestor.body.lpid)
  }
  return held
}
