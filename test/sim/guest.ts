/**
 * One guest with its VMM: boots, turns secure, loads and stores and shares, one thing after the other,
 * while its host does what it likes. What its memory must hold is in its own books.
 */
import {
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gfn,
  gfnAt,
  gpaOf,
  type Lpid,
  type Page,
} from '../../src/abi/page.ts'
import { bytesOfTag } from '../../src/abi/page-bytes.ts'
import type { Vmm } from '../../src/hv/vmm.ts'
import { runShortEsm, type ShortEsmResult } from '../../src/lab/check/short-esm.ts'
import { contentOf, samePage, Writer } from '../../src/lab/content.ts'
import {
  forgetChanged,
  GuestMemory,
  isGuestShared,
  sharedFrames,
} from '../../src/lab/guest-memory.ts'
import { brokenByReset } from '../../src/lab/invariants.ts'
import type { UvClient } from '../../src/peer/uv-client.ts'
import { UvCallError } from '../../src/peer/uv-errors.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { tagOfBytes } from '../../src/ultravisor/page-contents.ts'
import { type Svm, SvmState } from '../../src/ultravisor/svm.ts'
import type { GuestDoes, VmmDoes } from './plan.ts'
import type { SimWorld } from './world.ts'

const SLOT = { id: asSlotId(0), base: asGfn(0), pages: 6 }
const HOT = { id: asSlotId(1), base: asGfn(16), pages: 2 }
/** All pages of a guest, by their number in a plan. */
const GFNS: readonly Gfn[] = [SLOT, HOT].flatMap(({ base, pages }) =>
  Array.from({ length: pages }, (_, i) => gfnAt(base, i)),
)
/** Milliseconds between two tries to get a guest running. */
const PAUSE_MS = 30
/** Tries within one thing that it does. */
const TRIES = 8

/** Of calls whose session, or VM, is gone or not there yet. */
const EXPECTED_ERRORS: ReadonlySet<string> = new Set([
  'CONNECTION_LOST',
  'LPID_UNKNOWN',
  'NOT_YOUR_LPID',
])

export const gfnOfPage = (page: number): Gfn => GFNS[page] ?? asGfn(0)

/** `dead`: a process that had a part in it is gone, and what it did may be as well. */
type Dead = 'dead'

export class Guest {
  readonly lpid: Lpid
  memory: GuestMemory
  readonly #world: SimWorld
  readonly #peer: number
  #chain: Promise<void> = Promise.resolve()
  /** Things that it has to do. */
  #open = 0
  /** It does something at this moment, or its VMM does. */
  isBusy = false
  /** Its memory is gone, or nobody knows what is in it: it must boot again. */
  isLost = true
  #writes = 0

  constructor(world: SimWorld, vm: number, peer: number) {
    this.#world = world
    this.lpid = asLpid(vm)
    this.#peer = peer
    this.memory = new GuestMemory(this.lpid)
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  /** Its ultravisor's part of it. */
  get svm(): Svm | undefined {
    return this.#client?.app.uv.svms.get(this.lpid)
  }

  get #client(): UvClient | undefined {
    return this.#world.uvOf(this.#peer)?.client
  }

  /** Its ultravisor is gone, and its memory with it. */
  lose(): void {
    this.isLost = true
  }

  does(what: GuestDoes, page: number): void {
    this.#then(async () => {
      if (await this.#isRunning()) await this.#acts[what](gfnOfPage(page))
    })
  }

  vmmDoes(what: VmmDoes): void {
    this.#then(() => this.#vmm[what]())
  }

  /** When all is well again: it runs, and every page can be read. */
  checkAll(): void {
    this.#then(async () => {
      if (!(await this.#isRunning())) {
        if (this.#world.hasRoom) this.#world.auditor.tell(`VM ${this.lpid} does not run any more`)
        return
      }
      for (const gfn of GFNS) await this.#load(gfn)
    })
  }

  /** A page came in. */
  cameIn(gfn: Gfn): void {
    const { svm } = this
    const isNew = svm?.state === SvmState.Active && svm.frames.state(gfn) === FrameState.Secure
    if (isNew) this.memory.cameIn(gfn)
  }

  #then(run: () => Promise<unknown>): void {
    this.#open++
    this.#chain = this.#chain.then(async () => {
      this.isBusy = true
      try {
        await run()
      } catch (error) {
        this.#world.auditor.tell(`VM ${this.lpid}: ${String(error)}`)
      }
      this.isBusy = false
      this.#open--
      this.#world.auditor.touched(this.lpid)
    })
  }

  /** Boots when it must; false when that does not succeed now. */
  async #isRunning(): Promise<boolean> {
    for (let i = 0; i < TRIES; i++) {
      if (!this.isLost && this.svm?.state === SvmState.Secure) return true
      if (this.isLost) await this.#begin()
      else await this.#turnSecure()
      await this.#world.pause(PAUSE_MS)
    }
    return !this.isLost && this.svm?.state === SvmState.Secure
  }

  /** Whatever there is of the VM goes, and a new one comes. */
  async #begin(): Promise<void> {
    const { lpid } = this
    this.#world.auditor.acknowledged(lpid, undefined)
    const gone = await this.#world.vmm((vmm) => vmm.destroy(lpid))
    if (gone === 'unknown') return
    if (gone.how !== 'gone' && !(gone.how === 'done' && gone.result === 0)) return
    this.#world.auditor.acknowledged(lpid, 'absent')
    // What an ultravisor keeps of it that was never told, or would not hear of it.
    this.#client?.svm(lpid).terminateLocal()
    this.#world.auditor.acknowledged(lpid, undefined)
    const wish = { lpid, radix: true, svmEnabled: true, slots: [SLOT] }
    const made = await this.#world.vmm((vmm) => vmm.create(wish))
    if (typeof made !== 'object' || 'limit' in made) return
    this.#world.auditor.acknowledged(lpid, 'present')
    if (await this.#fill()) this.isLost = false
  }

  /** What the boot loader does. */
  async #fill(): Promise<boolean> {
    const boot = new Map<Gfn, Page>()
    for (let i = 0; i < SLOT.pages; i++) {
      const gfn = gfnAt(SLOT.base, i)
      boot.set(gfn, contentOf(Writer.Boot, this.lpid, gfn))
    }
    this.memory = new GuestMemory(this.lpid, boot)
    const tag = contentOf(Writer.Boot, this.lpid, SLOT.base)
    const filled = await this.#world.vmm((vmm) =>
      vmm.fill(this.lpid, SLOT.base, SLOT.pages, tag, 1n),
    )
    return filled !== 'unknown' && filled.how === 'done' && filled.result === 0
  }

  async #turnSecure(): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    this.memory.begin()
    const { uv } = client.app
    const wish = {
      lpid: this.lpid,
      gfns: [asGfn(0), asGfn(1), asGfn(2)],
      sharesFirst: false,
      wrong: false,
    }
    const ended = await this.#ofUv(
      new Promise<ShortEsmResult | Dead>((resolve) => {
        client.app.run(this.lpid, runShortEsm(uv, wish), (end) => {
          if (end.how === 'failed') this.#judge(new UvCallError(end.request, end.error, undefined))
          resolve(end.how === 'done' ? end.result : 'dead')
        })
      }),
    )
    // What had come in of a switch that failed is lost.
    if (ended === 'dead' || ended.kind !== 'SECURE') this.isLost = true
  }

  readonly #acts: { readonly [What in GuestDoes]: (gfn: Gfn) => Promise<unknown> } = {
    load: (gfn) => this.#load(gfn),
    store: (gfn) => this.#store(gfn),
    share: (gfn) => this.#change((client) => client.svm(this.lpid).sharePages(gfn, 1)),
    unshare: (gfn) => this.#change((client) => client.svm(this.lpid).unsharePages(gfn, 1)),
    'unshare-all': () => this.#change((client) => client.svm(this.lpid).unshareAll()),
    'host-write': (gfn) => this.#hostWrite(gfn),
  }

  async #load(gfn: Gfn): Promise<void> {
    const got = await this.#ofUv(this.#client?.svm(this.lpid).load(asGpa(gpaOf(gfn)), 8))
    if (got === 'dead' || got.kind !== 'OK') {
      this.#refused(gfn, got === 'dead' ? got : got.kind)
      return
    }
    const expected = this.memory.expected.get(gfn) ?? null
    if (samePage(tagOfBytes(got.bytes), expected)) return
    this.#world.auditor.tell(
      `I4: VM ${this.lpid} reads ${tagOfBytes(got.bytes).toString(16)} from GFN ${gfn}, ` +
        `not ${expected?.toString(16) ?? 0}`,
    )
  }

  /** A page that cannot be reached while nothing is wrong. */
  #refused(gfn: Gfn, how: string): void {
    if (!this.#world.isSettled || !this.#world.hasRoom || how === 'dead') return
    const { svm } = this
    if (svm?.slots.find(gfn) === undefined) return
    this.#world.auditor.tell(`I4: VM ${this.lpid} cannot reach GFN ${gfn} any more: ${how}`)
  }

  async #store(gfn: Gfn): Promise<void> {
    const { svm } = this
    if (svm === undefined) return
    const writer = isGuestShared(svm, gfn) ? Writer.GuestPublic : Writer.GuestSecret
    const content = contentOf(writer, this.lpid, gfn, ++this.#writes)
    const bytes = bytesOfTag(content)
    const got = await this.#ofUv(this.#client?.svm(this.lpid).store(asGpa(gpaOf(gfn)), bytes))
    if (got !== 'dead' && got.kind === 'OK') this.memory.wrote(gfn, content)
  }

  async #change(run: (client: UvClient) => Promise<unknown>): Promise<void> {
    const { svm } = this
    const client = this.#client
    if (svm === undefined || client === undefined) return
    const before = sharedFrames(svm, GFNS)
    await this.#ofUv(run(client))
    forgetChanged(this.memory, svm, before)
  }

  /** The host writes to a page, which the guest has shared with it: elsewhere it has no business. */
  async #hostWrite(gfn: Gfn): Promise<void> {
    const { svm } = this
    if (svm === undefined || !isGuestShared(svm, gfn)) return
    const content = contentOf(Writer.Host, this.lpid, gfn, ++this.#writes)
    for (let i = 0; i < TRIES; i++) {
      const done = await this.#world.vmm((vmm) => vmm.fill(this.lpid, gfn, 1, content, 0n))
      if (done === 'unknown') continue
      if (done.how === 'done' && done.result === 0) this.memory.wrote(gfn, content)
      return
    }
    this.isLost = true
  }

  readonly #vmm: { readonly [What in VmmDoes]: () => Promise<unknown> } = {
    'hot-add': () => this.#whenThere((vmm) => vmm.addSlot(this.lpid, HOT)),
    'hot-remove': async () => {
      await this.#whenThere((vmm) => vmm.removeSlot(this.lpid, HOT.id, true))
      for (let i = 0; i < HOT.pages; i++) this.memory.forget(gfnAt(HOT.base, i))
    },
    reset: () => this.#reset(),
    restart: async () => {
      this.isLost = true
      await this.#isRunning()
    },
  }

  async #whenThere(run: (vmm: Vmm) => Promise<unknown>): Promise<void> {
    for (let i = 0; i < TRIES && !this.isLost; i++) {
      if ((await this.#world.vmm(run)) !== 'unknown') return
    }
  }

  async #reset(): Promise<void> {
    if (this.isLost) return
    const done = await this.#world.vmm((vmm) => vmm.reset(this.lpid))
    const hv = this.#world.hv?.hv
    const uv = this.#client?.app.uv
    if (done === 'unknown' || done.how !== 'done' || done.result !== 0 || hv === undefined) {
      this.isLost = true
      return
    }
    if (uv !== undefined) {
      const sides = { host: hv.host, uv, memories: new Map() }
      for (const { gfn, what } of brokenByReset(sides, this.lpid)) {
        this.#world.auditor.tell(`I7: VM ${this.lpid} GFN ${gfn}: ${what}`)
      }
    }
    if (!(await this.#fill())) this.isLost = true
  }

  /** An error that no honest ultravisor may get, whatever breaks. */
  #judge(error: unknown): void {
    if (error instanceof UvCallError && EXPECTED_ERRORS.has(error.code ?? '')) return
    this.#world.auditor.tell(`a call of VM ${this.lpid} got ${String(error)}`)
  }

  /** What an ultravisor's promise comes to; `dead` when its process, or its session, is gone. */
  async #ofUv<T>(promise: Promise<T> | undefined): Promise<T | Dead> {
    const uv = this.#world.uvOf(this.#peer)
    if (promise === undefined || uv === undefined) return 'dead'
    try {
      const value = await uv.scope.orDead(promise, 'dead' as const)
      if (value === 'dead') this.isLost = true
      return value
    } catch (error) {
      this.isLost = true
      this.#judge(error)
      return 'dead'
    }
  }
}
