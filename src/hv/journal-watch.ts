/**
 * Watches the hypervisor and keeps its journal, its counters, the history of its frames, and those
 * who wait for something.
 *
 * It runs twice for each page that moves, and once more for its ultracall: nothing here allocates
 * more than one small note for a call, and no clock is looked at that need not be.
 */
import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import { H_PAGE_IN_SHARED } from '../abi/calls.ts'
import type { Lpid } from '../abi/page.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import { stateWordAt } from '../uvmem/mapping.ts'
import { vmStateOf } from '../uvmem/vm-state.ts'
import { gfnOfCall, lpidOfCall } from './call-frame.ts'
import { Counters } from './counters.ts'
import { NO_CODE } from './counters-calls.ts'
import type { FaultHit } from './faults.ts'
import { FrameHistory } from './history.ts'
import { Journal } from './journal.ts'
import { wishArgs } from './journal-args.ts'
import { runsOf } from './journal-changes.ts'
import { TurnClock } from './journal-clock.ts'
import { JournalEnd, JournalKind } from './journal-entry.ts'
import { JournalNames } from './journal-names.ts'
import { KIND, NO_GFN } from './journal-ring.ts'
import { faultText, tellFrames, tellVm } from './journal-transitions.ts'
import type { Ended, OperationNote, Task, UvCall } from './operation.ts'
import type { Session } from './session.ts'
import { codeOf } from './vmm-call.ts'
import type { Topic } from './wait.ts'
import type { HvWatch } from './watch.ts'

export interface JournalPorts {
  /** Milliseconds, rising. */
  readonly now: () => number
  /** Runs something in a later turn of the event loop. */
  readonly later: (run: () => void) => void
  /** Device PFNs in use. */
  readonly pool: () => number
  /** Something that somebody may wait for has changed. */
  readonly changed: (topic: Topic, lpid?: Lpid) => void
  /** True when somebody waits at all. */
  readonly awaited: () => boolean
}

/** What a share is: UV_PAGE_IN for it brings nothing into secure memory. */
const isShare = ({ call }: Task): boolean =>
  call?.body.call === 'H_SVM_PAGE_IN' && (call.body.flags & H_PAGE_IN_SHARED) !== 0

export class JournalWatch implements HvWatch {
  readonly names: JournalNames
  readonly journal: Journal
  readonly counters: Counters
  readonly history: FrameHistory
  readonly #ports: JournalPorts
  readonly #clock: TurnClock

  constructor(
    ports: JournalPorts,
    journal = new Journal(new JournalNames()),
    historyEntries?: number,
  ) {
    this.journal = journal
    this.names = journal.names
    this.counters = new Counters(this.names)
    this.history = new FrameHistory(this.names, historyEntries)
    this.#ports = ports
    this.#clock = new TurnClock(ports.now, ports.later)
  }

  made(vm: Vm): void {
    this.history.forget(vm.lpid)
    const name = this.names.indexOf('create')
    this.journal.vm(name, vm.lpid, 0, 'none', 'normal', this.#clock.read())
    this.#ports.changed('vm', vm.lpid)
  }

  queued({ lpid }: Task, length: number): void {
    const counters = this.counters.of(lpid)
    if (length > counters.queueMax) counters.queueMax = length
  }

  resumed(): void {
    // Nothing is noted of it: the operation is one event.
  }

  began(op: Task, vm: Vm): void {
    const time = this.#clock.read()
    const name = this.names.indexOf(op.name)
    const { gfn } = op
    const whole = gfn === undefined || op.name === 'fill'
    op.note = {
      serial: this.#begin(op, name, time),
      asked: 0,
      askedAt: 0,
      beganAt: time,
      name,
      askedName: 0,
      vm,
      flags: vm.secureGuest,
      word: gfn === undefined ? 0 : stateWordAt(vm, gfn),
      runs: whole && op.name !== 'destroy' ? runsOf(vm) : undefined,
    }
  }

  #begin(op: Task, name: number, time: number): number {
    const parent = op.inside?.note?.asked ?? 0
    const gfn = op.gfn ?? NO_GFN
    if (op.call !== undefined) {
      return this.journal.beginCall(KIND.hypercall, name, op.call.body, gfn, parent, time)
    }
    const place = { lpid: op.lpid, gfn, parent }
    const serial = this.journal.begin(JournalKind.Operation, name, place, time)
    if (op.wish !== undefined) this.journal.extra(serial, { args: wishArgs(op.wish) })
    return serial
  }

  asked(op: Task, call: DownCall): void {
    const { note } = op
    if (note === undefined) return
    const name = this.names.indexOf(call.call)
    const gfn = gfnOfCall(call) ?? NO_GFN
    const time = this.#clock.read()
    note.askedName = name
    note.askedAt = time
    note.asked = this.journal.beginCall(KIND.ultracall, name, call, gfn, note.serial, time)
  }

  answered(op: Task, call: DownCall, ret: number, error: string | undefined): void {
    const { note } = op
    if (note === undefined) return
    const time = this.#clock.read()
    const name = note.askedName
    if (error !== undefined) this.journal.extra(note.asked, { error })
    if (!this.journal.finish(note.asked, ret, time)) {
      this.#answerAgain(note, call, ret, error, time)
    }
    note.asked = 0
    const counters = this.counters.of(op.lpid)
    counters.calls.add(name, ret)
    this.counters.took(name, time - note.askedAt)
    if (ret !== 0) return
    if (call.call === 'UV_PAGE_OUT') counters.pages.pagesOut++
    else if (call.call === 'UV_PAGE_IN') {
      if (isShare(op)) counters.pages.pagesShared++
      else counters.pages.pagesIn++
    }
  }

  /** The ultracall's record has left the ring: it gets another one. */
  #answerAgain(
    { asked: first, askedName, askedAt, serial }: OperationNote,
    call: DownCall,
    ret: number,
    error: string | undefined,
    time: number,
  ): void {
    const gfn = gfnOfCall(call) ?? NO_GFN
    const again = this.journal.beginCall(KIND.ultracall, askedName, call, gfn, serial, askedAt)
    this.journal.extra(again, error === undefined ? { first } : { first, error })
    this.journal.finish(again, ret, time)
  }

  ended(op: Task, end: Ended<unknown>): void {
    const time = this.#clock.read()
    const { note } = op
    if (note === undefined) this.#endUnbegun(op, end, time)
    else this.#end(op, note, end, time)
    if (this.#ports.awaited()) this.#ports.changed('count', op.lpid)
  }

  /** The VM was gone, or stopped, before the operation's turn came. */
  #endUnbegun(op: Task, end: Ended<unknown>, time: number): void {
    const name = this.names.indexOf(op.name)
    const serial = this.#begin(op, name, time)
    const how = end.how === 'gone' ? JournalEnd.Gone : JournalEnd.Fault
    if (end.how === 'fault') this.journal.extra(serial, { error: faultText(end) })
    this.journal.finishBadly(serial, how, time)
    if (end.how !== 'gone') this.counters.of(op.lpid).calls.add(name, NO_CODE)
  }

  #end(op: Task, note: OperationNote, end: Ended<unknown>, time: number): void {
    const { lpid } = op
    const code = end.how === 'done' ? codeOf(end.result) : undefined
    const serial = this.#serialOf(op, note)
    if (end.how === 'done' && end.reason !== undefined) {
      this.journal.extra(serial, { reason: end.reason })
    } else if (end.how === 'fault') this.journal.extra(serial, { error: faultText(end) })
    const counters = this.counters.of(lpid)
    tellFrames(this, this.#ports, op, note, serial, code ?? 0, time)
    if (code !== undefined) this.journal.finish(serial, code, time)
    else this.journal.finishBadly(serial, JournalEnd.Fault, time)
    counters.calls.add(note.name, code ?? NO_CODE)
    this.counters.took(note.name, time - note.beganAt)
    const used = this.#ports.pool()
    if (used > this.counters.poolMax) this.counters.poolMax = used
    tellVm(this, this.#ports, op, note, serial, end, time)
  }

  /** The operation's serial; a new one when its record has left the ring. */
  #serialOf(op: Task, note: OperationNote): number {
    if (note.serial > this.journal.last - this.journal.capacity) return note.serial
    const again = this.#begin(op, note.name, note.beganAt)
    this.journal.extra(again, { first: note.serial })
    return again
  }

  accessed(call: UvCall, ret: number): void {
    const { body } = call
    if (!('lpid' in body)) return
    const time = this.#clock.read()
    const name = this.names.indexOf(body.call)
    const serial = this.journal.beginCall(KIND.memory, name, body, NO_GFN, 0, time)
    this.journal.finish(serial, ret, time)
    this.counters.of(body.lpid).calls.add(name, ret)
  }

  refused(call: UvCall, error: WireErrorName): void {
    const { body } = call
    const lpid = lpidOfCall(body)
    const time = this.#clock.read()
    const gfn = gfnOfCall(body) ?? NO_GFN
    const name = this.names.indexOf(body.call)
    const serial = this.journal.begin(JournalKind.Refusal, name, { lpid, gfn, parent: 0 }, time)
    this.journal.extra(serial, { error })
    this.journal.finishBadly(serial, JournalEnd.Error, time)
    this.counters.refused(error === 'DEADLOCK')
  }

  faulted({ id, name, action, call, lpid, gfn = NO_GFN }: FaultHit): void {
    const time = this.#clock.read()
    const place = { lpid, gfn, parent: 0 }
    const serial = this.journal.begin(JournalKind.Fault, this.names.indexOf(call), place, time)
    const args = { rule: id, ...(name === undefined ? {} : { name }), ...action }
    this.journal.extra(serial, { args })
    this.journal.finishBadly(serial, JournalEnd.Done, time)
  }

  denied(denies: boolean): void {
    const place = { lpid: 0, gfn: NO_GFN, parent: 0 }
    const time = this.#clock.read()
    const name = this.names.indexOf('deny_frames')
    const serial = this.journal.begin(JournalKind.Operation, name, place, time)
    this.journal.extra(serial, { args: { denied: denies } })
    this.journal.finish(serial, 0, time)
  }

  dropped(): void {
    // Each operation that ends so is an event of its own.
  }

  replaced(host: Host): void {
    this.history.forgetAll()
    const time = this.#clock.read()
    const name = this.names.indexOf('replace')
    for (const { lpid, secureGuest } of host.vms.values()) {
      this.journal.vm(name, lpid, 0, 'none', vmStateOf(secureGuest), time)
    }
    this.#ports.changed('vm')
    this.#ports.changed('frame')
  }

  opened(session: Session): void {
    this.counters.sessionsOpened++
    this.#session('open', session)
  }

  detached(session: Session): void {
    this.#session('detach', session)
  }

  attached(session: Session, fenced: boolean): void {
    this.counters.sessionsResumed++
    if (fenced) this.#session('fence', session)
    this.#session('resume', session)
  }

  closed(session: Session): void {
    this.counters.sessionsClosed++
    this.#session('close', session)
    // A VM may have lost its ultravisor.
    this.#ports.changed('vm')
  }

  #session(what: 'open' | 'detach' | 'fence' | 'resume' | 'close', { id, name }: Session): void {
    const time = this.#clock.read()
    const place = { lpid: 0, gfn: NO_GFN, parent: 0 }
    const serial = this.journal.begin(JournalKind.Session, this.names.indexOf(what), place, time)
    this.journal.extra(serial, { args: { session: id, name } })
    this.journal.finish(serial, 0, time)
    this.#ports.changed('session')
  }
}
