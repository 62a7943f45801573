/**
 * Ultravisors that are connected, and the VMs that each of them serves.
 *
 * An LPID belongs to the session that first issued H_SVM_INIT_START or UV_REGISTER_MEM_SLOT for it,
 * until its SVM is terminated or the session is given up. Source: spec of the wire, sections 1 and 4.
 */
import type { CloseName } from '../../schemas/errors.ts'
import type { DownCall, UpCall } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import { RecentMap } from '../lib/recent-map.ts'
import type { Done } from '../peer/rpc-calls.ts'
import type { Restoring } from '../peer/rpc-restore.ts'
import { digestOf, keyOf, sameDigest } from './session-token.ts'

/** How the hypervisor ends a connection. */
export type LinkEnd = Extract<CloseName, 'HOST_RESET'> | 'cut'

/** What the hypervisor needs of a connection. */
export interface UvLink {
  /** Calls the ultravisor; `done` is told once, and never before `call` returns. */
  call(body: DownCall, parent: number, done: Done): void
  /** Ends the connection, with a close code or (`cut`) without a word; see `closeSession`. */
  end(how: LinkEnd): void
  /** The grace time is over: every call fails. `left`: the VMs that the session leaves behind. */
  givenUp(left: readonly Lpid[]): void
  /** Its calls, to be written down and put back; none when they end with their connection. */
  readonly restoring?: Restoring<DownCall, UpCall> | undefined
  /** Whose token opened it. */
  readonly who?: string
}

export interface Session {
  /** The first session is 1, and none has the number of another one. */
  readonly serial: number
  /** Names the session in logs and answers. */
  readonly id: string
  /** As the client calls itself. */
  readonly name: string
  /** Milliseconds, by the hypervisor's clock. */
  readonly openedAt: number
  readonly link: UvLink
  readonly lpids: Set<Lpid>
  /** Of the token that resumes it. */
  readonly digest: Uint8Array
  /** Milliseconds, by the same clock: when its connection broke; undefined while it has one. */
  detachedAt: number | undefined
  /** How often it went on over another connection. */
  resumes: number
  /** The number that its client gave its last attempt to resume it; 0: none. */
  attempt: number
}

export class Sessions {
  readonly #byId = new Map<string, Session>()
  readonly #byToken = new Map<string, Session>()
  readonly #owners = new RecentMap<Lpid, Session>()
  /** Sessions that were opened so far. */
  opened = 0

  get size(): number {
    return this.#byId.size
  }

  list(): IterableIterator<Session> {
    return this.#byId.values()
  }

  /** Opens a session that `token` resumes. */
  open(name: string, link: UvLink, openedAt: number, token: string): Session {
    return this.restore(this.opened + 1, name, link, openedAt, digestOf(token))
  }

  /** Opens a session that was written down. */
  restore(
    serial: number,
    name: string,
    link: UvLink,
    openedAt: number,
    digest: Uint8Array,
  ): Session {
    this.opened = Math.max(this.opened, serial)
    const session = {
      serial,
      id: `s${serial}`,
      name,
      openedAt,
      link,
      lpids: new Set<Lpid>(),
      digest,
      detachedAt: undefined,
      resumes: 0,
      attempt: 0,
    }
    this.#byId.set(session.id, session)
    this.#byToken.set(keyOf(session.digest), session)
    return session
  }

  /** The session that a token resumes. */
  withToken(token: string): Session | undefined {
    const digest = digestOf(token)
    const session = this.#byToken.get(keyOf(digest))
    return session !== undefined && sameDigest(session.digest, digest) ? session : undefined
  }

  /** False once it is given up. */
  has(session: Session): boolean {
    return this.#byId.get(session.id) === session
  }

  ownerOf(lpid: Lpid): Session | undefined {
    return this.#owners.get(lpid)
  }

  own(session: Session, lpid: Lpid): void {
    session.lpids.add(lpid)
    this.#owners.set(lpid, session)
  }

  disown(lpid: Lpid): void {
    this.#owners.get(lpid)?.lpids.delete(lpid)
    this.#owners.delete(lpid)
  }

  /** Gives a session up; returns the VMs that it leaves behind. */
  close(session: Session): readonly Lpid[] {
    const left = [...session.lpids]
    for (const lpid of left) this.disown(lpid)
    this.#byId.delete(session.id)
    this.#byToken.delete(keyOf(session.digest))
    return left
  }
}
