/** Everything of one run in one process: a hypervisor, two ultravisors, their guests, a stranger. */
import { Role } from '../../schemas/rest/access.ts'
import { U } from '../../src/abi/codes.ts'
import type { Lpid } from '../../src/abi/page.ts'
import { asLpid, gfnOf } from '../../src/abi/page.ts'
import type { Vmm } from '../../src/hv/vmm.ts'
import type { GuestMemory } from '../../src/lab/guest-memory.ts'
import { present } from '../../src/lib/assert.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'
import { RecentMap } from '../../src/lib/recent-map.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import type { Principal } from '../../src/server/principal.ts'
import { negotiate } from '../../src/server/subprotocols.ts'
import type { Svm } from '../../src/ultravisor/svm.ts'
import type { Ultravisor } from '../../src/ultravisor/ultravisor.ts'
import { PowerDisk } from '../hv/power-disk.ts'
import { Auditor } from './auditor.ts'
import { Clock } from './clock.ts'
import { Fingerprint } from './fingerprint.ts'
import { Guest, gfnOfPage } from './guest.ts'
import { HvProcess, randomBytes, SIM_LIMITS } from './hv-process.ts'
import { Network, type Wire } from './network.ts'
import { type Act, FAULTS, type Fault, PAGES, peerOf, VMS, type World } from './plan.ts'
import { STRANGER_LPID, Stranger } from './stranger.ts'
import { UvProcess } from './uv-process.ts'

/** Milliseconds that a message takes, at most, when nothing is wrong. */
const LATENCY_MS = 1
const UNIT_BYTES = 2_097_152
const PEERS = ['first', 'second'] as const

const principal = (name: string, first: number, last: number): Principal => ({
  name,
  roles: new Set([Role.Uv]),
  lpids: [{ first, last }],
  guarded: true,
})
const PRINCIPALS = [principal('first', 1, 2), principal('second', 3, 3)] as const
const STRANGE = principal('stranger', STRANGER_LPID, STRANGER_LPID)

export type FaultCounts = Record<Fault['do'] | 'resumed', number>

export class SimWorld {
  readonly clock = new Clock()
  readonly fingerprint = new Fingerprint()
  readonly auditor: Auditor
  readonly counts = Object.fromEntries(
    [...FAULTS, 'resumed'].map((kind) => [kind, 0]),
  ) as FaultCounts
  /** Faults are over. */
  isHealed = false
  /** So is what they led to: every guest runs, and reads what is its own. */
  isSettled = false
  readonly #wish: World
  readonly #random: Prng
  readonly #network: Network
  readonly #guests: readonly Guest[]
  readonly #uvs: UvProcess[]
  readonly #stranger: Stranger
  /** What the auditor is shown: of VMs that have somebody to agree with, and who has nobody. */
  readonly #memories = new Map<Lpid, GuestMemory>()
  readonly #cut = new Set([asLpid(STRANGER_LPID)])
  readonly #waitForHv: (() => void)[] = []
  #hv: HvProcess | undefined
  #disk: PowerDisk | undefined
  #aheadMs = 0

  constructor(wish: World) {
    this.#wish = wish
    this.#random = prng(wish.seed ^ 0x5eed)
    this.auditor = new Auditor(() => this.#hv)
    this.#network = new Network(this.clock, this.#random, (wire, way, data) => {
      this.fingerprint.add(this.clock.now, wire, way, data)
    })
    this.#network.latencyMs = LATENCY_MS
    this.#disk = wish.durable ? new PowerDisk() : undefined
    this.#startHv()
    this.#guests = VMS.map((vm) => new Guest(this, vm, peerOf(vm)))
    this.#uvs = PEERS.map((_, peer) => this.#newUv(peer))
    this.#stranger = new Stranger({
      clock: this.clock,
      random: this.#random,
      dial: () =>
        this.#dial('json', wish.isOpen === true ? { ...STRANGE, lpids: undefined } : STRANGE),
      got: (what) => this.auditor.tell(what),
    })
  }

  get hv(): HvProcess | undefined {
    return this.#hv
  }

  /** Enough device pages and secure memory for everybody. */
  get hasRoom(): boolean {
    return this.#wish.poolPages > VMS.length * PAGES + 6 && this.#wish.secureUnits > 16
  }

  get isIdle(): boolean {
    return this.#guests.every(({ isIdle }) => isIdle) && (this.#hv?.hv.openOperations ?? 1) === 0
  }

  uvOf(peer: number): UvProcess | undefined {
    const uv = this.#uvs[peer]
    return uv?.scope.isAlive === true ? uv : undefined
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve))
  }

  /** Something of the VMM's, once there is a hypervisor; `unknown` when that died over it. */
  async vmm<T>(run: (vmm: Vmm) => Promise<T>): Promise<T | 'unknown'> {
    if (this.#hv === undefined) await new Promise<void>((go) => this.#waitForHv.push(go))
    return await present(this.#hv, 'a hypervisor').kept(run)
  }

  perform(act: Act): void {
    if (act.do === 'guest') this.#guest(act.vm).does(act.what, act.page)
    else if (act.do === 'vmm') this.#guest(act.vm).vmmDoes(act.what)
    else if (act.do === 'host') this.#host(act)
    else if (!this.isHealed) this.#fault(act)
  }

  /** No more faults; what is broken is mended. */
  heal(): void {
    this.isHealed = true
    this.#network.latencyMs = LATENCY_MS
    this.#stranger.end()
    this.#hv?.inspected.faults.clear()
    if (this.#disk !== undefined) this.#disk.failsAt = Number.POSITIVE_INFINITY
  }

  /** Everybody reads all that is theirs. */
  checkAll(): void {
    this.isSettled = true
    for (const guest of this.#guests) guest.checkAll()
  }

  /** After each event. */
  look(): void {
    if (!this.auditor.isDirty || this.#hv?.isReading === true) return
    const uv = this.#asOne()
    if (uv === undefined) return
    for (const { lpid, memory, isLost } of this.#guests) {
      if (isLost) {
        this.#cut.add(lpid)
        this.#memories.delete(lpid)
      } else {
        this.#cut.delete(lpid)
        this.#memories.set(lpid, memory)
      }
    }
    const [memories, cut, isAtRest] = [this.#memories, this.#cut, this.#isAtRest]
    this.auditor.look({ hv: this.#hv, uv, memories, cut, isAtRest })
  }

  /** Several ultravisors as the invariants see one: no two have the same LPID. */
  #asOne(): Ultravisor | undefined {
    let one: Ultravisor | undefined
    const svms = new RecentMap<Lpid, Svm>()
    for (const { client } of this.#uvs) {
      if (client === undefined) continue
      one ??= client.app.uv
      for (const [lpid, svm] of client.app.uv.svms) svms.set(lpid, svm)
    }
    return one === undefined ? undefined : { ...one, svms }
  }

  /** What keeps somebody from coming to an end. */
  unfinished(): readonly string[] {
    const open = this.#guests.filter(({ isIdle }) => !isIdle)
    const found = open.map(({ lpid }) => `liveness: VM ${lpid} does not come to an end`)
    const operations = this.#hv?.hv.openOperations
    if (operations !== 0) found.push(`liveness: ${operations ?? 'unknown'} operations are open`)
    return found
  }

  readonly #isAtRest = (lpid: Lpid): boolean => {
    if (lpid === STRANGER_LPID) return (this.#hv?.hv.queueLength(lpid) ?? 1) === 0
    const guest = this.#guest(lpid)
    const peer = this.uvOf(peerOf(lpid))?.client?.app.peer
    if (guest.isBusy || peer === undefined || peer.callsServed > 0) return false
    return (this.#hv?.hv.queueLength(lpid) ?? 1) === 0
  }

  #guest(vm: number): Guest {
    // They are in the order of their numbers, from 1 on.
    return present(this.#guests[vm - 1], 'a guest')
  }

  #host({ vm, what, page }: Extract<Act, { do: 'host' }>): void {
    const gfn = gfnOfPage(page)
    const lpid = asLpid(vm)
    const run = {
      touch: (vmm: Vmm) => vmm.touch(lpid, gfn),
      reclaim: (vmm: Vmm) => vmm.unmap(lpid, gfn, 'reclaim'),
      read: (vmm: Vmm) => vmm.readPage(lpid, gfn),
    }[what]
    if (this.#hv !== undefined) void this.#hv.kept<unknown>(run)
  }

  // --- faults ---

  #fault(fault: Fault): void {
    const made = this.#faults[fault.do] as (fault: Fault) => boolean
    if (made(fault)) this.counts[fault.do]++
  }

  /** Each says whether there was anything to break. */
  readonly #faults: {
    readonly [Kind in Fault['do']]: (fault: Extract<Fault, { do: Kind }>) => boolean
  } = {
    cut: ({ peer, hvNotices }) => {
      const wire = this.uvOf(peer)?.wire
      if (wire === undefined || wire.isBroken) return false
      wire.cut(0, hvNotices)
      return true
    },
    'crash-uv': ({ peer, downMs }) => {
      if (this.uvOf(peer) === undefined) return false
      this.#restartUv(peer, downMs)
      return true
    },
    'crash-hv': ({ power, downMs }) => this.#crashHv(power, downMs),
    slow: ({ peer, end, ms }) => {
      const wire = this.uvOf(peer)?.wire
      if (wire === undefined || wire.isBroken) return false
      wire[end].stall(ms)
      return true
    },
    delay: ({ latencyMs, ms }) => {
      this.#network.latencyMs = latencyMs
      void this.clock.after(ms, () => {
        this.#network.latencyMs = LATENCY_MS
      })
      return true
    },
    disk: ({ steps, why }) => {
      if (this.#disk === undefined || this.#hv === undefined) return false
      Object.assign(this.#disk, { failsAt: this.#disk.steps.length + steps, why })
      return true
    },
    exhaust: ({ call }) => this.#rule({ call, times: 1, action: { do: 'exhaust-pool' } }),
    refuse: ({ call }) =>
      this.#rule({ call, times: 1, action: { do: 'answer', code: U.PARAMETER } }),
    jump: ({ ms }) => {
      this.#aheadMs += ms
      return true
    },
    stranger: ({ what, page }) => {
      this.#stranger.act(what, page)
      return true
    },
  }

  #rule(rule: Parameters<HvProcess['inspected']['faults']['add']>[0]): boolean {
    return this.#hv?.inspected.faults.add(rule) !== undefined
  }

  // --- processes ---

  #startHv(): void {
    const { poolPages, hvWindow, durable, ledgerBytes } = this.#wish
    const hv = new HvProcess({
      clock: this.clock,
      random: this.#random,
      poolPages,
      window: hvWindow,
      disk: this.#disk,
      ledgerBytes,
      watch: this.auditor.watch,
      ahead: () => this.#aheadMs,
      failed: (error) => this.auditor.tell(String(error)),
      diskFailed: () => void this.#crashHv(false, 50),
    })
    this.#hv = hv
    try {
      this.auditor.begins()
      hv.begin()
    } catch (error) {
      return this.auditor.tell(`it does not start again: ${String(error)}`)
    }
    this.auditor.began(hv, durable)
    for (const go of this.#waitForHv.splice(0)) go()
  }

  #crashHv(power: boolean, downMs: number): boolean {
    const hv = this.#hv
    if (hv === undefined) return false
    this.#hv = undefined
    hv.kill()
    for (const wire of [...this.#network.wires]) wire.cut(this.#random.int(20), 0)
    this.#disk = power ? this.#disk?.losePower(this.#random) : this.#disk?.afterKill()
    void this.clock.after(downMs, () => this.#startHv())
    return true
  }

  #newUv(peer: number): UvProcess {
    const { protocols, uvWindow, secureUnits } = this.#wish
    const protocol = present(protocols[peer], 'its protocol')
    const uv: UvProcess = new UvProcess({
      name: present(PEERS[peer], 'its name'),
      clock: this.clock,
      random: this.#random,
      protocol,
      window: uvWindow,
      secureMemory: secureUnits * UNIT_BYTES,
      cipher: {
        ...nodeCipher,
        randomBytes: (count) => randomBytes(this.#random, count),
      },
      dial: () => this.#dial(protocol, present(PRINCIPALS[peer], 'its principal')),
      ultracall: (call, ret) => {
        this.auditor.touched('lpid' in call ? call.lpid : undefined)
        if (call.call !== 'UV_PAGE_IN' || ret !== 0) return
        const guest = this.#guests.find(({ lpid }) => lpid === call.lpid)
        guest?.cameIn(gfnOf(call.gpa))
      },
      answered: (session, id, lpid) => this.auditor.answered(session, id, lpid),
      resumed: () => {
        this.counts.resumed++
      },
      lost: () => this.#restartUv(peer, 20),
    })
    return uv
  }

  #restartUv(peer: number, downMs: number): void {
    this.#uvs[peer]?.kill(this.#random.int(2) * 200)
    for (const guest of this.#guests) if (peerOf(guest.lpid) === peer) guest.lose()
    void this.clock.after(downMs, () => {
      if (this.uvOf(peer) === undefined) this.#uvs[peer] = this.#newUv(peer)
    })
  }

  #dial(protocol: UvProtocol, who: Principal): Wire | undefined {
    const hv = this.#hv
    const codec = negotiate(`uvmem.v1.${protocol}`)
    if (hv === undefined || codec === undefined || hv.durable?.isOver === true) return undefined
    const wire = this.#network.connect(SIM_LIMITS.sendBufferHighBytes)
    hv.accept(wire.hv, codec, who)
    return wire
  }
}
