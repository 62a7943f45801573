/** Writes the record of a run: one line for everything that comes in, and that the hypervisor does. */
import type { WireErrorName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import {
  RECORD_FORMAT,
  RECORD_VERSION,
  type RecordLine,
  type RecordPage,
} from '../../schemas/record.ts'
import type { Page } from '../abi/page.ts'
import type { Host, Vm } from '../uvmem/host.ts'
import { snapshotOf } from '../uvmem/snapshot.ts'
import type { HvConfig } from './config.ts'
import type { FaultHit } from './faults.ts'
import type { Ended, Task, UvCall } from './operation.ts'
import {
  isQueued,
  packBytes,
  packCall,
  packPage,
  packWish,
  textOfUltracall,
} from './record-values.ts'
import type { Session } from './session.ts'
import { codeOf } from './vmm-call.ts'
import type { HvWatch } from './watch.ts'

export interface RecordPorts {
  /** Takes one line, without its end. */
  readonly write: (line: string) => void
  /** Milliseconds, rising. */
  readonly now: () => number
  /** What UV_PAGE_OUT left at its RA. */
  readonly pageAt: (call: DownCall) => Page
}

type AskLine = Extract<RecordLine, { e: 'ask' }>

export class RecordWatch implements HvWatch {
  readonly #ports: RecordPorts
  readonly #numbers = new WeakMap<Task, number>()
  #last = 0
  /** An ultracall that nothing has happened since: its answer may join its line. */
  #asked: { readonly task: Task; line: AskLine } | undefined

  constructor(ports: RecordPorts) {
    this.#ports = ports
  }

  /** The first line; `host` when it is not empty. */
  start(config: HvConfig, program: string, host?: Host): void {
    this.#write({
      e: 'start',
      format: RECORD_FORMAT,
      version: RECORD_VERSION,
      program,
      profile: config.profile,
      pool_pages: config.poolPages,
      notifies_migrations: config.notifiesMigrations,
      window: config.window,
      t: this.#ports.now(),
      ...(host === undefined ? {} : { state: snapshotOf(host) }),
    })
  }

  /** Writes what is still held back: before the record is closed. */
  flush(): void {
    const asked = this.#asked
    this.#asked = undefined
    if (asked !== undefined) this.#ports.write(JSON.stringify(asked.line))
  }

  made({ lpid, radix, svmEnabled }: Vm): void {
    this.#write({ e: 'vm', lpid, radix, svm_enabled: svmEnabled, t: this.#ports.now() })
  }

  queued(op: Task): void {
    this.#last++
    this.#numbers.set(op, this.#last)
    const body = op.call?.body
    this.#write({
      e: 'queue',
      n: this.#last,
      lpid: op.lpid,
      ...(body !== undefined && isQueued(body) ? { call: packCall(body) } : {}),
      ...(op.wish === undefined ? {} : { wish: packWish(op.wish) }),
      ...(op.inside === undefined ? {} : { inside: this.#numberOf(op.inside) }),
      ...(op.starved ? { starved: true } : {}),
      t: this.#ports.now(),
    })
  }

  resumed(op: Task): void {
    this.#write({ e: 'turn', n: this.#numberOf(op), t: this.#ports.now() })
  }

  began(op: Task): void {
    this.#write({ e: 'begin', n: this.#numberOf(op), t: this.#ports.now() })
  }

  asked(op: Task, call: DownCall): void {
    this.flush()
    const page = 'page' in call ? { page: packPage(call.page) } : {}
    const n = this.#numberOf(op)
    const line: AskLine = {
      e: 'ask',
      n,
      call: textOfUltracall(call),
      ...page,
      t: this.#ports.now(),
    }
    this.#asked = { task: op, line }
  }

  answered(op: Task, call: DownCall, ret: number, error: string | undefined): void {
    const wrote: { page?: RecordPage } =
      call.call === 'UV_PAGE_OUT' && ret === 0 ? { page: packPage(this.#ports.pageAt(call)) } : {}
    const failed = error === undefined ? {} : { error }
    const answer = { ret, ...wrote, ...failed, t: this.#ports.now() }
    if (this.#asked?.task === op) {
      this.#asked.line = { ...this.#asked.line, answer }
      this.flush()
    } else this.#write({ e: 'answer', n: this.#numberOf(op), ...answer })
  }

  ended(op: Task, end: Ended<unknown>): void {
    const told =
      end.how === 'done'
        ? { code: codeOf(end.result), ...(end.reason === undefined ? {} : { why: end.reason.why }) }
        : end.how === 'fault'
          ? { why: `${end.fault.kind}: ${end.fault.message}` }
          : {}
    this.#write({ e: 'end', n: this.#numberOf(op), how: end.how, ...told, t: this.#ports.now() })
  }

  accessed({ body }: UvCall, ret: number): void {
    // A load changes nothing.
    if (body.call !== 'MEM_WRITE' || ret !== 0) return
    const { lpid, ra, offset, bytes } = body
    this.#write({ e: 'store', lpid, ra, offset, bytes: packBytes(bytes), t: this.#ports.now() })
  }

  denied(denied: boolean): void {
    this.#write({ e: 'deny_frames', denied, t: this.#ports.now() })
  }

  dropped(): void {
    this.#write({ e: 'drop', t: this.#ports.now() })
  }

  replaced(host: Host): void {
    this.#write({ e: 'replace', state: snapshotOf(host), t: this.#ports.now() })
  }

  refused({ body }: UvCall, error: WireErrorName): void {
    this.#note(`${body.call}: ${error}`)
  }

  /** Does not part a question from its answer: a rule's answer comes at once. */
  faulted({ id, call, action }: FaultHit): void {
    const line = { e: 'note', text: `fault ${id}: ${action.do} ${call}`, t: this.#ports.now() }
    this.#ports.write(JSON.stringify(line))
  }

  opened({ id, name }: Session): void {
    this.#note(`session ${id} opened: ${name}`)
  }

  detached({ id }: Session): void {
    this.#note(`session ${id} has lost its connection`)
  }

  attached({ id }: Session, fenced: boolean): void {
    this.#note(`session ${id} goes on${fenced ? ', its older connection is fenced off' : ''}`)
  }

  closed({ id }: Session): void {
    this.#note(`session ${id} closed`)
  }

  #note(text: string): void {
    this.#write({ e: 'note', text, t: this.#ports.now() })
  }

  #numberOf(op: Task): number {
    return this.#numbers.get(op) ?? 0
  }

  #write(line: RecordLine): void {
    this.flush()
    this.#ports.write(JSON.stringify(line))
  }
}
