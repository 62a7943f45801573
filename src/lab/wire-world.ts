/**
 * One VM of a design with a real socket between its two sides: the server of this project and an
 * ultravisor client, both in this process so that the lab can look at both.
 */
import { LIMITS } from '../../schemas/limits.ts'
import { Host as HostCode } from '../abi/codes.ts'
import { asFrame, asGfn, asGpa, type Gfn, gfnOf, gpaOf, PAGE_SIZE } from '../abi/page.ts'
import { bytesOfTag } from '../abi/page-bytes.ts'
import type { Outcome as VmmOutcome } from '../hv/vmm.ts'
import { present } from '../lib/assert.ts'
import { connectUv, type UvClient } from '../peer/uv-client.ts'
import { type App, buildApp } from '../server/app.ts'
import { listen } from '../server/listen.ts'
import { FrameState } from '../ultravisor/frame-state.ts'
import { SvmState } from '../ultravisor/svm.ts'
import { isFramePte } from '../uvmem/mem-slots.ts'
import { contentOf, Writer } from './content.ts'
import { Counts } from './counts.ts'
import type { Design } from './design.ts'
import { forgetChanged, GuestMemory, isGuestShared, sharedFrames } from './guest-memory.ts'
import { type Broken, brokenByReset, brokenOf } from './invariants.ts'
import { KERNEL_PAGE, STORY_PAGES, type StoryOp } from './story.ts'
import {
  BOOT_PAGES,
  bytesOf,
  done,
  HOT,
  LPID,
  noteBoot,
  type Outcome,
  SLOT,
  smallGuest,
} from './story-world.ts'

type HostOp = Exclude<StoryOp['op'], 'esm'>

export class WireWorld {
  readonly counts = new Counts()
  readonly memory = new GuestMemory(LPID)
  readonly #design: Design
  readonly #app: App
  readonly #guest = smallGuest(STORY_PAGES)
  #client: UvClient | undefined
  /** What happens once the last page of the switch has come in. */
  #early: readonly StoryOp[] = []
  #happening: Promise<Outcome>[] = []
  #writes = 0

  private constructor(design: Design, app: App) {
    this.#design = design
    this.#app = app
  }

  static async open(design: Design): Promise<WireWorld> {
    const hv = {
      profile: design.hv,
      poolPages: STORY_PAGES + 64,
      autoCreateVms: false,
      notifiesMigrations: false,
      orphans: 'keep',
      window: 64,
      limits: LIMITS,
    } as const
    const guard = { token: undefined, host: '127.0.0.1', allowedOrigins: [] }
    const app = buildApp({ hv, guard, version: 'lab' })
    const { uv } = await listen(app, '127.0.0.1', 0)
    const world = new WireWorld(design, app)
    await world.#connect(uv)
    return world
  }

  async close(): Promise<void> {
    this.#client?.close()
    await this.#app.close()
  }

  async #connect(url: string): Promise<void> {
    this.#client = await connectUv({
      url,
      profile: this.#design.uv,
      contentMode: 'tag',
      watch: {
        ultracall: (call, ret) => {
          this.counts.add({ by: 'hv', call, ret })
          if (call.call === 'UV_PAGE_IN' && ret === 0) this.#cameIn(gfnOf(call.gpa))
        },
        answered: (call, outcome) => {
          const ret = outcome.kind === 'answer' ? outcome.ret : -1
          this.counts.add({ by: 'uv', call, ret })
          const isZeroed = call.call === 'MEM_WRITE' && this.#design.strategy === 'all'
          if (isZeroed) this.#happen()
        },
      },
    })
    await this.#client.open()
  }

  #cameIn(gfn: Gfn): void {
    const svm = this.#svm()
    const isNew = svm?.state === SvmState.Active && svm.frames.state(gfn) === FrameState.Secure
    if (isNew) this.memory.cameIn(gfn)
    if (gfn === KERNEL_PAGE && this.#design.strategy === 'necessary') this.#happen()
  }

  /**
   * The ultravisor has its last answer before H_SVM_INIT_DONE: that to the kernel's page, or, when all
   * pages came first, to the zeroing of the RTAS area. What is queued now has its turn before it.
   */
  #happen(): void {
    if (this.#svm()?.state !== SvmState.Active) return
    const early = this.#early
    this.#early = []
    this.#happening = early.map((op) => this.perform(op))
  }

  broken(): readonly Broken[] {
    const { hv } = this.#app
    const memories = new Map([[LPID, this.memory]])
    return brokenOf({ host: hv.host, uv: this.#uv().app.uv, memories })
  }

  perform(op: StoryOp): Promise<Outcome> {
    if (op.op === 'esm') return this.#esm(op.early ?? [])
    return this.#acts[op.op](asGfn('page' in op ? op.page : 0))
  }

  readonly #acts: { readonly [Op in HostOp]: (page: Gfn) => Promise<Outcome> } = {
    boot: () => this.#boot(),
    reboot: () => this.#reboot(),
    destroy: () => ended(this.#app.vmm.destroy(LPID)),
    'hot-add': async () => {
      const outcome = await this.#app.vmm.addSlot(LPID, HOT)
      return done(outcome.how === 'done' ? outcome.result.ret : -1)
    },
    'hot-remove': () => ended(this.#app.vmm.removeSlot(LPID, HOT.id, true)),
    flush: () => ended(this.#app.vmm.flushSlot(LPID, SLOT)),
    touch: (page) => ended(this.#app.vmm.touch(LPID, page)),
    reclaim: (page) => ended(this.#app.vmm.unmap(LPID, page, 'reclaim')),
    store: (page) => this.#store(page),
    load: (page) => this.#load(page),
    share: (page) => this.#share('sharePages', page),
    unshare: (page) => this.#share('unsharePages', page),
    'host-write': (page) => this.#hostWrite(page),
    tamper: async (page) => this.#tamper(page),
  }

  async #boot(): Promise<Outcome> {
    await this.#app.vmm.create({
      lpid: LPID,
      radix: true,
      svmEnabled: true,
      slots: [{ id: SLOT, base: asGfn(0), pages: STORY_PAGES }],
    })
    return this.#loadGuest()
  }

  async #loadGuest(): Promise<Outcome> {
    const { vmm, hv } = this.#app
    this.memory.begin()
    const rest = asGfn(BOOT_PAGES)
    const tag = contentOf(Writer.Boot, LPID, rest)
    await vmm.fill(LPID, rest, STORY_PAGES - BOOT_PAGES, tag, 1n)
    for (const { gpa, content } of this.#guest.placements) {
      await vmm.writePage(LPID, gfnOf(gpa), gpa % PAGE_SIZE, bytesOf(content))
    }
    noteBoot(hv.host, present(hv.vm(LPID), 'the VM'), this.memory)
    return done(0)
  }

  async #reboot(): Promise<Outcome> {
    const { vmm, hv } = this.#app
    const outcome = await vmm.reset(LPID)
    const ret = outcome.how === 'done' ? outcome.result : -1
    if (ret === HostCode.ENOTTY) {
      await vmm.destroy(LPID)
      await this.#boot()
      return { result: 'this kernel cannot reset a secure VM: made anew', broken: [] }
    }
    if (ret !== 0) return broke('I7', asGfn(0), `the reset failed (${ret})`)
    const sides = { host: hv.host, uv: this.#uv().app.uv, memories: new Map() }
    const broken = brokenByReset(sides, LPID)
    await this.#loadGuest()
    return { result: 'ok', broken }
  }

  async #esm(early: readonly StoryOp[]): Promise<Outcome> {
    this.#early = early
    this.#happening = []
    const { kernelBase, fdtGpa: tree } = this.#guest
    const { strategy } = this.#design
    const result = await this.#uv().svm(LPID).esm({ kernelBase, tree, strategy })
    await Promise.all(this.#happening)
    if (result.kind === 'SECURE') return { result: 'secure', broken: [] }
    const why = result.kind === 'FAILED' ? `${result.step}: ${result.why}` : result.kind
    return { result: why, broken: [{ id: 'I7', lpid: LPID, what: `the switch failed: ${why}` }] }
  }

  async #store(gfn: Gfn): Promise<Outcome> {
    const svm = this.#svm()
    const isPublic = svm !== undefined && isGuestShared(svm, gfn)
    const content = this.#next(isPublic ? Writer.GuestPublic : Writer.GuestSecret, gfn)
    const got = await this.#uv()
      .svm(LPID)
      .store(asGpa(gpaOf(gfn)), bytesOfTag(content))
    if (got.kind === 'OK') this.memory.wrote(gfn, content)
    return { result: got.kind === 'OK' ? 'ok' : got.kind, broken: [] }
  }

  async #load(gfn: Gfn): Promise<Outcome> {
    const got = await this.#uv()
      .svm(LPID)
      .load(asGpa(gpaOf(gfn)), 8)
    const tampered = this.memory.tampered.has(gfn)
    if (got.kind === 'OK' && tampered) return broke('I8', gfn, 'a changed page was accepted')
    if (got.kind === 'OK' || tampered) return { result: got.kind, broken: [] }
    return broke('I4', gfn, `the guest cannot read its page any more (${got.kind})`)
  }

  async #share(call: 'sharePages' | 'unsharePages', gfn: Gfn): Promise<Outcome> {
    const svm = this.#svm()
    const before = svm === undefined ? new Map() : sharedFrames(svm, [gfn])
    const got = await this.#uv().svm(LPID)[call](gfn, 1)
    if (svm !== undefined) forgetChanged(this.memory, svm, before)
    return { result: got.kind === 'RET' && got.ret === 0 ? 'ok' : got.kind, broken: [] }
  }

  async #hostWrite(gfn: Gfn): Promise<Outcome> {
    const content = this.#next(Writer.Host, gfn)
    const outcome = await ended(this.#app.vmm.writePage(LPID, gfn, 0, bytesOfTag(content)))
    const svm = this.#svm()
    if (svm !== undefined && isGuestShared(svm, gfn)) this.memory.wrote(gfn, content)
    return outcome
  }

  #tamper(gfn: Gfn): Outcome {
    const { hv } = this.#app
    const slot = present(hv.vm(LPID)?.slots.at(gfn), `the slot of GFN ${gfn}`)
    const pte = slot.region.ptes.get(gfn - slot.base)
    const isSealed = this.#svm()?.frames.state(gfn) === FrameState.PagedOut
    if (!(isSealed && isFramePte(pte)))
      return { result: 'the host holds no ciphertext', broken: [] }
    hv.host.ram.write(asFrame(pte), contentOf(Writer.Tamper, LPID, gfn))
    this.memory.tampered.add(gfn)
    return done(0)
  }

  #next = (writer: Writer, gfn: Gfn): bigint => contentOf(writer, LPID, gfn, ++this.#writes)
  #uv = (): UvClient => present(this.#client, 'a connected ultravisor')
  #svm = () => this.#uv().app.uv.svms.get(LPID)
}

async function ended(outcome: Promise<VmmOutcome<number>>): Promise<Outcome> {
  const end = await outcome
  return end.how === 'done' ? done(end.result) : { result: end.how, broken: [] }
}

const broke = (id: Broken['id'], gfn: Gfn, what: string): Outcome => ({
  result: what,
  broken: [{ id, lpid: LPID, gfn, what }],
})
