/** A hypervisor that is looked at, an ultravisor that answers what it is told to, and a clock by hand. */
import type { WireErrorName } from '../../schemas/errors.ts'
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import { asGfn, asLpid, asSlotId } from '../../src/abi/page.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import {
  type Inspected,
  type InspectedOptions,
  inspectedHypervisor,
} from '../../src/hv/inspected.ts'
import type { UvCall } from '../../src/hv/operation.ts'
import type { LinkEnd, Session, UvLink } from '../../src/hv/session.ts'
import { serve } from '../../src/hv/up-calls.ts'
import { Vmm } from '../../src/hv/vmm.ts'
import type { Ancestor } from '../../src/peer/rpc-calls.ts'

export const LPID = asLpid(1)
export const CONFIG: HvConfig = {
  profile: 'linux-6',
  poolPages: 64,
  autoCreateVms: true,
  notifiesMigrations: false,
  orphans: 'keep',
  window: 8,
  limits: LIMITS,
}

/** An ultracall that waits for its answer. */
export interface Asked {
  readonly body: DownCall
  readonly done: (outcome: Outcome) => void
}

/** Ends of a call of the ultravisor: a code, or the name of an error. */
export type End = number | WireErrorName

export class World {
  readonly inspected: Inspected
  readonly vmm: Vmm
  readonly session: Session
  readonly asked: Asked[] = []
  /** Ultracalls that were made while there was no connection. */
  readonly unsent: Asked[] = []
  /** How connections were ended. */
  readonly ends: LinkEnd[] = []
  readonly #later: (() => void)[] = []
  readonly #timers: { readonly at: number; readonly run: () => void }[] = []
  now = 1_000
  /** While true every ultracall is answered as soon as nothing else is to be done. */
  answers = true
  /** What the next ultracalls of a name answer; 0 when nothing is said. */
  readonly script = new Map<string, number[]>()

  constructor(config: Partial<HvConfig> = {}, options: InspectedOptions = {}) {
    this.inspected = inspectedHypervisor(
      { ...CONFIG, ...config },
      {
        now: () => this.now,
        later: (run) => this.#later.push(run),
        token: () => 'secret',
        after: (ms, run) => this.after(ms, run),
      },
      options,
    )
    this.vmm = new Vmm(this.inspected.hv)
    const session = this.inspected.hv.openSession('uv', this.link())
    if ('limit' in session) throw new Error('no session')
    this.session = session
  }

  /** True while the line is cut: nothing comes and nothing goes. */
  get isCut(): boolean {
    return this.ends.includes('cut')
  }

  /** The session goes on over another connection; the ultracalls that wait are made. */
  resume(): void {
    this.ends.length = 0
    this.asked.push(...this.unsent.splice(0))
    this.inspected.hv.attachSession(this.session)
  }

  link(): UvLink {
    return {
      call: (body, _parent, done) => (this.isCut ? this.unsent : this.asked).push({ body, done }),
      end: (how) => this.ends.push(how),
      givenUp: () => this.lose(),
    }
  }

  /** Makes a VM with one slot of `pages` pages, each with a tag of its own. */
  async vm(pages = 16, lpid = LPID): Promise<void> {
    const slots = [{ id: asSlotId(0), base: asGfn(0), pages }]
    await this.settle(this.vmm.create({ lpid, radix: true, svmEnabled: true, slots }))
    await this.settle(this.vmm.fill(lpid, asGfn(0), pages, 100n, 1n))
  }

  /** Runs what waits for a later turn, and answers ultracalls, until nothing is left. */
  async settle<T>(promise?: Promise<T>): Promise<T | undefined> {
    for (let quiet = 0; quiet < 3; ) {
      await Promise.resolve()
      await Promise.resolve()
      const did = this.turn() || (this.answers && this.answer())
      quiet = did ? 0 : quiet + 1
    }
    return promise === undefined ? undefined : await promise
  }

  /** The connection is gone: whoever waits for an answer is told so. */
  lose(): void {
    for (const { done } of [...this.asked.splice(0), ...this.unsent.splice(0)]) {
      done({ kind: 'error', id: 1, code: -32_010, message: 'The connection ended.' })
    }
  }

  /** One turn of the event loop: what was put off. */
  turn(): boolean {
    const runs = this.#later.splice(0)
    for (const run of runs) run()
    return runs.length > 0
  }

  /** Answers the oldest ultracall that waits. */
  answer(ret?: number): boolean {
    const next = this.asked.shift()
    if (next === undefined) return false
    const { body, done } = next
    const code = ret ?? this.script.get(body.call)?.shift() ?? 0
    const page = body.call === 'UV_PAGE_OUT' && code === 0 ? { page: 7n } : {}
    done({ kind: 'answer', id: 1, call: body.call, ret: code, ...page })
    return true
  }

  /** A call of the ultravisor; `inside` is the ultracall in whose context it is made. */
  call(body: UpCall, inside?: DownCall, session: Session = this.session): { end: End | undefined } {
    const told: { end: End | undefined } = { end: undefined }
    let isLost = false
    const tell = (end: End): void => {
      if (!isLost && !this.isCut) told.end = end
    }
    const ancestors: Ancestor<DownCall, UpCall>[] =
      inside === undefined ? [] : [{ by: 'us', id: 9, body: inside }]
    const call: UvCall = {
      id: 5,
      parent: inside === undefined ? 0 : 9,
      body,
      answer: tell,
      fail: tell,
      ancestors: () => ancestors,
      lose: () => {
        isLost = true
      },
      forget: () => undefined,
    }
    serve(this.inspected.hv, { session, open: () => undefined }, call)
    return told
  }

  /** A call of the ultravisor, to its end. */
  async run(body: UpCall): Promise<End | undefined> {
    const told = this.call(body)
    await this.settle()
    return told.end
  }

  /** Lets so much time pass, and the timers that end in it. */
  pass(ms: number): void {
    this.now += ms
    for (const timer of [...this.#timers]) {
      if (timer.at > this.now || !this.#timers.includes(timer)) continue
      this.#timers.splice(this.#timers.indexOf(timer), 1)
      timer.run()
    }
  }

  get timers(): number {
    return this.#timers.length
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run }
    this.#timers.push(timer)
    return () => {
      const at = this.#timers.indexOf(timer)
      if (at >= 0) this.#timers.splice(at, 1)
    }
  }
}
