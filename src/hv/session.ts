/**
 * Ultravisors that are connected, and the VMs that each of them serves.
 *
 * An LPID belongs to the session that first issued H_SVM_INIT_START or UV_REGISTER_MEM_SLOT for it,
 * until its SVM is terminated or the session is given up. Source: spec of the wire, sections 1 and 4.
 */
import type { CloseName } from '../../schemas/errors.ts'
import type { DownCall } from '../../schemas/messages.ts'
import type { Lpid } from '../abi/page.ts'
import type { Done } from '../peer/rpc-calls.ts'

/** How the hypervisor ends a connection. */
export type LinkEnd = Extract<CloseName, 'HOST_RESET'> | 'cut'

/** What the hypervisor needs of a connection. */
export interface UvLink {
  /** Calls the ultravisor; `done` is told once, and never before `call` returns. */
  call(body: DownCall, parent: number, done: Done): void
  /** Ends the connection, with a close code or (`cut`) without a word; the session ends with it. */
  end(how: LinkEnd): void
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
}

export class Sessions {
  readonly #byId = new Map<string, Session>()
  readonly #owners = new Map<Lpid, Session>()
  #opened = 0

  get size(): number {
    return this.#byId.size
  }

  list(): IterableIterator<Session> {
    return this.#byId.values()
  }

  open(name: string, link: UvLink, openedAt: number): Session {
    this.#opened++
    const serial = this.#opened
    const session = { serial, id: `s${serial}`, name, openedAt, link, lpids: new Set<Lpid>() }
    this.#byId.set(session.id, session)
    return session
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
    return left
  }
}
