/**
 * The hypervisor with the real connections of its server, in one thread and without a network or a
 * clock: whatever a message leads to has happened when `turn` returns.
 */
import { LIMITS } from '../../schemas/limits.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import { type Inspected, inspectedHypervisor } from '../../src/hv/inspected.ts'
import type { Session } from '../../src/hv/session.ts'
import { Vmm } from '../../src/hv/vmm.ts'
import { ANYBODY } from '../../src/server/principal.ts'
import { negotiate } from '../../src/server/subprotocols.ts'
import { type ConnectionPorts, UvConnection } from '../../src/server/uv-connection.ts'
import type { UvConversation } from '../../src/server/uv-conversation.ts'
import { unexplained, violationsOf } from '../../src/uvmem/invariants.ts'
import type { HvProfileName } from '../../src/uvmem/profile.ts'
import { FakeSocket } from './fake-socket.ts'
import { Violation } from './wire-model.ts'

/** Calls of one client that may wait: few, so that the limit is met. */
export const callsMax = 24

/** Answers that are kept for one client: fewer than it gets. */
export const answersKeptMax = 30

const CONFIG: Omit<HvConfig, 'profile'> = {
  poolPages: 4_096,
  autoCreateVms: true,
  notifiesMigrations: false,
  orphans: 'keep',
  window: 8,
  limits: {
    ...LIMITS,
    callsInFlightMax: callsMax,
    nestedCallsInFlightMax: callsMax,
    answersKeptMax,
    vmsMax: 12,
    slotsPerVmMax: 6,
    framesPerSlotMax: 64,
    framesTotalMax: 1_024,
  },
}

export class WireWorld {
  readonly inspected: Inspected
  readonly vmm: Vmm
  readonly #ports: ConnectionPorts
  readonly #work: (() => void)[] = []
  /** What runs when so many milliseconds have passed. */
  readonly #timers = new Map<() => void, number>()
  readonly #conversations = new Map<Session, UvConversation>()
  #now = 0
  /** Milliseconds that have passed, for timers. */
  #clock = 0
  #tokens = 0

  constructor(profile: HvProfileName) {
    const defer = (run: () => void): void => {
      this.#work.push(run)
    }
    const ports = {
      now: () => this.#now++,
      later: defer,
      after: (ms: number, run: () => void) => this.#after(ms, run),
      token: () => `token-${this.#tokens++}`,
      failed: (_lpid: unknown, error: unknown) => {
        throw error
      },
    }
    this.inspected = inspectedHypervisor({ ...CONFIG, profile }, ports, { journalEvents: 1_024 })
    const { hv } = this.inspected
    this.vmm = new Vmm(hv)
    this.#ports = {
      hv,
      limits: CONFIG.limits,
      now: ports.now,
      defer,
      report: () => undefined,
      failed: (_connection, error) => {
        throw error
      },
      conversationOf: (session) => this.#conversations.get(session),
      opened: (conversation) => {
        if (conversation.session !== undefined)
          this.#conversations.set(conversation.session, conversation)
      },
      left: ({ session }) => {
        if (session !== undefined) this.#conversations.delete(session)
      },
      ended: () => undefined,
    }
  }

  /** Of the session that was opened last. */
  get lastToken(): string {
    return `token-${this.#tokens - 1}`
  }

  get hv() {
    return this.inspected.hv
  }

  /** A client that speaks a subprotocol; `hear` is told whatever it is sent. */
  connect(subprotocol: string, hear: (data: string | Uint8Array) => void): FakeSocket {
    const socket = new FakeSocket(hear)
    const codec = negotiate(subprotocol)
    if (codec === undefined) throw new Error(`no codec for ${subprotocol}`)
    new UvConnection(socket.asWebSocket, socket.wire, codec, ANYBODY, this.#ports)
    return socket
  }

  /** Runs whatever was put off, and what that puts off. */
  turn(): void {
    for (let run = this.#work.shift(); run !== undefined; run = this.#work.shift()) run()
  }

  /** Lets so many milliseconds pass; without a number all the time that somebody waits for. */
  pass(ms = Number.POSITIVE_INFINITY): void {
    const end = this.#clock + ms
    for (let round = 0; round < 10; round++) {
      const due = [...this.#timers].filter(([, at]) => at <= end)
      if (due.length === 0) break
      for (const [run] of due) {
        if (this.#timers.delete(run)) run()
      }
      this.turn()
    }
    if (Number.isFinite(end)) this.#clock = end
  }

  /** Destroys every VM but one, and looks whether anything is left that nobody has. */
  async tidy(keptLpid: number): Promise<void> {
    const { hv } = this
    for (const { lpid } of [...hv.host.vms.values()]) {
      if (lpid === keptLpid) continue
      const destroyed = this.vmm.destroy(lpid)
      this.turn()
      await destroyed
    }
    const broken = unexplained(violationsOf(hv.host))
    if (broken.length > 0) throw new Violation(`invariants: ${JSON.stringify(broken.slice(0, 3))}`)
    if (hv.openOperations !== 0) throw new Violation(`${hv.openOperations} operations are left`)
    if (hv.sessions.size !== 1) throw new Violation(`${hv.sessions.size} sessions are left`)
    const [kept, ...others] = hv.host.vms.keys()
    if (kept !== keptLpid || others.length > 0)
      throw new Violation(`VMs ${kept}, ${others} are left`)
  }

  #after(ms: number, run: () => void): () => void {
    const once = (): void => run()
    this.#timers.set(once, this.#clock + ms)
    return () => {
      this.#timers.delete(once)
    }
  }
}
