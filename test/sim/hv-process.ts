/**
 * The hypervisor's process: the real application, from the RPC peers down to the ledger, with virtual
 * connections, time and disk below it. Killed, it leaves nothing but its disk.
 */
import { CLOSE, type CloseName } from '../../schemas/errors.ts'
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import type { Lpid } from '../../src/abi/page.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import { Durable } from '../../src/hv/durable.ts'
import { HeldTransport } from '../../src/hv/held-transport.ts'
import type { Hypervisor } from '../../src/hv/hypervisor.ts'
import { type Inspected, inspectedHypervisor } from '../../src/hv/inspected.ts'
import type { LedgerDisk } from '../../src/hv/ledger-disk.ts'
import type { LedgerSession } from '../../src/hv/ledger-record.ts'
import type { Replayed } from '../../src/hv/ledger-replay.ts'
import type { Task } from '../../src/hv/operation.ts'
import type { Session, UvLink } from '../../src/hv/session.ts'
import { StateControl } from '../../src/hv/state-control.ts'
import { Vmm } from '../../src/hv/vmm.ts'
import type { HvWatch } from '../../src/hv/watch.ts'
import { present } from '../../src/lib/assert.ts'
import type { Prng } from '../../src/lib/prng.ts'
import type { Transport, WireData } from '../../src/peer/rpc-codec.ts'
import { type Principal, strangerCalled } from '../../src/server/principal.ts'
import { type HvCodec, WAITING_CODEC } from '../../src/server/subprotocols.ts'
import {
  type ConversationLine,
  type ConversationPorts,
  UvConversation,
} from '../../src/server/uv-conversation.ts'
import type { PowerDisk } from '../hv/power-disk.ts'
import { type Clock, Scope } from './clock.ts'
import type { WireEnd } from './network.ts'
import { quickDigest } from './quick-digest.ts'

/** Limits that a few small messages reach. */
export const SIM_LIMITS: Limits = {
  ...LIMITS,
  sendBufferHighBytes: 1_500,
  sendBufferBytesMax: 200_000,
  sessionGraceMs: 3_000,
}

export interface HvWish {
  readonly clock: Clock
  readonly random: Prng
  readonly poolPages: number
  readonly window: number
  /** Without a disk nothing outlives the process. */
  readonly disk: PowerDisk | undefined
  /** Bytes of a file on it from which on a new one is wanted. */
  readonly ledgerBytes: number
  readonly watch: HvWatch
  /** Milliseconds that this machine's clock is ahead. */
  readonly ahead: () => number
  /** Something is wrong with the hypervisor itself. */
  readonly failed: (error: unknown) => void
  /** The disk has failed: the process serves nobody any more. */
  readonly diskFailed: () => void
}

export function randomBytes(random: Prng, count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  for (let i = 0; i < count; i++) bytes[i] = random.int(256)
  return bytes
}

export class HvProcess {
  readonly hv: Hypervisor
  readonly inspected: Inspected
  readonly vmm: Vmm
  readonly durable: Durable | undefined
  readonly scope: Scope
  readonly #wish: HvWish
  readonly #conversations = new Map<Session, UvConversation>()
  readonly #lines = new Set<Line>()
  readonly #ports: ConversationPorts
  /** True while what an earlier process wrote down is read. */
  isReading = true

  constructor(wish: HvWish) {
    this.#wish = wish
    this.scope = new Scope(wish.clock)
    this.durable = wish.disk === undefined ? undefined : this.#openLedger(wish.disk)
    this.inspected = this.#inspected()
    this.hv = this.inspected.hv
    this.vmm = new Vmm(this.hv)
    this.#ports = {
      hv: this.hv,
      limits: SIM_LIMITS,
      durable: this.durable,
      defer: (flush) => void this.scope.after(0, flush),
      conversationOf: (session) => this.#conversations.get(session),
      report: () => undefined,
      failed: (_conversation, error) => wish.failed(error),
      left: ({ session }) => {
        if (session !== undefined) this.#conversations.delete(session)
      },
    }
  }

  /** Reads what was written down, and goes on from there. */
  begin(): void {
    const { durable } = this
    if (durable !== undefined) {
      const state = new StateControl(this.hv, { after: this.scope.after })
      durable.restore(this.hv, (facts, linkOf) => this.#restore(facts, linkOf))
      this.isReading = false
      durable.begin(this.hv, { quietly: (run, waitMs) => void state.quietly(run, waitMs) })
      durable.onFailure(() => {
        this.hv.stop()
        for (const line of [...this.#lines]) line.close('DISK_FAILED')
        this.#wish.diskFailed()
      })
    }
    this.isReading = false
  }

  /** A connection came. */
  accept(end: WireEnd, codec: HvCodec, principal: Principal): void {
    const line = new Line(end, codec, principal, this.#ports, this.scope, (conversation) => {
      const { session } = conversation
      if (session !== undefined) this.#conversations.set(session, conversation)
    })
    this.#lines.add(line)
    line.gone = () => this.#lines.delete(line)
  }

  /** Runs something of the VMM's; what it did is sure to last when this resolves. */
  async kept<T>(run: (vmm: Vmm) => Promise<T>): Promise<T | 'unknown'> {
    const outcome = await this.scope.orDead(run(this.vmm), 'unknown' as const)
    if (outcome === 'unknown' || this.durable === undefined) return outcome
    const isSafe = await this.scope.orDead(this.durable.safe(), false)
    return isSafe ? outcome : 'unknown'
  }

  kill(): void {
    this.scope.end()
  }

  #openLedger(disk: PowerDisk): Durable {
    const { clock, random, failed, ledgerBytes: bytesMax } = this.#wish
    const opened = Durable.open('dir', {
      disk: timed(disk, () => this.scope.after(random.real() * 2, () => disk.work())),
      digest: quickDigest,
      bytesMax,
      random: (bytes) => randomBytes(random, bytes),
      later: (run) => void this.scope.after(0, run),
      tell: () => undefined,
    })
    if ('durable' in opened) return opened.durable
    failed(new Error(`after ${clock.now} ms the ledger is refused: ${opened.error}`))
    throw new Error(opened.error)
  }

  #inspected(): Inspected {
    const { clock, random, poolPages, window, watch, ahead, failed } = this.#wish
    const { durable, scope } = this
    const config: HvConfig = {
      profile: 'spec',
      poolPages,
      autoCreateVms: true,
      notifiesMigrations: false,
      orphans: 'keep',
      window,
      limits: SIM_LIMITS,
    }
    const ports = {
      now: () => clock.now + ahead(),
      later: (run: () => void, op?: Task) => {
        if (durable?.takesTurn(run, op) !== true) scope.after(0, run)
      },
      after: scope.after,
      token: () => Array.from({ length: 8 }, () => random.int(2 ** 32).toString(36)).join('-'),
      failed: (lpid: Lpid, error: unknown) => failed(new Error(`VM ${lpid}: ${String(error)}`)),
    }
    const watches = durable === undefined ? [watch] : [durable.watch, watch]
    return inspectedHypervisor(config, ports, { watches, journalEvents: 64, historyEntries: 64 })
  }

  #restore(facts: LedgerSession, linkOf: (own: UvLink) => UvLink): Replayed {
    const { serial, name, who, token } = facts
    const conversation = new UvConversation(WAITING_CODEC, strangerCalled(who), this.#ports)
    const digest = Buffer.from(token, 'hex')
    const session = this.hv.restoreSession(serial, name, linkOf(conversation), digest)
    conversation.restore(session)
    this.#conversations.set(session, conversation)
    return { session, peer: conversation.restoring }
  }
}

/** Close codes of a client that leaves for good. */
const GOODBYES: ReadonlySet<number> = new Set([CLOSE.NORMAL.code, CLOSE.SHUTTING_DOWN.code])

/** One connection, at the hypervisor's end. */
class Line implements ConversationLine {
  gone: () => void = () => undefined
  readonly #end: WireEnd
  readonly #told: (conversation: UvConversation) => void
  #conversation: UvConversation

  constructor(
    end: WireEnd,
    codec: HvCodec,
    principal: Principal,
    ports: ConversationPorts,
    scope: Scope,
    told: (conversation: UvConversation) => void,
  ) {
    this.#end = end
    this.#told = told
    const { durable } = ports
    const transport: Transport = durable === undefined ? end : new HeldTransport(end, durable)
    this.#conversation = new UvConversation(codec, principal, ports, this, transport)
    const line = present(this.#conversation.peer.connection, 'its connection')
    const guard = (run: () => void): void => {
      if (scope.isAlive) this.#conversation.guard(run)
    }
    end.taker = {
      receive: (data: WireData) => guard(() => line.receive(data)),
      drained: () => guard(() => line.resume()),
      ended: (code) => {
        guard(() => this.#conversation.lose(this, GOODBYES.has(code)))
        this.gone()
      },
    }
    // Who opens no session is not kept.
    scope.after(ports.limits.handshakeMsMax, () => {
      if (this.#conversation.session === undefined) this.close('HANDSHAKE_LATE')
    })
  }

  opened(conversation: UvConversation): void {
    this.#conversation = conversation
    this.#told(conversation)
  }

  close(reason: CloseName): void {
    const conversation = this.#conversation
    if (conversation.connection === this) conversation.guard(() => conversation.peer.close(reason))
  }

  terminate(): void {
    this.#end.terminate()
  }
}

/** A disk that takes its time to make sure of things. */
function timed(disk: PowerDisk, soon: () => void): LedgerDisk {
  const { makeDir, read, list, write, create, rename, remove, truncate } = disk
  return {
    makeDir,
    read,
    list,
    write,
    create,
    rename,
    remove,
    truncate,
    open: (path) => {
      const file = disk.open(path)
      return {
        ...file,
        sync: (done) => {
          file.sync(done)
          soon()
        },
      }
    },
  }
}
