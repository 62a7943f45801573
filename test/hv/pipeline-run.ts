/**
 * Random calls through the hypervisor application, with an ultravisor that answers in random order.
 *
 * The program (what is asked) and what the ultravisor answers to each call depend on the seed alone;
 * the order of its answers on `shuffle` too. So two runs of one seed may differ only by their timing.
 */
import { LIMITS } from '../../schemas/limits.ts'
import type { DownCall, Outcome, UpCall } from '../../schemas/messages.ts'
import type { CallName } from '../../src/abi/calls.ts'
import { asGfn, asGpa, asLpid, asSlotId, gfnOf, PAGE_SIZE, type Page } from '../../src/abi/page.ts'
import { Hypervisor } from '../../src/hv/hypervisor.ts'
import { altered, type Ended, type Operation, type UvCall } from '../../src/hv/operation.ts'
import type { UvLink } from '../../src/hv/session.ts'
import { type Caller, serve } from '../../src/hv/up-calls.ts'
import { Vmm } from '../../src/hv/vmm.ts'
import { NO_WATCH } from '../../src/hv/watch.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'
import type { Done } from '../../src/peer/rpc-calls.ts'
import { frameOfPte, isDevicePte, isFramePte } from '../../src/uvmem/mem-slots.ts'
import type { HvProfileName } from '../../src/uvmem/profile.ts'

const LPID = asLpid(3)
/** Device pages: fewer than guest frames, so that the pool runs dry now and then. */
const POOL = 22
const BURSTS = 30
const CALLS_PER_BURST_MAX = 40
/** GFNs that calls are about: two slots, a gap, a slot that comes and goes, and nothing. */
const GFNS = 40
const SLOTS = [
  { id: 0, base: 0, pages: 16 },
  { id: 1, base: 20, pages: 10 },
] as const
const HOT_SLOT = { id: 2, base: 32, pages: 6 } as const

/** What an operation says that it touches. */
export type Touched = Pick<Operation, 'footprint' | 'gfn'>

export interface RunOptions {
  readonly profile: HvProfileName
  readonly window: number
  readonly seed: number
  /** Seed of the order in which the ultravisor answers. */
  readonly shuffle: number
  /** What operations say that they touch, made wrong: for the test that somebody would notice. */
  readonly loosen?: (touched: Touched) => Touched
}

/** What can be told from outside. */
export interface RunTold {
  /** For each call of the program: its code, error or fault, and its reason. */
  readonly ends: readonly string[]
  /** The order in which the calls were answered. */
  readonly order: readonly number[]
  /** After each burst: states with PFNs, mappings, the pool. */
  readonly states: readonly string[]
  /** For each GFN the ultracalls about it, in their order. */
  readonly ultracalls: ReadonlyMap<string, readonly string[]>
  /** Ultracalls that were under way at once, at most. */
  readonly atOnce: number
}

type VmmOp = 'touch' | 'unmap' | 'discard' | 'pin' | 'unpin' | 'reset' | 'fill' | 'guest_fault'
type Step =
  | { readonly by: 'uv'; readonly body: UpCall }
  | { readonly by: 'vmm'; readonly op: VmmOp; readonly gfn: number }

const VMM_OPS: readonly VmmOp[] = [
  ...(['touch', 'touch', 'touch', 'unmap', 'discard'] as const),
  ...(['pin', 'unpin', 'unpin', 'fill', 'guest_fault', 'reset'] as const),
]

function pageCall(random: Prng, call: 'H_SVM_PAGE_IN' | 'H_SVM_PAGE_OUT', flags: number): Step {
  const offset = random.int(8) === 0 ? random.int(PAGE_SIZE) : 0
  const gpa = asGpa(random.int(GFNS) * PAGE_SIZE + offset)
  const order = random.int(40) === 0 ? 12 : 16
  return { by: 'uv', body: { call, lpid: LPID, gpa, flags, order } }
}

function slotCall(random: Prng): Step {
  const slotId = asSlotId(HOT_SLOT.id)
  if (random.int(2) === 0) {
    return { by: 'uv', body: { call: 'UV_UNREGISTER_MEM_SLOT', lpid: LPID, slotId } }
  }
  const startGpa = asGpa(HOT_SLOT.base * PAGE_SIZE)
  const size = HOT_SLOT.pages * PAGE_SIZE
  const body = {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: LPID,
    startGpa,
    size,
    flags: 0,
    slotId,
  } as const
  return { by: 'uv', body }
}

/** One step of the program, page moves above all. */
function stepOf(random: Prng): Step {
  const kind = random.int(200)
  if (kind < 105) return pageCall(random, 'H_SVM_PAGE_IN', random.int(60) === 0 ? 6 : 0)
  if (kind < 160) return pageCall(random, 'H_SVM_PAGE_OUT', random.int(60) === 0 ? 6 : 0)
  if (kind < 170) return pageCall(random, 'H_SVM_PAGE_IN', 1)
  if (kind < 174) {
    return {
      by: 'uv',
      body: { call: 'HDSI', lpid: LPID, gpa: asGpa(random.int(GFNS) * PAGE_SIZE) },
    }
  }
  if (kind < 176) return slotCall(random)
  if (kind < 178) return { by: 'uv', body: { call: 'H_SVM_INIT_DONE', lpid: LPID } }
  if (kind < 179) return { by: 'uv', body: { call: 'H_SVM_INIT_ABORT', lpid: LPID } }
  if (kind < 182) return { by: 'uv', body: { call: 'H_SVM_INIT_START', lpid: LPID } }
  const op = VMM_OPS[random.int(VMM_OPS.length)] ?? 'touch'
  return { by: 'vmm', op, gfn: random.int(GFNS) }
}

/** Neighbours are moved in, or in and out: what a window is for. */
function sweepOf(random: Prng): readonly Step[] {
  const outs = random.int(3)
  return Array.from({ length: GFNS }, (_, n): Step => {
    const call = random.int(10) < outs ? 'H_SVM_PAGE_OUT' : 'H_SVM_PAGE_IN'
    const gpa = asGpa(n * PAGE_SIZE)
    return { by: 'uv', body: { call, lpid: LPID, gpa, flags: 0, order: 16 } }
  })
}

const medleyOf = (random: Prng): readonly Step[] =>
  Array.from({ length: 1 + random.int(CALLS_PER_BURST_MAX) }, () => stepOf(random))

/** What is asked of the hypervisor, burst by burst; each begins when the one before has ended. */
function programOf(seed: number): readonly (readonly Step[])[] {
  const random = prng(seed)
  return Array.from({ length: BURSTS }, () =>
    random.int(4) === 0 ? sweepOf(random) : medleyOf(random),
  )
}

interface Asked {
  readonly body: DownCall
  readonly done: Done
}

/** An ultravisor whose answers to a call depend on the seed and on what was asked before of that frame. */
class RandomUv implements UvLink {
  readonly calls = new Map<string, string[]>()
  readonly #waiting: Asked[] = []
  readonly #seed: number
  atOnce = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  get waiting(): number {
    return this.#waiting.length
  }

  call(body: DownCall, _parent: number, done: Done): void {
    const about = 'gpa' in body ? `GFN ${gfnOf(body.gpa)}` : 'the VM'
    const before = this.calls.get(about) ?? []
    before.push(textOf(body))
    this.calls.set(about, before)
    this.#waiting.push({ body, done })
    this.atOnce = Math.max(this.atOnce, this.#waiting.length)
  }

  end(): void {
    this.#waiting.length = 0
  }

  givenUp(): void {
    this.end()
  }

  answerOne(random: Prng): void {
    const [asked] = this.#waiting.splice(random.int(this.#waiting.length), 1)
    if (asked !== undefined) asked.done(this.#outcomeOf(asked.body))
  }

  #outcomeOf(body: DownCall): Outcome {
    const about = 'gpa' in body ? gfnOf(body.gpa) : 10_000
    const nth = this.calls.get('gpa' in body ? `GFN ${about}` : 'the VM')?.length ?? 0
    const random = prng(this.#seed + about * 7_919 + nth * 104_729)
    const ret = random.int(8) === 0 ? -4 : 0
    const page: { page?: Page } =
      body.call === 'UV_PAGE_OUT' && ret === 0 ? { page: BigInt(random.int(1_000_000)) } : {}
    return { kind: 'answer', id: 1, call: body.call as CallName, ret, ...page }
  }
}

function textOf(body: DownCall): string {
  const flags = 'flags' in body ? ` flags ${body.flags}` : ''
  const page = 'page' in body ? ` page ${body.page}` : ''
  const gpa = 'gpa' in body ? ` gpa ${body.gpa}` : ''
  return `${body.call}${gpa}${flags}${page}`
}

/** A hypervisor whose queues are told something else than what an operation touches. */
class LooseHypervisor extends Hypervisor {
  loosen: (touched: Touched) => Touched = (touched) => touched

  override submit<R>(op: Operation<R>): void {
    super.submit(altered(op, this.loosen({ footprint: op.footprint, gfn: op.gfn })))
  }
}

class Run {
  readonly #options: RunOptions
  readonly #uv: RandomUv
  readonly #hv: LooseHypervisor
  readonly #vmm: Vmm
  readonly #caller: Caller
  readonly #later: (() => void)[] = []
  readonly #reasons: string[] = []
  readonly #random: Prng
  readonly ends: string[] = []
  readonly order: number[] = []
  readonly states: string[] = []

  constructor(options: RunOptions) {
    const { profile, window, seed, shuffle } = options
    this.#options = options
    this.#random = prng(shuffle)
    this.#uv = new RandomUv(seed)
    const config = {
      ...{ profile, window, poolPages: POOL, autoCreateVms: true, limits: LIMITS },
      ...{ notifiesMigrations: seed % 3 === 0, orphans: 'keep' as const },
    }
    const later = (run: () => void): void => {
      this.#later.push(run)
    }
    const ended = (_op: Operation, end: Ended<unknown>): void => {
      this.#reasons.push(end.how === 'done' ? (end.reason?.why ?? '') : end.how)
    }
    const watch = { ...NO_WATCH, ended }
    this.#hv = new LooseHypervisor(
      config,
      {
        now: () => 0,
        later,
        after: () => () => undefined,
        token: () => 'x',
      },
      watch,
    )
    if (options.loosen !== undefined) this.#hv.loosen = options.loosen
    this.#vmm = new Vmm(this.#hv)
    const session = this.#hv.openSession('uv', this.#uv)
    if ('limit' in session) throw new Error('no session')
    this.#caller = { session, open: () => undefined }
  }

  async play(): Promise<RunTold> {
    for (const burst of programOf(this.#options.seed)) {
      await this.#settleVm()
      for (const step of burst) this.#begin(step)
      await this.#drain()
      this.states.push(this.#state())
    }
    this.ends.push(...this.#reasons)
    const { ends, order, states } = this
    return { ends, order, states, ultracalls: this.#uv.calls, atOnce: this.#uv.atOnce }
  }

  /** A VM that is there, not stopped by a fault, and somewhere in its life as a secure one. */
  async #settleVm(): Promise<void> {
    const old = this.#hv.vm(LPID)
    if (old !== undefined && old.fault === undefined) return
    if (old !== undefined) {
      void this.#vmm.destroy(LPID)
      await this.#drain()
    }
    const slots = SLOTS.map(({ id, base, pages }) => ({
      id: asSlotId(id),
      base: asGfn(base),
      pages,
    }))
    void this.#vmm.create({ lpid: LPID, radix: true, svmEnabled: true, slots })
    await this.#drain()
    void this.#vmm.fill(LPID, asGfn(0), 12, 100n, 1n)
    await this.#drain()
    this.#begin({ by: 'uv', body: { call: 'H_SVM_INIT_START', lpid: LPID } })
    await this.#drain()
  }

  #begin(step: Step): void {
    const index = this.ends.length
    this.ends.push('open')
    const end = (how: string): void => {
      this.ends[index] = how
      this.order.push(index)
    }
    if (step.by === 'uv') serve(this.#hv, this.#caller, incoming(index, step.body, end))
    else this.#operate(step.op, step.gfn).then((outcome) => end(JSON.stringify(outcome)), end)
  }

  #operate(op: VmmOp, at: number): Promise<unknown> {
    const gfn = asGfn(at)
    switch (op) {
      case 'touch':
        return this.#vmm.touch(LPID, gfn)
      case 'unmap':
        return this.#vmm.unmap(LPID, gfn, 'reclaim')
      case 'discard':
        return this.#vmm.unmap(LPID, gfn, 'discard')
      case 'pin':
        return this.#vmm.pin(LPID, gfn)
      case 'unpin':
        return this.#vmm.unpin(LPID, gfn)
      case 'fill':
        return this.#vmm.fill(LPID, gfn, 4, BigInt(at * 1_000), 1n)
      case 'guest_fault':
        return this.#vmm.guestFault(LPID, gfn)
      case 'reset':
        return this.#vmm.reset(LPID)
    }
  }

  /** Lets everything end, in random order. */
  async #drain(): Promise<void> {
    for (;;) {
      const pick = this.#random.int(3)
      if (pick === 0 && this.#later.length > 0) this.#later.shift()?.()
      else if (this.#uv.waiting > 0) this.#uv.answerOne(this.#random)
      else if (this.#later.length > 0) this.#later.shift()?.()
      else {
        await new Promise((resolve) => setImmediate(resolve))
        if (this.#uv.waiting === 0 && this.#later.length === 0) return
      }
    }
  }

  #state(): string {
    const { host } = this.#hv
    const vm = host.vms.get(LPID)
    if (vm === undefined) return 'no VM'
    const frames = Array.from({ length: GFNS }, (_, n) => {
      const uvmem = vm.uvmem.at(asGfn(n))
      const slot = vm.slots.at(asGfn(n))
      const word = uvmem?.words.get(n - uvmem.base)
      const pte = slot?.region.ptes.get(n - slot.base) ?? -1
      const content = isFramePte(pte) ? `frame ${host.ram.read(frameOfPte(pte))}` : String(pte)
      return `${n}: ${word} ${isDevicePte(pte) ? `device ${pte}` : content}`
    })
    const pool = [...host.devices.pool.takenRuns()].map(({ start, count }) => `${start}+${count}`)
    const flags = `flags ${vm.secureGuest}, fault ${vm.fault?.kind}, free ${host.devices.available}`
    return [flags, `frames ${host.ram.used}`, `pool ${pool}`, ...frames].join('\n')
  }
}

const incoming = (index: number, body: UpCall, end: (how: string) => void): UvCall => ({
  id: index + 1,
  parent: 0,
  body,
  answer: (ret) => end(`${body.call} ${ret}`),
  fail: (error, data) => end(`${body.call} ${error} ${JSON.stringify(data)}`),
  ancestors: () => [],
  lose: () => undefined,
  forget: () => undefined,
})

/** Runs the program of a seed to its end. */
export const runProgram = (options: RunOptions): Promise<RunTold> => new Run(options).play()
