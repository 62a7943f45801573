/**
 * Where fault rules take hold: calls that come in, ultracalls that go out, and what a VMM does.
 *
 * DIFF: the real machine has none of this. Nothing here runs while there are no rules.
 */
import type { DownCall, Outcome } from '../../schemas/messages.ts'
import { gfnOf } from '../abi/page.ts'
import { unreachable } from '../lib/assert.ts'
import { errorMessage } from '../peer/rpc-calls.ts'
import type { Host, HvSteps, Vm } from '../uvmem/host.ts'
import { type FaultHit, Faults } from './faults.ts'
import { altered, type Operation, type UvCall } from './operation.ts'
import type { Session } from './session.ts'
import { answerOf } from './vmm-call.ts'

export interface FaultPorts {
  /** Runs something after so many milliseconds unless the returned function is called first. */
  readonly after: (ms: number, run: () => void) => () => void
  /** A rule fired. */
  readonly hit: (hit: FaultHit) => void
  readonly isOpen: (session: Session) => boolean
  readonly host: () => Host
}

type Told = (outcome: Outcome) => void

/** Something that a rule has put off. */
interface Late {
  /** The rule's id. */
  readonly id: string
  readonly stopTimer: () => void
}

/** An answer that came, and is not told yet. */
interface Held {
  readonly outcome: Outcome
  readonly answer: Told
}

const lost = (): Outcome => errorMessage('CONNECTION_LOST', 0)

/** What an operation that a rule answers gives as its reason. */
const RULE = { source: 'fault rule', why: 'a fault rule answered in its place' }

export class FaultGate {
  readonly rules = new Faults((ids) => this.#release(ids))
  readonly #ports: FaultPorts
  /** Calls whose operation finds no device PFN. */
  readonly #starving = new WeakSet<UvCall>()
  /** What was put off: what to run, and by which rule. */
  readonly #late = new Map<() => void, Late>()
  /** Ultracalls whose answers are lost: they come again with the next connection. */
  readonly #held = new Map<Session, Held[]>()

  constructor(ports: FaultPorts) {
    this.#ports = ports
  }

  /** A call of an ultravisor; `go` serves it. */
  incoming(session: Session, call: UvCall, go: (call: UvCall) => void): void {
    const { body } = call
    const lpid = 'lpid' in body ? body.lpid : 0
    const hit = this.rules.on(body.call, lpid, 'gpa' in body ? gfnOf(body.gpa) : undefined)
    if (hit === undefined) return go(call)
    this.#ports.hit(hit)
    const { action } = hit
    switch (action.do) {
      case 'answer':
        return call.answer(action.code)
      case 'delay':
        return this.#after(hit.id, action.ms, () => {
          if (this.#ports.isOpen(session)) go(call)
        })
      case 'drop':
        call.lose()
        return go(call)
      case 'cut':
        if (action.when === 'before') {
          call.forget()
          return session.link.end('cut')
        }
        return go(answeredAfter(call, () => session.link.end('cut')))
      case 'exhaust-pool':
        this.#starving.add(call)
        return go(call)
      default:
        return unreachable(action)
    }
  }

  /** An operation on its way to its VM's queue; `go` puts it there. */
  operation(op: Operation, go: (op: Operation) => void): void {
    if (op.call !== undefined) return go(this.#starving.delete(op.call) ? this.#starved(op) : op)
    if (op.wish === undefined) return go(op)
    const hit = this.rules.on(op.name, op.lpid, op.gfn)
    if (hit === undefined) return go(op)
    this.#ports.hit(hit)
    const { action } = hit
    switch (action.do) {
      case 'answer':
        return op.done({ how: 'done', result: answerOf(op.wish.name, action.code), reason: RULE })
      case 'delay':
        return this.#after(hit.id, action.ms, () => go(op))
      case 'exhaust-pool':
        return go(this.#starved(op))
      case 'drop':
      case 'cut':
        // The schema lets no such rule through: there is no connection to lose.
        return go(op)
      default:
        return unreachable(action)
    }
  }

  /** An ultracall; `send` makes it, `answer` is told how it ended, once. */
  outgoing(session: Session, call: DownCall, send: (told: Told) => void, answer: Told): void {
    const gfn = 'gpa' in call ? gfnOf(call.gpa) : undefined
    const hit = this.rules.on(call.call, call.lpid, gfn)
    if (hit === undefined) return send(answer)
    this.#ports.hit(hit)
    const { action } = hit
    switch (action.do) {
      case 'answer':
        return answer({ kind: 'answer', id: 0, call: call.call, ret: action.code })
      case 'delay':
        return this.#after(hit.id, action.ms, () => send(answer))
      case 'drop':
        return send((outcome) => this.#hold(session, outcome, answer))
      case 'cut':
        if (action.when === 'before') {
          session.link.end('cut')
          return send(answer)
        }
        return send((outcome) => {
          this.#hold(session, outcome, answer)
          session.link.end('cut')
        })
      case 'exhaust-pool':
        // The schema lets no such rule through: an ultracall takes no PFN.
        return send(answer)
      default:
        return unreachable(action)
    }
  }

  /** A session goes on with another connection: answers that were lost come again. */
  resumed(session: Session): void {
    for (const { answer, outcome } of this.#take(session)) answer(outcome)
  }

  /** A session is closed: what waits for answers that were lost need not wait any longer. */
  closed(session: Session): void {
    for (const { answer } of this.#take(session)) answer(lost())
  }

  /** Rules are gone: what was put off for them goes on, in the order in which it came. */
  #release(ids: ReadonlySet<string>): void {
    for (const [run, late] of [...this.#late]) {
      if (!ids.has(late.id)) continue
      late.stopTimer()
      run()
    }
  }

  #after(id: string, ms: number, run: () => void): void {
    const once = (): void => {
      if (this.#late.delete(once)) run()
    }
    this.#late.set(once, { id, stopTimer: this.#ports.after(ms, once) })
  }

  /** Keeps an answer back until it comes again, or cannot any more. */
  #hold(session: Session, outcome: Outcome, answer: Told): void {
    if (outcome.kind === 'error' || !this.#ports.isOpen(session)) {
      answer(outcome.kind === 'error' ? outcome : lost())
      return
    }
    const held = this.#held.get(session) ?? []
    held.push({ outcome, answer })
    this.#held.set(session, held)
  }

  #take(session: Session): readonly Held[] {
    const held = this.#held.get(session) ?? []
    this.#held.delete(session)
    return held
  }

  /** The operation as it goes when the pool is empty, while others find it as it is. */
  #starved(op: Operation): Operation {
    const begin = (vm: Vm): HvSteps<unknown> => starve(this.#ports.host(), op.begin(vm))
    return altered(op, { begin, starved: true })
  }
}

/** A call before whose one answer something happens. */
const answeredAfter = (call: UvCall, before: () => void): UvCall => ({
  id: call.id,
  parent: call.parent,
  body: call.body,
  answer: (ret, output) => {
    before()
    call.answer(ret, output)
  },
  fail: (error, data) => {
    before()
    call.fail(error, data)
  },
  ancestors: () => call.ancestors(),
  lose: () => call.lose(),
  forget: () => call.forget(),
})

/** Steps that find the pool empty, while others find it as it is. */
export function* starve(host: Host, steps: HvSteps<unknown>): HvSteps<unknown> {
  let ret = 0
  for (;;) {
    host.devices.denies = true
    try {
      const step = steps.next(ret)
      host.devices.denies = false
      if (step.done === true) return step.value
      ret = yield step.value
    } finally {
      host.devices.denies = false
    }
  }
}
