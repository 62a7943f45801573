/**
 * Looks at everything after every event, with its own books: the invariants over both sides, each call
 * executed once, what was acknowledged still there, strangers kept out. It asks nobody whether all is
 * well whose work it judges.
 */
import type { Lpid } from '../../src/abi/page.ts'
import type { Task } from '../../src/hv/operation.ts'
import { type HvWatch, NO_WATCH } from '../../src/hv/watch.ts'
import type { GuestMemory } from '../../src/lab/guest-memory.ts'
import { brokenOf } from '../../src/lab/invariants.ts'
import { RecentMap } from '../../src/lib/recent-map.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import type { Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import type { Host } from '../../src/uvmem/host.ts'
import type { HvProcess } from './hv-process.ts'
import { STRANGER_LPID } from './stranger.ts'

/** What the auditor is shown. */
export interface Sight {
  readonly hv: HvProcess | undefined
  readonly uvs: readonly Ultravisor[]
  readonly memories: ReadonlyMap<Lpid, GuestMemory>
  /** VMs that have no ultravisor to agree with. */
  readonly cut: ReadonlySet<Lpid>
  /** No call of the VM is under way, at either side. */
  readonly isAtRest: (lpid: Lpid) => boolean
}

type Fact = 'present' | 'absent'

export class Auditor {
  /** What is wrong, the first first. */
  readonly findings: string[] = []
  checks = 0
  /** Calls of ultravisors that the hypervisor has begun. */
  executed = 0
  /** Begun by the process that runs now, by session and id. */
  #begun = new Set<string>()
  /** Answered, as far as its ultravisor knows. */
  #answered = new Set<string>()
  #facts = new Map<Lpid, Fact>()
  /** Since it was looked at last. */
  #isDirty = true
  #hv: () => HvProcess | undefined

  constructor(hv: () => HvProcess | undefined) {
    this.#hv = hv
  }

  tell(what: string): void {
    this.findings.push(what)
  }

  readonly watch: HvWatch = {
    ...NO_WATCH,
    queued: (op) => this.#queued(op),
    ended: () => {
      this.#isDirty = true
    },
    answered: () => {
      this.#isDirty = true
    },
    accessed: () => {
      this.#isDirty = true
    },
    closed: () => {
      this.#isDirty = true
    },
  }

  /** An ultravisor was told how one of its calls ended. */
  answered(session: number, id: number): void {
    this.#isDirty = true
    const key = `${session}:${id}`
    if (this.#answered.has(key)) this.tell(`call ${key} was answered twice`)
    this.#answered.add(key)
  }

  /** Something else has happened that may matter. */
  touched(): void {
    this.#isDirty = true
  }

  /** It was acknowledged that the VM is there, or is not; undefined: it may change now. */
  acknowledged(lpid: Lpid, fact: Fact | undefined): void {
    if (fact === undefined) this.#facts.delete(lpid)
    else this.#facts.set(lpid, fact)
  }

  /** A process of the hypervisor begins; without a disk nothing is left of the one before. */
  began(hv: HvProcess, isDurable: boolean): void {
    this.#begun = new Set()
    this.#isDirty = true
    if (!isDurable) {
      this.#answered = new Set()
      this.#facts.clear()
      return
    }
    for (const [lpid, fact] of this.#facts) {
      const found: Fact = hv.hv.vm(lpid) === undefined ? 'absent' : 'present'
      if (found !== fact) this.tell(`VM ${lpid} was acknowledged as ${fact} and is ${found}`)
    }
  }

  /** Something has happened since it looked last. */
  get isDirty(): boolean {
    return this.#isDirty
  }

  /** After each event. */
  look(sight: Sight): void {
    const { hv } = sight
    if (hv === undefined || !this.#isDirty) return
    this.#isDirty = false
    this.checks++
    const sides = {
      host: hv.hv.host,
      uv: asOne(sight.uvs),
      memories: sight.memories,
      cut: sight.cut,
    }
    for (const { id, lpid, gfn, what } of brokenOf(sides, sight.isAtRest)) {
      if (lpid !== undefined && sight.cut.has(lpid)) continue
      this.tell(`${id}: VM ${lpid ?? '-'} GFN ${gfn ?? '-'}: ${what}`)
    }
    this.#countPages(hv.hv.host)
  }

  /** The host's own sums, whatever is under way: pages in use are never more than there are. */
  #countPages({ devices }: Host): void {
    const { taken, size } = devices.pool
    if (taken < 0 || taken > size) this.tell(`I6: ${taken} of ${size} device pages are in use`)
  }

  #queued(op: Task): void {
    this.#isDirty = true
    const hv = this.#hv()
    if (op.call === undefined || hv === undefined || hv.isReading) return
    // Who uses an id twice, before any resume, has two calls with that id.
    if (op.lpid === STRANGER_LPID) return
    const session = hv.hv.sessions.ownerOf(op.lpid)
    if (session === undefined) return
    const key = `${session.serial}:${op.call.id}`
    this.executed++
    if (this.#begun.has(key)) this.tell(`call ${key} (${op.name}) was executed twice`)
    if (this.#answered.has(key)) {
      this.tell(`call ${key} (${op.name}) was executed again after its answer`)
    }
    this.#begun.add(key)
  }
}

/** Several ultravisors as the invariants see one: no two have the same LPID. */
function asOne(uvs: readonly Ultravisor[]): Ultravisor {
  const [first] = uvs
  if (first === undefined) throw new Error('there is no ultravisor')
  const svms = new RecentMap<Lpid, Svm>()
  for (const uv of uvs) for (const [lpid, svm] of uv.svms) svms.set(lpid, svm)
  return { ...first, svms }
}
