/**
 * Reads a ledger into a hypervisor: does again what came, in its order, with the recorded answers in
 * place of ultravisors. The queues, the core and the handlers are those that serve; nothing of what
 * they decide is repeated here. What they say is held against what was said: a ledger that goes
 * another way is refused, and nobody is ever shown a state that was not.
 *
 * What was under way at the end stays under way: an operation waits for its ultracall, which is sent
 * again, with its id, when its session is resumed. What had come and was not begun is begun.
 */

import { wireErrorName } from '../../schemas/errors.ts'
import type { FaultCall } from '../../schemas/faults.ts'
import type { AnswerOutput, DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import { asLpid, type Lpid } from '../abi/page.ts'
import { type Done, errorMessage } from '../peer/rpc-calls.ts'
import type { Restoring } from '../peer/rpc-restore.ts'
import type { Host } from '../uvmem/host.ts'
import type { Hypervisor } from './hypervisor.ts'
import { FedAnswers } from './ledger-fed-answers.ts'
import { type CallRef, type LedgerRecord, type LedgerSession, RecordKind } from './ledger-record.ts'
import { BadRecord } from './ledger-record-read.ts'
import { endCode, type LedgerWatch, type ReplayWatch } from './ledger-watch.ts'
import type { Ended, Task, UvCall } from './operation.ts'
import type { Session, UvLink } from './session.ts'
import { handle } from './up-calls.ts'
import { Vmm } from './vmm.ts'
import type { VmmCall } from './vmm-call.ts'
import { submitWish } from './vmm-submit.ts'

/** An ultracall that waits for what the ledger says of it. */
interface Parked {
  readonly body: DownCall
  readonly parent: number
  readonly done: Done
  readonly session: Replayed
  /** 0: the ledger has no id for it yet. */
  id: number
}

/** A session that the ledger has opened. */
export interface Replayed {
  readonly session: Session
  readonly peer: Restoring<DownCall, UpCall>
}

export interface ReplayPorts {
  /** The host in a record; throws when it does not fit. */
  readonly hostOf: (json: unknown) => Host
  /** Opens a session as it was, detached, with a link that `linkOf` makes of its own. */
  readonly open: (facts: LedgerSession, linkOf: (own: UvLink) => UvLink) => Replayed
}

type Of<Kind extends RecordKind> = Extract<LedgerRecord, { readonly kind: Kind }>
type Appliers = { readonly [Kind in RecordKind]: (record: Of<Kind>) => void }

export class LedgerReplay implements ReplayWatch {
  readonly #hv: Hypervisor
  readonly #watch: LedgerWatch
  readonly #ports: ReplayPorts
  readonly #sessions = new Map<number, Replayed>()
  readonly #open = new Map<number, Task>()
  readonly #parked = new Map<number, Parked>()
  readonly #turns = new Map<number, () => void>()
  /** What the hypervisor said, until the ledger says the same. */
  readonly #ended = new Map<number, Ended<unknown>>()
  readonly #replies = new Map<string, Outcome>()
  readonly #fed = new FedAnswers()
  #isOver = false
  #records = 0

  constructor(hv: Hypervisor, watch: LedgerWatch, ports: ReplayPorts) {
    this.#hv = hv
    this.#watch = watch
    this.#ports = ports
    watch.replay = this
  }

  /** Records that were read. */
  get records(): number {
    return this.#records
  }

  /** A long operation wants another turn. */
  later(run: () => void, op: Task): void {
    this.#turns.set(this.#watch.numberOf(op), run)
  }

  /** Throws a BadRecord when it does not fit what came before. */
  apply(record: LedgerRecord): void {
    this.#records++
    const apply = this.#appliers[record.kind] as (record: LedgerRecord) => void
    apply(record)
  }

  /** The ledger is over: what was under way goes on. Nothing that is said from now on is known. */
  end(): void {
    for (const n of this.#ended.keys()) throw new BadRecord(`operation ${n} ends, and did not`)
    for (const key of this.#replies.keys())
      throw new BadRecord(`call ${key} is answered, and was not`)
    this.#watch.replay = undefined
    this.#isOver = true
  }

  /** Goes on with what was under way; what happens is written to the ledger again. */
  goOn(): void {
    for (const { id, session, body, parent, done } of this.#parked.values()) {
      if (id === 0) session.session.link.call(body, parent, done)
    }
    for (const run of this.#turns.values()) this.#hv.ports.later(run)
    const begun = new Set<UvCall | undefined>([...this.#open.values()].map(({ call }) => call))
    for (const { session, peer } of this.#sessions.values()) {
      if (!this.#hv.sessions.has(session)) continue
      for (const { id } of peer.calls()) {
        const call = peer.call(id)
        if (call !== undefined && !begun.has(call)) handle(this.#hv, session, call)
      }
    }
  }

  // --- what the hypervisor says ---

  queued(op: Task, n: number): void {
    this.#open.set(n, op)
  }

  answered(n: number): void {
    this.#fed.answered(n)
  }

  ended(n: number, end: Ended<unknown>): void {
    this.#open.delete(n)
    this.#ended.set(n, end)
  }

  replied(session: number, outcome: Outcome): void {
    // Nobody is told what a call is answered whose session was given up.
    if (!this.#hv.sessions.has(this.#at(session).session)) return
    this.#replies.set(`${outcome.id} of session ${session}`, outcome)
  }

  // --- what the ledger says ---

  readonly #appliers: Appliers = {
    [RecordKind.Host]: ({ json }) => this.#hv.adoptHost(this.#ports.hostOf(json)),
    [RecordKind.Session]: ({ session }) => this.#openSession(session),
    [RecordKind.SessionEnd]: ({ session }) => {
      // It is kept here: its calls may still be in queues.
      this.#hv.closeSession(this.#at(session).session)
    },
    [RecordKind.Made]: ({ lpid, radix, svmEnabled }) => {
      const vm = this.#hv.makeVm(asLpid(lpid), radix, svmEnabled)
      if ('limit' in vm) throw new BadRecord(`VM ${lpid} is one too many`)
    },
    [RecordKind.Call]: ({ session, call }) => {
      // Known by its number: it may be begun only after the ledger, which goes on with it.
      this.#watch.came(session, call)
      this.#at(session).peer.putCall(call)
    },
    [RecordKind.Queue]: (record) => this.#queue(record),
    [RecordKind.Ask]: ({ n, session, id }) => {
      const parked = this.#parked.get(n)
      if (parked === undefined) throw new BadRecord(`operation ${n} makes no ultracall`)
      parked.id = id
      this.#at(session).peer.putAsk(id, parked.body, parked.parent, parked.done)
    },
    [RecordKind.Answer]: (record) => this.#answer(record),
    [RecordKind.Turn]: ({ n }) => {
      const run = this.#turns.get(n)
      if (run === undefined) throw new BadRecord(`operation ${n} waits for no turn`)
      this.#turns.delete(n)
      run()
    },
    [RecordKind.End]: ({ n, how, code }) => {
      const end = this.#ended.get(n)
      this.#ended.delete(n)
      if (end?.how === how && endCode(end) === code) return
      const told = end === undefined ? 'has not ended' : `ended as ${end.how} with ${endCode(end)}`
      throw new BadRecord(`operation ${n} ${told}, not as ${how} with ${code}`)
    },
    [RecordKind.Reply]: ({ session, outcome }) => this.#reply(session, outcome),
    [RecordKind.Store]: (ref) => this.#handle(ref),
    [RecordKind.Forget]: ({ session, id }) => this.#callOf({ session, id }).call.forget(),
    [RecordKind.Deny]: ({ denied }) => new Vmm(this.#hv).denyFrames(denied),
    [RecordKind.Drop]: () => this.#hv.dropWaiting(),
    [RecordKind.Kept]: ({ session, low, high, outcome }) => {
      this.#at(session).peer.putAnswer({ id: outcome.id, low, high }, outcome)
    },
  }

  #openSession(facts: LedgerSession): void {
    const { serial, next_id: nextId, highest_id: highestId, forgotten, whole: isWhole } = facts
    const linkOf = (own: UvLink): UvLink => ({
      call: (body, parent, done) => {
        if (this.#isOver) own.call(body, parent, done)
        else this.#park(serial, body, parent, done)
      },
      end: (how) => own.end(how),
      givenUp: (left) => own.givenUp(left),
      restoring: own.restoring,
      who: own.who ?? '',
    })
    const replayed = this.#ports.open(facts, linkOf)
    replayed.peer.setMarks({ nextId, highestId, forgotten, isWhole })
    for (const lpid of facts.lpids) this.#hv.own(replayed.session, asLpid(lpid))
    this.#sessions.set(serial, replayed)
  }

  #park(serial: number, body: DownCall, parent: number, done: Done): void {
    const n = this.#watch.operationAsking(body)
    if (n === undefined) throw new BadRecord('an ultracall of no operation')
    this.#parked.set(n, { body, parent, done, session: this.#at(serial), id: 0 })
  }

  #queue({ n, lpid, starved, asked }: Of<typeof RecordKind.Queue>): void {
    if ('session' in asked) this.#handle(asked, starved)
    else this.#submit(asLpid(lpid), asked, starved)
    if (this.#watch.operations !== n) {
      throw new BadRecord(`operation ${n} comes, and is operation ${this.#watch.operations}`)
    }
  }

  #handle(ref: CallRef, starved = false): void {
    const { session, call } = this.#callOf(ref)
    const { gate } = this.#hv
    if (!starved || gate === undefined) return handle(this.#hv, session, call)
    this.#starve(call.body.call, () => {
      gate.incoming(session, call, (allowed) => handle(this.#hv, session, allowed))
    })
  }

  #submit(lpid: Lpid, wish: VmmCall, starved: boolean): void {
    const submit = (): void => submitWish(this.#hv, lpid, wish, () => undefined)
    if (starved) this.#starve(wish.name, submit)
    else submit()
  }

  /** A fault rule let an operation find the pool empty; its kind of rule can be about any call. */
  #starve(call: string, run: () => void): void {
    const rules = this.#hv.gate?.rules
    rules?.add({ call: call as FaultCall, action: { do: 'exhaust-pool' } })
    run()
    rules?.clear()
  }

  #answer({ n, ret, failed, output }: Of<typeof RecordKind.Answer>): void {
    if (this.#fed.wasAtOnce(n)) return
    const parked = this.#parked.get(n)
    if (parked === undefined) throw new BadRecord(`operation ${n} waits for no answer`)
    this.#parked.delete(n)
    const { id, body, done, session } = parked
    if (id !== 0) session.peer.finish(id)
    this.#fed.feed(n, () => {
      if (failed) done(errorMessage('CONNECTION_LOST', id))
      else done({ kind: 'answer', id, call: body.call, ret, ...output })
    })
  }

  #reply(session: number, outcome: Outcome): void {
    const key = `${outcome.id} of session ${session}`
    if (!this.#replies.has(key)) this.#say(session, outcome)
    const said = this.#replies.get(key)
    this.#replies.delete(key)
    if (said !== undefined && codeIn(said) === codeIn(outcome)) return
    const told = said === undefined ? 'not answered' : `answered with ${codeIn(said)}`
    throw new BadRecord(`call ${key} is ${told}, not with ${codeIn(outcome)}`)
  }

  /** A call was answered at once, with no operation. */
  #say(session: number, outcome: Outcome): void {
    const { call } = this.#callOf({ session, id: outcome.id })
    if (outcome.kind === 'answer') call.answer(outcome.ret, outputOf(outcome))
    else call.fail(wireErrorName(outcome.code) ?? 'INTERNAL', outcome.data)
  }

  #callOf({ session, id }: CallRef): { readonly session: Session; readonly call: UvCall } {
    const { session: owner, peer } = this.#at(session)
    const call = peer.call(id)
    if (call === undefined) throw new BadRecord(`call ${id} of session ${session} is not open`)
    return { session: owner, call }
  }

  #at(serial: number): Replayed {
    const found = this.#sessions.get(serial)
    if (found === undefined) throw new BadRecord(`there is no session ${serial}`)
    return found
  }
}

const codeIn = (outcome: Outcome): number =>
  outcome.kind === 'answer' ? outcome.ret : outcome.code

function outputOf({ page, bytes }: AnswerOutput): AnswerOutput {
  if (bytes !== undefined) return { bytes }
  return page === undefined ? {} : { page }
}
