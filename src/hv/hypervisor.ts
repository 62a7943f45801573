/**
 * The hypervisor as an application: VMs by LPID, a queue for each, sessions of ultravisors.
 *
 * It knows ports, not sockets: who has a connection hands it a UvLink and the calls that come in.
 */

import type { LimitName } from '../../schemas/limits.ts'
import type { DownCall } from '../../schemas/messages.ts'
import { LPID_MAX, type Lpid } from '../abi/page.ts'
import { invariant } from '../lib/assert.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { type Host, newHost, type Vm } from '../uvmem/host.ts'
import { HV_PROFILES } from '../uvmem/profile.ts'
import { createVm } from '../uvmem/vmm/life.ts'
import type { HvConfig, HvPorts } from './config.ts'
import { DeadlockWatch } from './deadlock.ts'
import type { FaultGate } from './faults-gate.ts'
import { type Operation, type Settle, Task } from './operation.ts'
import { type Session, Sessions, type UvLink } from './session.ts'
import { Grace } from './session-grace.ts'
import type { Hold } from './state-hold.ts'
import { Ultracalls } from './ultracall.ts'
import { VmQueue } from './vm-queue.ts'
import { type HvWatch, NO_WATCH } from './watch.ts'

/** A limit that a wish would pass. */
export interface LimitPassed {
  readonly limit: LimitName
  readonly max: number
}

export class Hypervisor {
  readonly config: HvConfig
  readonly sessions = new Sessions()
  /** Sessions that wait for another connection. */
  readonly grace: Grace
  readonly deadlocks = new DeadlockWatch()
  readonly watch: HvWatch
  readonly ports: HvPorts
  /** Where fault rules take hold; none: there are no rules. */
  readonly gate: FaultGate | undefined
  readonly #queues = new RecentMap<Lpid, VmQueue>()
  readonly #ultracalls: Ultracalls
  /** VMs whose ultravisor was lost while they were not normal. */
  readonly #orphans = new Set<Lpid>()
  #host: Host
  #framesTotal = 0
  /** Operations that have been queued and have not ended. */
  #open = 0
  #hold: Hold | undefined
  #stopping = false

  constructor(config: HvConfig, ports: HvPorts, watch: HvWatch = NO_WATCH, gate?: FaultGate) {
    this.config = config
    this.ports = ports
    this.watch = watch
    this.gate = gate
    this.grace = new Grace(config.limits.sessionGraceMs, ports)
    this.#host = this.emptyHost()
    this.#ultracalls = new Ultracalls(() => this.#host, this.sessions, watch, gate)
  }

  /** True once `stop` was called: new calls are refused. */
  get stopping(): boolean {
    return this.#stopping
  }

  stop(): void {
    this.#stopping = true
  }

  /** The state of everything: another object after a reset. */
  get host(): Host {
    return this.#host
  }

  /** A host as it is at the start. */
  emptyHost(): Host {
    const { profile, poolPages, notifiesMigrations } = this.config
    return newHost({ profile: HV_PROFILES[profile], poolSize: poolPages, notifiesMigrations })
  }

  /**
   * Another state takes the place of this one. Nobody is connected and nothing is under way: see
   * state-control.ts. VMs that are not normal have lost their ultravisor.
   */
  replaceHost(host: Host): void {
    invariant(this.sessions.size === 0, 'a host is replaced when nobody serves its VMs')
    this.adoptHost(host)
  }

  /** The same for a state in which the VMs of the sessions are as they were. */
  adoptHost(host: Host): void {
    invariant(this.#open === 0, 'a host is replaced between calls')
    this.#host = host
    this.recount()
    this.watch.replaced(host)
  }

  /** Finds out anew how many pages there are and which VMs have no ultravisor. */
  recount(): void {
    this.#orphans.clear()
    this.#framesTotal = 0
    for (const { lpid, slots, secureGuest } of this.#host.vms.values()) {
      if (secureGuest !== 0 && this.sessions.ownerOf(lpid) === undefined) this.#orphans.add(lpid)
      for (const { pages } of slots) this.#framesTotal += pages
    }
  }

  /** Holds operations that come from now on back. Those in the queues go on. */
  hold(hold: Hold): void {
    this.#hold = hold
  }

  /** Ends what has not begun: its VM is about to go. */
  dropWaiting(): void {
    this.watch.dropped()
    for (const queue of [...this.#queues.values()]) queue.drop()
  }

  /** Goes on with what was held back. */
  release(): void {
    const held = this.#hold?.waiting ?? []
    this.#hold = undefined
    for (const op of held) this.#push(op)
  }

  get isHeld(): boolean {
    return this.#hold !== undefined
  }

  /** Operations of all VMs that are under way or wait in queues. */
  get openOperations(): number {
    return this.#open
  }

  vm(lpid: Lpid): Vm | undefined {
    return this.#host.vms.get(lpid)
  }

  /** True when the VM is not normal and its ultravisor is gone. */
  isOrphan(lpid: Lpid): boolean {
    return this.#orphans.has(lpid)
  }

  /** Operations of a VM that are under way or wait. */
  queueLength(lpid: Lpid): number {
    return this.#queues.get(lpid)?.length ?? 0
  }

  /** Pages in all memory slots. */
  get framesTotal(): number {
    return this.#framesTotal
  }

  /** Says that memory slots have grown or shrunk by so many pages. */
  countFrames(pages: number): void {
    this.#framesTotal += pages
  }

  /** An empty VM that can turn secure, or the limit that forbids it; the LPID must be free. */
  makeVm(lpid: Lpid, radix = true, svmEnabled = true): Vm | LimitPassed {
    const { vmsMax } = this.config.limits
    if (this.host.vms.size >= vmsMax) return { limit: 'vmsMax', max: vmsMax }
    const vm = createVm(this.host, { lpid, radix, svmEnabled, slots: [] })
    if (vm === undefined) return { limit: 'vmsMax', max: LPID_MAX }
    this.watch.made(vm)
    return vm
  }

  /** Puts an operation at the end of its VM's queue. */
  submit<R>(op: Operation<R>): void {
    // What `begin` returns is what `done` is told, so nobody in between need know its type.
    const each = op as unknown as Operation
    if (this.gate === undefined || this.gate.rules.size === 0) this.#push(each)
    else this.gate.operation(each, (allowed) => this.#push(allowed))
  }

  #push(op: Operation): void {
    if (this.#hold?.takes(op) === true) return
    this.#open++
    const queue = this.#queueOf(op.lpid)
    const task = new Task(op, this.#settle)
    this.watch.queued(task, queue.length + 1)
    queue.push(task)
  }

  readonly #settle: Settle = (task, end) => {
    this.watch.ended(task, end)
    task.tell(end)
    this.#tidy(task.lpid)
    this.#open--
    if (this.#open === 0) this.#hold?.idle()
  }

  /** The operation that waits for this ultracall of ours. */
  taskAsking(call: DownCall): Task | undefined {
    return this.#queues.get(call.lpid)?.taskAsking(call)
  }

  /** Opens a session, which `token` resumes. Those that have no connection count as well. */
  openSession(name: string, link: UvLink, token = this.ports.token()): Session | LimitPassed {
    const { sessionsMax } = this.config.limits
    if (this.sessions.size >= sessionsMax) return { limit: 'sessionsMax', max: sessionsMax }
    const session = this.sessions.open(name, link, this.ports.now(), token)
    this.watch.opened(session)
    return session
  }

  /** Opens a session that was written down. It has no connection: see `detachSession`. */
  restoreSession(serial: number, name: string, link: UvLink, digest: Uint8Array): Session {
    const session = this.sessions.restore(serial, name, link, this.ports.now(), digest)
    this.watch.opened(session)
    return session
  }

  /**
   * A session has lost its connection, and may go on with another one until its grace time is over.
   * Its VMs and calls are its own meanwhile; what is asked of its ultravisor waits.
   */
  detachSession(session: Session): void {
    if (!this.sessions.has(session)) return
    this.grace.begin(session, () => session.link.givenUp(this.closeSession(session)))
    this.watch.detached(session)
  }

  /** It goes on, after a break or (`fenced`) in place of a connection that was still there. */
  attachSession(session: Session, fenced = false): void {
    this.grace.end(session)
    session.resumes++
    this.watch.attached(session, fenced)
    this.gate?.resumed(session)
  }

  /** Gives a session up: its VMs are kept as they are, or reset, as configured. Returns them. */
  closeSession(session: Session): readonly Lpid[] {
    if (!this.sessions.has(session)) return []
    this.grace.end(session)
    const left = this.sessions.close(session)
    for (const lpid of left) {
      if ((this.vm(lpid)?.secureGuest ?? 0) !== 0) this.#orphans.add(lpid)
    }
    this.watch.closed(session)
    this.gate?.closed(session)
    return left
  }

  /** A VM has a new owner, or its SVM has ended. */
  own(session: Session, lpid: Lpid): void {
    this.#orphans.delete(lpid)
    this.sessions.own(session, lpid)
  }

  disown(lpid: Lpid): void {
    this.#orphans.delete(lpid)
    this.sessions.disown(lpid)
  }

  #queueOf(lpid: Lpid): VmQueue {
    let queue = this.#queues.get(lpid)
    if (queue === undefined) {
      queue = new VmQueue(
        {
          vm: () => this.host.vms.get(lpid),
          freePfns: () => this.host.devices.available,
          ask: (op, call, answer) => this.#ultracalls.ask(op, call, answer),
          later: (run, op) => this.ports.later(run, op),
          began: (op, vm) => this.watch.began(op, vm),
          resumed: (op) => this.watch.resumed(op),
          failed: (op, error) => this.ports.failed?.(op.lpid, error),
        },
        this.config.window,
      )
      this.#queues.set(lpid, queue)
    }
    return queue
  }

  /** Lets the queue of a VM go that is gone and idle; an SVM that has ended has no owner. */
  #tidy(lpid: Lpid): void {
    const vm = this.host.vms.get(lpid)
    if (vm !== undefined) return
    this.disown(lpid)
    if (this.queueLength(lpid) === 0) this.#queues.delete(lpid)
  }
}
