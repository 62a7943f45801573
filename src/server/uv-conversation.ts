/**
 * What an ultravisor and the hypervisor have to say to each other, over one connection after the other:
 * an RPC peer, and one session, once it is opened. Source: spec of the wire, section 4; how calls
 * survive is in src/peer/rpc-resume.ts.
 *
 * Every connection begins with a conversation of its own. When its SESSION_OPEN names a session, that
 * session's conversation takes the connection over, and the new conversation is over.
 */
import type { CloseName } from '../../schemas/errors.ts'
import type { DownCall, SessionOpen, UpCall } from '../../schemas/messages.ts'
import { type Lpid, PAGE_SHIFT } from '../abi/page.ts'
import type { LedgerWatch } from '../hv/ledger-watch.ts'
import type { UvCall } from '../hv/operation.ts'
import { fail, failLimit } from '../hv/serve-call.ts'
import type { LinkEnd, Session, UvLink } from '../hv/session.ts'
import { type Caller, serve } from '../hv/up-calls.ts'
import { invariant } from '../lib/assert.ts'
import { FewTold } from '../lib/few-told.ts'
import type { Done } from '../peer/rpc-calls.ts'
import type { Transport } from '../peer/rpc-codec.ts'
import { Peer } from '../peer/rpc-peer.ts'
import type { PeerWatch, Restoring } from '../peer/rpc-restore.ts'
import { type Principal, reaches } from './principal.ts'
import type { HvCodec } from './subprotocols.ts'
import type { ConnectionPorts } from './uv-connection.ts'

/** Lines of the log that one session, or connection without one, gets for what it does wrong. */
const REPORTS_FULL_MAX = 16

/** What a conversation needs of the server. */
export type ConversationPorts = Omit<ConnectionPorts, 'now' | 'opened' | 'ended'>

/** A connection, as the conversation on it sees it. */
export interface ConversationLine {
  /** A session is open: of the conversation that it had, or of the one that goes on here now. */
  opened(conversation: UvConversation): void
  /** Says goodbye for a reason of the list. */
  close(reason: CloseName): void
  /** Cuts it without a word. */
  terminate(): void
}

export class UvConversation implements UvLink {
  principal: Principal
  /** What is reported about it: whoever does wrong does so by the million, and a disk is small. */
  readonly reports = new FewTold(REPORTS_FULL_MAX)
  readonly peer: Peer<DownCall, UpCall>
  readonly #ports: ConversationPorts
  readonly #caller: Caller
  /** The connection that it goes on over, while there is one. */
  #connection: ConversationLine | undefined
  /** Runs while calls are waited for that a resume has announced. */
  #stopWaiting: (() => void) | undefined

  /** Without a connection it is one of a session that was written down: see `restore`. */
  constructor(
    codec: HvCodec,
    principal: Principal,
    ports: ConversationPorts,
    connection?: ConversationLine,
    transport?: Transport,
  ) {
    this.#connection = connection
    this.principal = principal
    this.#ports = ports
    this.#caller = this.#newCaller()
    this.peer = new Peer<DownCall, UpCall>({
      codec,
      itemsPerSend: codec.itemsPerSend,
      ...(transport === undefined ? {} : { transport }),
      defer: (flush) => ports.defer(() => this.guard(flush)),
      serve: (call) => serve(ports.hv, this.#caller, call),
      report: (report) => ports.report(this, report),
      limits: ports.limits,
      outlives: ports.limits.sessionGraceMs > 0,
      waits: (isWaiting) => this.#waits(isWaiting),
      watch: this.#peerWatch(ports.durable?.watch),
    })
  }

  get session(): Session | undefined {
    return this.#caller.session
  }

  get connection(): ConversationLine | undefined {
    return this.#connection
  }

  get who(): string {
    return this.principal.name
  }

  get restoring(): Restoring<DownCall, UpCall> {
    return this.peer.restoring
  }

  /** Its session, which was written down, is open again. */
  restore(session: Session): void {
    this.#caller.session = session
  }

  /** Runs something that serves this ultravisor; what it throws is a mistake of ours. */
  guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#ports.failed(this, error)
    }
  }

  call(body: DownCall, parent: number, done: Done): void {
    this.peer.call(body, parent, done)
  }

  end(how: LinkEnd): void {
    const connection = this.#connection
    if (how !== 'cut') {
      this.guard(() => this.peer.close(how))
      if (connection === undefined) this.close()
      return
    }
    // Without a grace time the calls end after the session: see `lose`.
    if (this.#ports.limits.sessionGraceMs > 0) this.peer.detach()
    connection?.terminate()
  }

  givenUp(left: readonly Lpid[]): void {
    this.#waits(false)
    this.guard(() => this.peer.end())
    this.#ports.left(this, left)
  }

  /** Ends the session, connected or not. Who is connected is told that this side is at fault. */
  abandon(): void {
    try {
      this.peer.close('INTERNAL')
    } catch {
      this.#connection?.terminate()
    }
    if (this.#connection === undefined) this.close()
  }

  /** Gives the session up. */
  close(): void {
    const { session } = this
    // First the session: what waits for this ultravisor must not call it again.
    const left = session === undefined ? [] : this.#ports.hv.closeSession(session)
    this.givenUp(left)
  }

  /** A connection is gone: the session waits for another one unless `isFinal`. */
  lose(connection: ConversationLine, isFinal: boolean): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    const { session } = this
    const { hv, limits } = this.#ports
    const isOver = isFinal || this.peer.ended || hv.stopping
    if (session === undefined || isOver || limits.sessionGraceMs === 0) {
      this.close()
      return
    }
    this.peer.detach()
    hv.detachSession(session)
  }

  /** Says again nothing out of its order: who keeps it waiting has to connect once more. */
  #waits(isWaiting: boolean): void {
    this.#stopWaiting?.()
    const { hv, limits } = this.#ports
    const late = (): void => this.guard(() => this.peer.close('RESUME_LATE'))
    this.#stopWaiting = isWaiting ? hv.ports.after(limits.resumeMsMax, late) : undefined
  }

  #newCaller(): Caller {
    return {
      session: undefined,
      open: (call, wish) => this.#open(call, wish),
      // No getter: each would give its object a hidden class of its own, and hold on to the connection
      // until the whole heap is collected.
      isGuarded: () => this.principal.guarded,
      mayHave: (lpid) => reaches(this.principal, lpid),
    }
  }

  /** Nothing has to be written down of who has no session yet. */
  #peerWatch(watch: LedgerWatch | undefined): PeerWatch<DownCall, UpCall> | undefined {
    if (watch === undefined) return undefined
    const tell = (told: (session: number) => void): void => {
      const { session } = this.#caller
      if (session !== undefined) told(session.serial)
    }
    return {
      came: (call) => tell((session) => watch.came(session, call)),
      replied: (outcome) => tell((session) => watch.replied(session, outcome)),
      refused: (key, outcome) => tell((session) => watch.refusedCall(session, key, outcome)),
      forgot: (id) => tell((session) => watch.forgot(session, id)),
      made: (id, body) => tell((session) => watch.sent(session, id, body)),
    }
  }

  #open(call: UvCall, wish: SessionOpen): void {
    const { name, resume } = wish
    const { hv } = this.#ports
    const connection = this.#connection
    invariant(connection !== undefined, 'a call comes over a connection')
    if (this.#caller.session !== undefined) return fail(hv, call, 'SESSION_IS_OPEN')
    if (resume !== undefined) return this.#resume(call, connection, resume, wish)
    const token = hv.ports.token()
    const session = hv.openSession(name, this, token)
    if ('limit' in session) {
      failLimit(hv, call, session)
      connection.close('OVERLOAD')
      return
    }
    this.#caller.session = session
    connection.opened(this)
    this.#answer(call, session, token)
  }

  /** Only who opened a session may go on with it: to others it is one that does not exist. */
  #resume(
    call: UvCall,
    connection: ConversationLine,
    token: string,
    { unanswered = 0, attempt = 0 }: SessionOpen,
  ): void {
    const { hv } = this.#ports
    const session = hv.sessions.withToken(token)
    const known = session === undefined ? undefined : this.#ports.conversationOf(session)
    if (session === undefined || known?.who !== this.who) {
      return fail(hv, call, 'SESSION_UNKNOWN')
    }
    // It was sent before the attempt that has succeeded, and its client waits for no answer.
    if (attempt !== 0 && attempt <= session.attempt) {
      return fail(hv, call, 'SESSION_UNKNOWN', { attempt, last: session.attempt })
    }
    session.attempt = attempt
    this.#connection = undefined
    this.#answer(call, session, token)
    known.#adopt(this, connection, unanswered)
    connection.opened(known)
  }

  /** Goes on over the connection of a fresh conversation, in place of the one that it still has. */
  #adopt(fresh: UvConversation, connection: ConversationLine, unanswered: number): void {
    const { session } = this
    invariant(session !== undefined, 'a conversation that goes on has a session')
    const isFenced = this.#connection !== undefined
    this.#connection = connection
    this.principal = fresh.principal
    this.peer.adopt(fresh.peer, unanswered)
    this.#ports.hv.attachSession(session, isFenced)
  }

  #answer(call: UvCall, session: Session, token: string): void {
    const { poolPages, profile } = this.#ports.hv.config
    const host = { pageShift: PAGE_SHIFT, poolPages, profile }
    call.answer(0, { session: { session: session.id, token, host } })
  }
}
