/**
 * Tells a ledger what happens in the hypervisor: what came in, and what was said about it. While a
 * ledger is read again, what happens is told to the replay instead, which knows it already.
 */
import type { WireErrorName } from '../../schemas/errors.ts'
import type { CallMessage, DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import type { Page } from '../abi/page.ts'
import type { AnswerKey } from '../peer/rpc-kept-answers.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import { snapshotOf } from '../uvmem/snapshot.ts'
import type { FaultHit } from './faults.ts'
import { type CallRef, type LedgerSession, RecordKind } from './ledger-record.ts'
import {
  writeAnswer,
  writeCall,
  writeEnd,
  writeJson,
  writeOutcome,
  writeQueue,
  writeRef,
} from './ledger-record-write.ts'
import type { LedgerWriter } from './ledger-writer.ts'
import type { Ended, Task, UvCall } from './operation.ts'
import type { Session } from './session.ts'
import { codeOf } from './vmm-call.ts'
import type { HvWatch } from './watch.ts'

/** What a replay is told while it reads a ledger. */
export interface ReplayWatch {
  queued(op: Task, n: number): void
  /** An operation was told how its ultracall ended. */
  answered(n: number): void
  ended(n: number, end: Ended<unknown>): void
  replied(session: number, outcome: Outcome): void
}

export interface LedgerWatchPorts {
  /** What UV_PAGE_OUT left at its RA. */
  readonly pageAt: (call: DownCall) => Page
  /** What the ledger keeps of a session. */
  readonly factsOf: (session: Session) => LedgerSession
}

export class LedgerWatch implements HvWatch {
  readonly #ports: LedgerWatchPorts
  readonly #numbers = new WeakMap<Task, number>()
  readonly #calls = new WeakMap<UpCall, CallRef>()
  readonly #asks = new WeakMap<DownCall, number>()
  /** Operations that have come so far: the number of the last one. */
  operations = 0
  /** Where it is written to; undefined while a ledger is read. */
  writer: LedgerWriter | undefined
  replay: ReplayWatch | undefined

  constructor(ports: LedgerWatchPorts) {
    this.#ports = ports
  }

  /** The operation that an ultracall belongs to. */
  operationAsking(call: DownCall): number | undefined {
    return this.#asks.get(call)
  }

  // --- what a session's calls tell ---

  /** A call of the ultravisor came. */
  came(session: number, call: CallMessage<UpCall>): void {
    this.#calls.set(call.body, { session, id: call.id })
    const { writer } = this
    if (writer === undefined) return
    writeCall(writer.begin(RecordKind.Call), session, call)
    writer.end()
  }

  /** It was answered. */
  replied(session: number, outcome: Outcome): void {
    const { writer } = this
    if (writer === undefined) {
      this.replay?.replied(session, outcome)
      return
    }
    const out = writer.begin(RecordKind.Reply)
    out.u32(session)
    writeOutcome(out, outcome)
    writer.end()
  }

  /** It was refused before it was served. */
  refusedCall(session: number, { low, high }: AnswerKey, outcome: Outcome): void {
    this.#write(RecordKind.Kept, (out) => {
      out.u32(session)
      out.u32(low)
      out.u32(high)
      writeOutcome(out, outcome)
    })
  }

  /** It counts as never come. */
  forgot(session: number, id: number): void {
    this.#write(RecordKind.Forget, (out) => writeRef(out, { session, id }))
  }

  /** An ultracall got its id. */
  sent(session: number, id: number, body: DownCall): void {
    const { writer } = this
    const n = this.#asks.get(body)
    if (writer === undefined || n === undefined) return
    const out = writer.begin(RecordKind.Ask)
    out.u64(n)
    writeRef(out, { session, id })
    writer.end()
  }

  // --- what the hypervisor tells ---

  made({ lpid, radix, svmEnabled }: Vm): void {
    this.#write(RecordKind.Made, (out) => {
      out.u32(lpid)
      out.u8(radix ? 1 : 0)
      out.u8(svmEnabled ? 1 : 0)
    })
  }

  queued(op: Task): void {
    this.operations++
    const n = this.operations
    this.#numbers.set(op, n)
    const { writer } = this
    if (writer === undefined) {
      this.replay?.queued(op, n)
      return
    }
    const asked = op.call === undefined ? op.wish : this.#calls.get(op.call.body)
    if (asked === undefined) return
    writeQueue(writer.begin(RecordKind.Queue), n, op.lpid, op.starved, asked)
    writer.end()
  }

  resumed(op: Task): void {
    this.#write(RecordKind.Turn, (out) => out.u64(this.numberOf(op)))
  }

  began(): void {}

  asked(op: Task, call: DownCall): void {
    this.#asks.set(call, this.numberOf(op))
  }

  answered(op: Task, call: DownCall, ret: number, error: string | undefined): void {
    const { writer } = this
    const n = this.numberOf(op)
    if (writer === undefined) {
      this.replay?.answered(n)
      return
    }
    const output =
      call.call === 'UV_PAGE_OUT' && ret === 0 ? { page: this.#ports.pageAt(call) } : {}
    writeAnswer(writer.begin(RecordKind.Answer), n, ret, error !== undefined, output)
    writer.end()
  }

  ended(op: Task, end: Ended<unknown>): void {
    const { writer } = this
    const n = this.numberOf(op)
    if (writer === undefined) {
      this.replay?.ended(n, end)
      return
    }
    writeEnd(writer.begin(RecordKind.End), n, end.how, endCode(end))
    writer.end()
  }

  accessed({ body }: UvCall, ret: number): void {
    const ref = this.#calls.get(body)
    // A load changes nothing.
    if (body.call !== 'MEM_WRITE' || ret !== 0 || ref === undefined) return
    this.#write(RecordKind.Store, (out) => writeRef(out, ref))
  }

  refused(_call: UvCall, _error: WireErrorName): void {}

  faulted(_hit: FaultHit): void {}

  denied(denied: boolean): void {
    this.#write(RecordKind.Deny, (out) => out.u8(denied ? 1 : 0))
  }

  dropped(): void {
    this.#write(RecordKind.Drop, () => undefined)
  }

  replaced(host: Host): void {
    this.#write(RecordKind.Host, (out) => writeJson(out, { host: snapshotOf(host) }))
  }

  opened(session: Session): void {
    this.#write(RecordKind.Session, (out) => writeJson(out, this.#ports.factsOf(session)))
  }

  /** Every session begins detached after a crash. */
  detached(): void {}

  attached(): void {}

  closed(session: Session): void {
    this.#write(RecordKind.SessionEnd, (out) => out.u32(session.serial))
  }

  #write(kind: RecordKind, body: (out: ReturnType<LedgerWriter['begin']>) => void): void {
    const { writer } = this
    if (writer === undefined) return
    body(writer.begin(kind))
    writer.end()
  }

  /** Its number in the ledger. */
  numberOf(op: Task): number {
    return this.#numbers.get(op) ?? 0
  }
}

/** What a ledger keeps of how an operation ended. */
export const endCode = (end: Ended<unknown>): number =>
  end.how === 'done' ? codeOf(end.result) : 0
