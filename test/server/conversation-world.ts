/**
 * Conversations of ultravisors with a real hypervisor, over lines and a clock by hand: no socket, and no
 * time that passes by itself.
 */
import { LIMITS, type Limits } from '../../schemas/limits.ts'
import { asLpid } from '../../src/abi/page.ts'
import type { HvConfig } from '../../src/hv/config.ts'
import type { Durable } from '../../src/hv/durable.ts'
import { Hypervisor } from '../../src/hv/hypervisor.ts'
import type { Session } from '../../src/hv/session.ts'
import { NO_WATCH } from '../../src/hv/watch.ts'
import type { WireData } from '../../src/peer/rpc-codec.ts'
import { hvJsonCodec } from '../../src/peer/rpc-json.ts'
import { ANYBODY, type Principal } from '../../src/server/principal.ts'
import {
  type ConversationLine,
  type ConversationPorts,
  UvConversation,
} from '../../src/server/uv-conversation.ts'
import { CONFIG } from '../hv/inspected-world.ts'
import { Line } from '../peer/pair.ts'
import { ResumablePair } from '../peer/resumable-pair.ts'
import type { Item } from './line.ts'

export interface ConversationOptions {
  readonly hv?: Partial<HvConfig>
  readonly limits?: Partial<Limits>
  readonly durable?: Pick<Durable, 'watch'>
}

const LPID = asLpid(1)
export const NAME = { name: 'test' }
export const SLOT = { lpid: 1, start_gpa: 0, size: 65_536, flags: 0, slotid: 0 }

/** Events of sessions, in words: what the hypervisor tells whoever watches it. */
const WATCHED = ['opened', 'detached', 'attached', 'closed'] as const

export class Conversations {
  readonly hv: Hypervisor
  readonly ports: ConversationPorts
  readonly of = new Map<Session, UvConversation>()
  /** What the server was told, in words. */
  readonly told: string[] = []
  /** What was thrown while somebody was served. */
  readonly failures: unknown[] = []
  now = 1_000
  readonly #later: (() => void)[] = []
  #timers: readonly { readonly at: number; readonly run: () => void }[] = []
  #tokens = 0

  constructor({ hv, limits, durable }: ConversationOptions = {}) {
    const config = { ...CONFIG, ...hv, limits: { ...LIMITS, ...limits } }
    this.hv = new Hypervisor(
      config,
      {
        now: () => this.now,
        later: (run) => this.#later.push(run),
        after: (ms, run) => this.#after(ms, run),
        token: () => `token ${++this.#tokens}`,
      },
      this.#watch(),
    )
    this.ports = {
      hv: this.hv,
      limits: config.limits,
      ...(durable === undefined ? {} : { durable: durable as Durable }),
      defer: (flush) => this.#later.push(flush),
      conversationOf: (session) => this.of.get(session),
      report: (_conversation, { kind, text }) => this.told.push(`${kind}: ${text}`),
      failed: (conversation, error) => {
        this.failures.push(error)
        conversation.abandon()
      },
      left: ({ session }, left) => {
        this.told.push(`${session?.id ?? 'nobody'} left ${left.join()}`)
        if (session !== undefined) this.of.delete(session)
      },
    }
  }

  /** Another connection, and a conversation of its own. */
  connect(principal: Principal = ANYBODY): Wire {
    return new Wire(this, principal)
  }

  /** A connection on which a session is open. */
  open(name = 'test'): Wire {
    const wire = this.connect()
    wire.call(1, 'SESSION_OPEN', { name })
    wire.heard()
    this.told.length = 0
    return wire
  }

  /** Ends the turn, and all that follow from it. */
  turn(): void {
    for (let run = this.#later.shift(); run !== undefined; run = this.#later.shift()) run()
  }

  /** Lets so much time pass, and what is due in it happen. */
  pass(ms: number): void {
    this.now += ms
    for (const timer of this.#timers) {
      if (timer.at > this.now || !this.#timers.includes(timer)) continue
      this.#timers = this.#timers.filter((each) => each !== timer)
      timer.run()
    }
    this.turn()
  }

  /** Clocks that run. */
  get timers(): number {
    return this.#timers.length
  }

  #after(ms: number, run: () => void): () => void {
    const timer = { at: this.now + ms, run }
    this.#timers = [...this.#timers, timer]
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer)
    }
  }

  #watch(): typeof NO_WATCH {
    const tell =
      (what: string) =>
      ({ id }: Session, fenced?: boolean): void => {
        this.told.push(`${id} ${what}${fenced === true ? ', fenced' : ''}`)
      }
    const words = Object.fromEntries(WATCHED.map((what) => [what, tell(what)]))
    return { ...NO_WATCH, ...words }
  }
}

/** One connection, as UvConnection would have it. */
export class Wire implements ConversationLine {
  conversation: UvConversation
  /** What is said on it. */
  readonly line = new Line()
  terminated = 0
  readonly #world: Conversations
  readonly #receive: (data: WireData) => void

  constructor(world: Conversations, principal: Principal) {
    this.#world = world
    this.conversation = new UvConversation(hvJsonCodec(), principal, world.ports, this, this.line)
    const { connection } = this.conversation.peer
    this.#receive = (data) => connection?.receive(data)
  }

  opened(conversation: UvConversation): void {
    this.conversation = conversation
    const { session } = conversation
    this.#world.told.push(`${session?.id} is here`)
    if (session !== undefined) this.#world.of.set(session, conversation)
  }

  close(reason: Parameters<ConversationLine['close']>[0]): void {
    this.conversation.guard(() => this.conversation.peer.close(reason))
  }

  terminate(): void {
    this.terminated++
  }

  /** The connection is gone. */
  lost(isFinal = false): void {
    this.conversation.lose(this, isFinal)
    this.#world.turn()
  }

  /** Says a call. */
  call(id: number, method: string, params: object): void {
    this.say({ id, method, params })
  }

  say(item: object): void {
    const text = JSON.stringify({ jsonrpc: '2.0', ...item })
    this.conversation.guard(() => this.#receive(text))
    this.#world.turn()
  }

  /** What was said since the last time. */
  heard(): readonly Item[] {
    this.#world.turn()
    return this.line.sent
      .splice(0)
      .flatMap((data) => ResumablePair.items(data)) as unknown as Item[]
  }
}

/** A session with a VM. */
export function owning(world: Conversations): Wire {
  const wire = world.open()
  wire.call(2, 'UV_REGISTER_MEM_SLOT', SLOT)
  wire.heard()
  return wire
}

/** Goes on with the first session of a world over another connection. */
export function resumed(world: Conversations, more: object = {}, principal = ANYBODY) {
  const wire = world.connect(principal)
  wire.call(1, 'SESSION_OPEN', { ...NAME, resume: 'token 1', ...more })
  return { wire, said: wire.heard() }
}

/** The ultravisor of the first session is asked something; what is told of that. */
export const ultracall = (world: Conversations) => {
  const [session] = world.hv.sessions.list()
  const told: unknown[] = []
  session?.link.call({ call: 'UV_SVM_TERMINATE', lpid: LPID }, 0, (outcome) => told.push(outcome))
  world.turn()
  return told
}
