/**
 * Looks at everything after every event, with its own books: the invariants over both sides, each call
 * executed once, what was acknowledged still there, strangers kept out. It asks nobody whether all is
 * well whose work it judges.
 *
 * An event touches one VM, as a rule, and says so. What both sides hold of the others, and what they
 * have to hold, is what it was when it was looked at last, so after each event the VMs are looked at
 * that it touched; those that had a call under way then, again when they are at rest. Should a defect
 * reach into another VM than its own, it is found by the looks at everything: every sixteenth, and the
 * last one.
 */
import { asLpid, type Lpid } from '../../src/abi/page.ts'
import type { Task } from '../../src/hv/operation.ts'
import { type HvWatch, NO_WATCH } from '../../src/hv/watch.ts'
import type { GuestMemory } from '../../src/lab/guest-memory.ts'
import { brokenOf } from '../../src/lab/invariants.ts'
import type { Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import type { Host } from '../../src/uvmem/host.ts'
import type { HvProcess } from './hv-process.ts'
import { VMS } from './plan.ts'
import { STRANGER_LPID } from './stranger.ts'

/** What the auditor is shown. */
export interface Sight {
  readonly hv: HvProcess | undefined
  /** All ultravisors as the invariants see one: no two have the same LPID. */
  readonly uv: Ultravisor
  readonly memories: ReadonlyMap<Lpid, GuestMemory>
  /** VMs that have no ultravisor to agree with. */
  readonly cut: ReadonlySet<Lpid>
  /** No call of the VM is under way, at either side. */
  readonly isAtRest: (lpid: Lpid) => boolean
}

type Fact = 'present' | 'absent'

/** Looks of which one is at everything. */
const WHOLE_EVERY = 16

/** The VMs that there are. */
const ALL: readonly Lpid[] = [...VMS, STRANGER_LPID].map(asLpid)
const ALL_BITS = ALL.reduce((bits, lpid) => bits | (1 << lpid), 0)

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
  /** VMs that were touched since it was looked at them last: a bit for each. */
  #touched = ALL_BITS
  /** VMs that were touched since it was looked at them while they were at rest. */
  #owing = ALL_BITS
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
    ended: (op) => this.touched(op.lpid),
    answered: (op) => this.touched(op.lpid),
    accessed: (call) => this.touched('lpid' in call.body ? call.body.lpid : undefined),
    closed: () => this.touched(),
  }

  /** An ultravisor was told how one of its calls ended. */
  answered(session: number, id: number, lpid: Lpid | undefined): void {
    this.touched(lpid)
    const key = `${session}:${id}`
    if (this.#answered.has(key)) this.tell(`call ${key} was answered twice`)
    this.#answered.add(key)
  }

  /** Something has happened to a VM that may matter; to any of them when none is named. */
  touched(lpid?: Lpid): void {
    const bits = lpid === undefined ? ALL_BITS : 1 << lpid
    this.#touched |= bits
    this.#owing |= bits
  }

  /** It was acknowledged that the VM is there, or is not; undefined: it may change now. */
  acknowledged(lpid: Lpid, fact: Fact | undefined): void {
    if (fact === undefined) this.#facts.delete(lpid)
    else this.#facts.set(lpid, fact)
  }

  /** A process of the hypervisor is about to go on with what the one before wrote down. */
  begins(): void {
    this.#begun = new Set()
  }

  /** It has begun; without a disk nothing is left of the one before. */
  began(hv: HvProcess, isDurable: boolean): void {
    this.touched()
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
    return this.#touched !== 0
  }

  /** After each event. */
  look(sight: Sight): void {
    const { hv, uv, memories, cut } = sight
    if (hv === undefined || !this.isDirty) return
    if (this.checks % WHOLE_EVERY === 0) this.touched()
    this.checks++
    let resting = 0
    for (const lpid of ALL) if (sight.isAtRest(lpid)) resting |= 1 << lpid
    const fresh = this.#touched | (resting & this.#owing)
    const isAtRest = (lpid: Lpid): boolean => (resting & (1 << lpid)) !== 0
    const isNew = (lpid: Lpid): boolean => (fresh & (1 << lpid)) !== 0
    const { host } = hv.hv
    for (const { id, lpid, gfn, what } of brokenOf({ host, uv, memories, cut }, isAtRest, isNew)) {
      if (lpid !== undefined && cut.has(lpid)) continue
      this.tell(`${id}: VM ${lpid ?? '-'} GFN ${gfn ?? '-'}: ${what}`)
    }
    this.#countPages(host)
    this.#touched = 0
    this.#owing &= ~resting
  }

  /** The host's own sums, whatever is under way: pages in use are never more than there are. */
  #countPages({ devices }: Host): void {
    const { taken, size } = devices.pool
    if (taken < 0 || taken > size) this.tell(`I6: ${taken} of ${size} device pages are in use`)
  }

  #queued(op: Task): void {
    this.touched(op.lpid)
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
