/** An ultravisor with one SVM, and an honest hypervisor that answers it at once. */
import type { UcallAnswer, UvReply, UvRequest } from '../../src/abi/calls.ts'
import { H } from '../../src/abi/codes.ts'
import {
  asGfn,
  asGpa,
  asLpid,
  asRa,
  asSlotId,
  type Gfn,
  gfnOf,
  gpaOf,
  PAGE_SIZE,
  type Page,
  type Ra,
} from '../../src/abi/page.ts'
import { nodeCipher } from '../../src/peer/node-cipher.ts'
import { UV_PROFILES, type UvProfile, type UvProfileName } from '../../src/ultravisor/profile.ts'
import { type ServeAnswer, serve } from '../../src/ultravisor/serve.ts'
import { type ContentMode, type Svm, SvmState } from '../../src/ultravisor/svm.ts'
import {
  createSvm,
  newUltravisor,
  type Ultravisor,
  type UltravisorOptions,
} from '../../src/ultravisor/ultravisor.ts'

export const LPID = asLpid(7)
export const PROFILES = ['firmware', 'spec'] as const satisfies readonly UvProfileName[]

export interface Setup extends Partial<Omit<UltravisorOptions, 'profile'>> {
  readonly profile?: UvProfileName | UvProfile
  readonly contentMode?: ContentMode
  readonly state?: SvmState
  /** `[id, base GFN, pages]`; one slot of 8 pages at GFN 64 when absent. */
  readonly slots?: readonly (readonly [number, number, number])[]
}

export interface Setting {
  readonly uv: Ultravisor
  readonly svm: Svm
}

export function newUv({ profile = 'spec', ...setup }: Setup = {}): Ultravisor {
  return newUltravisor({
    cipher: nodeCipher,
    secureUnits: 64,
    ...setup,
    profile: typeof profile === 'string' ? UV_PROFILES[profile] : profile,
  })
}

/** An ultravisor with an SVM that is SECURE already, or in the state asked for. */
export function settle(setup: Setup = {}): Setting {
  const uv = newUv(setup)
  const svm = createSvm(uv, LPID)
  if (svm === undefined) throw new Error('a new ultravisor has no SVM')
  for (const [id, base, count] of setup.slots ?? [[1, 64, 8]]) {
    if (register(uv, id, base, count).ret !== 0) throw new Error(`slot ${id} was refused`)
  }
  svm.state = setup.state ?? SvmState.Secure
  return { uv, svm }
}

export const register = (uv: Ultravisor, id: number, base: number, count: number): ServeAnswer =>
  serve(uv, {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: LPID,
    startGpa: gpaOf(asGfn(base)),
    size: count * PAGE_SIZE,
    flags: 0,
    slotId: asSlotId(id),
  })

export const unregister = (uv: Ultravisor, id: number): ServeAnswer =>
  serve(uv, { call: 'UV_UNREGISTER_MEM_SLOT', lpid: LPID, slotId: asSlotId(id) })

export interface PageArgs {
  readonly ra?: number
  readonly gpa?: number
  readonly order?: number
  readonly lpid?: number
}

const pageArgs = (gfn: number, args: PageArgs) => ({
  lpid: asLpid(args.lpid ?? LPID),
  ra: asRa(args.ra ?? 0x10_0000),
  gpa: asGpa(args.gpa ?? gpaOf(asGfn(gfn))),
  flags: 0,
  order: args.order ?? 16,
})

export const pageIn = (
  uv: Ultravisor,
  gfn: number,
  page: Page = null,
  args: PageArgs = {},
): ServeAnswer => serve(uv, { call: 'UV_PAGE_IN', ...pageArgs(gfn, args) }, page)

export const pageOut = (uv: Ultravisor, gfn: number, args: PageArgs = {}): ServeAnswer =>
  serve(uv, { call: 'UV_PAGE_OUT', ...pageArgs(gfn, args) })

export function pageInval(uv: Ultravisor, gfn: number, args: PageArgs = {}): ServeAnswer {
  const { lpid, gpa, order } = pageArgs(gfn, args)
  return serve(uv, { call: 'UV_PAGE_INVAL', lpid, gpa, order })
}

/** A page of 65,536 bytes, all of them `byte`. */
export const filled = (byte: number): Uint8Array => new Uint8Array(PAGE_SIZE).fill(byte)

interface HostFrame {
  readonly ra: Ra
  page: Page
  shared: boolean
}

/** A hypervisor that does what it should, and writes down what it was asked. */
export class HonestHv {
  readonly asked: string[] = []
  /** Answers by request, before anything is done: `H_SVM_PAGE_IN 64 1`. */
  readonly refusals = new Map<string, number>()
  readonly frames = new Map<Gfn, HostFrame>()
  /** Slots that H_SVM_INIT_START registers. */
  slots: readonly (readonly [number, number, number])[] = []
  /** A hook that runs before the answer to a request. */
  meddle: (text: string) => void = () => {}
  readonly #uv: Ultravisor
  #nextRa = 0x1_0000_0000

  constructor(uv: Ultravisor) {
    this.#uv = uv
  }

  readonly answer = (request: UvRequest): UvReply => {
    const text = textOf(request)
    this.asked.push(text)
    const refusal = this.refusals.get(text)
    const reply = refusal === undefined ? this.#serve(request) : { ret: refusal }
    this.meddle(text)
    return reply
  }

  /** The host's frame of a guest frame, made on demand. */
  frame(gfn: Gfn): HostFrame {
    let frame = this.frames.get(gfn)
    if (frame === undefined) {
      frame = { ra: asRa(this.#nextRa), page: null, shared: false }
      this.#nextRa += PAGE_SIZE
      this.frames.set(gfn, frame)
    }
    return frame
  }

  /** Takes a page out of secure memory. */
  takeOut(gfn: Gfn): UcallAnswer {
    const frame = this.frame(gfn)
    const answer = pageOut(this.#uv, gfn, { ra: frame.ra })
    if (answer.ret === 0) frame.page = answer.page ?? null
    return answer
  }

  #serve(request: UvRequest): UvReply {
    switch (request.call) {
      case 'H_SVM_INIT_START':
        for (const [id, base, count] of this.slots) register(this.#uv, id, base, count)
        return { ret: H.SUCCESS }
      case 'H_SVM_INIT_DONE':
        return { ret: H.SUCCESS }
      case 'H_SVM_INIT_ABORT':
      case 'H_SVM_TPM_COMM':
        serve(this.#uv, { call: 'UV_SVM_TERMINATE', lpid: request.lpid })
        return { ret: H.PARAMETER }
      case 'H_SVM_PAGE_IN':
        return this.#pageIn(gfnOf(request.gpa), request.flags === 1)
      case 'H_SVM_PAGE_OUT':
        return { ret: H.SUCCESS }
      case 'HDSI':
        return this.#give(gfnOf(request.gpa))
      case 'MEM_READ': {
        const bytes = bytesOf(this.#byRa(request.ra).page)
        return { ret: 0, bytes: bytes.slice(request.offset, request.offset + request.length) }
      }
      case 'MEM_WRITE': {
        const frame = this.#byRa(request.ra)
        const bytes = request.bytes ?? new Uint8Array(PAGE_SIZE)
        const page = bytesOf(frame.page)
        page.set(bytes, request.offset)
        frame.page = page
        return { ret: 0 }
      }
    }
  }

  #pageIn(gfn: Gfn, shared: boolean): UvReply {
    const frame = this.frame(gfn)
    if (frame.shared && !shared) {
      frame.shared = false
      return { ret: H.SUCCESS }
    }
    if (shared) this.frames.delete(gfn)
    this.frame(gfn).shared = shared
    return this.#give(gfn)
  }

  #give(gfn: Gfn): UvReply {
    const { ra, page } = this.frame(gfn)
    return { ret: pageIn(this.#uv, gfn, page, { ra }).ret === 0 ? H.SUCCESS : H.PARAMETER }
  }

  #byRa(ra: Ra): HostFrame {
    for (const frame of this.frames.values()) if (frame.ra === ra) return frame
    const frame = { ra, page: null, shared: true }
    this.frames.set(asGfn(1_000_000 + this.frames.size), frame)
    return frame
  }
}

const bytesOf = (page: Page): Uint8Array =>
  page instanceof Uint8Array ? page.slice() : new Uint8Array(PAGE_SIZE)

function textOf(request: UvRequest): string {
  if (request.call === 'H_SVM_PAGE_IN') {
    return `${request.call} ${gfnOf(request.gpa)} ${request.flags}`
  }
  if ('gpa' in request) return `${request.call} ${gfnOf(request.gpa)}`
  return 'ra' in request ? `${request.call} ${request.ra}` : request.call
}

/** Whether two pages of bytes are equal; a comparison by the test library would take seconds. */
export const isSamePage = (a: Page | undefined, b: Uint8Array): boolean =>
  a instanceof Uint8Array && Buffer.compare(a, b) === 0
