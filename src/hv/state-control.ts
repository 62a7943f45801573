/**
 * The state of the whole host in the operator's hands: snapshots, named checkpoints, and reset.
 *
 * A snapshot waits for a moment in which no operation is under way, while new ones wait for it. What
 * replaces the state closes every session, ends every call and removes the fault rules first.
 */
import { REST_LIMITS } from '../../schemas/rest/limits.ts'
import type { Lpid } from '../abi/page.ts'
import type { Host } from '../uvmem/host.ts'
import { type HostSnapshot, snapshotOf, snapshotOfVm, type VmSnapshot } from '../uvmem/snapshot.ts'
import { addVmFromSnapshot, hostFromSnapshot } from '../uvmem/snapshot-read.ts'
import type { Hypervisor, LimitPassed } from './hypervisor.ts'
import { Hold } from './state-hold.ts'
import { limitPassedBy } from './state-limits.ts'

export const { checkpointsMax, checkpointNameCharsMax } = REST_LIMITS
/** Milliseconds that a snapshot waits for a quiet moment. */
export const quietWaitMsMax = 5_000

export interface Checkpoint {
  readonly name: string
  /** Milliseconds by the hypervisor's clock. */
  readonly time: number
  readonly vms: number
}

/** Why something could not be done, in one sentence. */
export interface StateRefusal {
  readonly why: 'busy' | 'unknown' | 'full' | 'unfit'
  readonly text: string
  /** What is full. */
  readonly passed?: { readonly limit: string; readonly max: number }
}

export interface StatePorts {
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
}

const refusal = (why: StateRefusal['why'], text: string): StateRefusal => ({ why, text })

const full = (limit: string, max: number, text = `${limit} allows ${max}.`): StateRefusal => ({
  why: 'full',
  text,
  passed: { limit, max },
})

export class StateControl {
  readonly #hv: Hypervisor
  readonly #ports: StatePorts
  readonly #checkpoints = new Map<
    string,
    { readonly time: number; readonly snapshot: HostSnapshot }
  >()
  /** One at a time: each waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(hv: Hypervisor, ports: StatePorts) {
    this.#hv = hv
    this.#ports = ports
  }

  /** The whole host between two operations. */
  snapshot(): Promise<HostSnapshot | StateRefusal> {
    return this.#quietly(() => snapshotOf(this.#hv.host))
  }

  /** Runs something while no operation is under way; not at all when none is for so long. */
  async quietly(run: () => void, waitMs: number): Promise<void> {
    await this.#quietly(run, waitMs)
  }

  /** One VM with its pages. */
  snapshotVm(lpid: Lpid): Promise<VmSnapshot | StateRefusal> {
    return this.#quietly(() => {
      const vm = this.#hv.vm(lpid)
      return vm === undefined
        ? refusal('unknown', `No VM has the LPID ${lpid}.`)
        : snapshotOfVm(this.#hv.host, vm)
    })
  }

  /** Puts the VM of a snapshot beside those that are there. */
  restoreVm(json: unknown): Promise<undefined | StateRefusal> {
    return this.#quietly(() => {
      const { host, framesTotal, config } = this.#hv
      const others = { vms: host.vms.size, frames: framesTotal }
      let passed: LimitPassed | undefined
      const error = addVmFromSnapshot(host, json, (vm) => {
        passed = limitPassedBy([vm], config.limits, others)
        return passed?.limit
      })
      if (error !== undefined && passed?.limit === error) return full(passed.limit, passed.max)
      if (error !== undefined) return refusal('unfit', `The snapshot does not fit: ${error}.`)
      this.#hv.recount()
      // Whoever watches has seen no call that made it.
      this.#hv.watch.replaced(this.#hv.host)
      return undefined
    })
  }

  /** Begins again with no VM, no session and no fault rule. */
  reset(): Promise<undefined | StateRefusal> {
    return this.#replace(() => this.#hv.emptyHost())
  }

  /** Goes on from a snapshot, which must be of the same profile and pool. */
  async restore(json: unknown): Promise<undefined | StateRefusal> {
    // A snapshot that does not fit changes nothing, nor ends any session.
    const fit = this.#read(json)
    return 'why' in fit ? fit : await this.#replace(() => fit.host)
  }

  /** Keeps the state under a name, in place of what had that name. */
  async save(name: string): Promise<Checkpoint | StateRefusal> {
    if (name.length === 0 || name.length > checkpointNameCharsMax) {
      return refusal('unfit', `A name has 1 to ${checkpointNameCharsMax} characters.`)
    }
    const snapshot = await this.snapshot()
    if ('why' in snapshot) return snapshot
    if (!this.#checkpoints.has(name) && this.#checkpoints.size >= checkpointsMax) {
      const text = `${checkpointsMax} checkpoints are kept at most: remove one first.`
      return full('checkpointsMax', checkpointsMax, text)
    }
    const time = this.#hv.ports.now()
    this.#checkpoints.set(name, { time, snapshot })
    return { name, time, vms: snapshot.vms.length }
  }

  checkpoints(): readonly Checkpoint[] {
    return [...this.#checkpoints].map(([name, { time, snapshot }]) => {
      return { name, time, vms: snapshot.vms.length }
    })
  }

  /** Goes on from a checkpoint, which stays. */
  async load(name: string): Promise<undefined | StateRefusal> {
    const kept = this.#checkpoints.get(name)
    if (kept === undefined) return refusal('unknown', `There is no checkpoint ${name}.`)
    return await this.restore(kept.snapshot)
  }

  /** False when there is none of that name. */
  remove(name: string): boolean {
    return this.#checkpoints.delete(name)
  }

  #read(json: unknown): { readonly host: Host } | StateRefusal {
    const { profile, poolPages, limits } = this.#hv.config
    const restored = hostFromSnapshot(json)
    if ('error' in restored)
      return refusal('unfit', `The snapshot does not fit: ${restored.error}.`)
    const { host } = restored
    if (host.profile !== this.#hv.emptyHost().profile) {
      return refusal('unfit', `The snapshot is of another profile; this host is ${profile}.`)
    }
    const pages = host.devices.pool.size
    if (pages !== poolPages) {
      return refusal('unfit', `The snapshot's pool has ${pages} pages, this host's ${poolPages}.`)
    }
    const passed = limitPassedBy(host.vms.values(), limits, { vms: 0, frames: 0 })
    return passed === undefined ? { host } : full(passed.limit, passed.max)
  }

  /** Does something while no operation is under way; new ones wait meanwhile. */
  #quietly<R>(run: () => R, waitMs = quietWaitMsMax): Promise<R | StateRefusal> {
    return this.#inTurn(async () => {
      const quiet = await this.#idle('wait', waitMs)
      try {
        return quiet ? run() : refusal('busy', 'Operations are under way and do not end.')
      } finally {
        this.#hv.release()
      }
    })
  }

  #replace(make: () => Host): Promise<undefined | StateRefusal> {
    const hv = this.#hv
    return this.#inTurn(async () => {
      const idle = this.#idle('gone', undefined)
      hv.dropWaiting()
      hv.gate?.rules.clear()
      for (const session of [...hv.sessions.list()]) {
        // First the session: what waits for its ultravisor must not call it again.
        hv.closeSession(session)
        session.link.end('HOST_RESET')
      }
      await idle
      try {
        for (const session of [...hv.sessions.list()]) {
          hv.closeSession(session)
          session.link.end('HOST_RESET')
        }
        hv.replaceHost(make())
      } finally {
        hv.release()
      }
      return undefined
    })
  }

  /** Holds new operations back; resolves a turn after the last one has ended, or when time is over. */
  #idle(how: 'wait' | 'gone', waitMs: number | undefined): Promise<boolean> {
    const hv = this.#hv
    return new Promise((resolve) => {
      const stopTimer =
        waitMs === undefined ? undefined : this.#ports.after(waitMs, () => resolve(false))
      const idle = (): void => {
        // A turn later everybody who was told of an end has done what he does about it.
        hv.ports.later(() => {
          if (hv.openOperations > 0) return
          stopTimer?.()
          resolve(true)
        })
      }
      hv.hold(new Hold(how, idle))
      if (hv.openOperations === 0) idle()
    })
  }

  #inTurn<R>(run: () => Promise<R>): Promise<R> {
    const turn = this.#turn.then(run, run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
