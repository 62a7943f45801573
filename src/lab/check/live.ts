/**
 * One state of a small world, alive: both cores, what the guests wrote, and the calls under way.
 *
 * Calls under way are the cores' own generators, halted at a yield. Steps of the checker run them
 * from one yield to the next; what may run next is in moves.ts.
 */
import type { Ucall, UvReply, UvRequest } from '../../abi/calls.ts'
import type { Gfn, Lpid, Page } from '../../abi/page.ts'
import type { PageCipher } from '../../ultravisor/page-crypto.ts'
import type { UvProfile } from '../../ultravisor/profile.ts'
import { serve } from '../../ultravisor/serve.ts'
import type { UvResume, UvSteps, UvYield } from '../../ultravisor/steps.ts'
import type { Svm } from '../../ultravisor/svm.ts'
import { newUltravisor, type Ultravisor } from '../../ultravisor/ultravisor.ts'
import { hypercall } from '../../uvmem/dispatch.ts'
import { type Host, type HvSteps, newHost } from '../../uvmem/host.ts'
import type { HvProfile } from '../../uvmem/profile.ts'
import { GuestMemory } from '../guest-memory.ts'
import type { Broken } from '../invariants.ts'
import {
  allGfns,
  type Budgets,
  bootGfns,
  type CheckWorld,
  type GuestAct,
  lpidsOf,
  type QueuedAct,
} from './check-world.ts'
import { ContentCodes } from './content-codes.ts'
import { newTagCipher } from './tag-cipher.ts'

/** An operation of the hypervisor on one VM, waiting for an answer of the ultravisor. */
export interface HostCall {
  /** What the host or the VMM began; undefined for a call of the guest's ultravisor. */
  readonly act: QueuedAct | undefined
  /** The frame it is about. */
  readonly frame: number
  /** The guest CPU that waits for it; -1 for an act of the host. */
  readonly cpu: number
  readonly steps: HvSteps<unknown>
  pending: Ucall
  /** Answers so far: call, frame or slot, code. */
  readonly log: number[]
}

/** What a guest's call waits for. */
export type Phase = 'asking' | 'served' | 'answered'

/** A call of a guest CPU, waiting for the hypervisor. */
export interface GuestCall {
  readonly act: GuestAct
  readonly frame: number
  readonly steps: UvSteps<unknown>
  /** The SVM that it began with; it may be gone. */
  readonly svm: Svm | undefined
  asked: UvYield
  phase: Phase
  reply: UvResume
  /** What a store writes. */
  readonly content: Page
  /** What else began on the VM meanwhile. */
  disturbed: number
  /** Answers so far: request, frame, real address, code. */
  readonly log: number[]
}

/** What is under way for one VM. */
export interface LiveVm {
  readonly lpid: Lpid
  host: HostCall | undefined
  readonly cpus: (GuestCall | undefined)[]
  /** The ultravisor that served it is gone. */
  cut: boolean
  /** A switch failed: the guest is not what was loaded, until the VMM loads it again. */
  spoiled: boolean
}

/** What a world does not change: the profiles and how contents are named. */
export interface Setup {
  readonly world: CheckWorld
  readonly hv: HvProfile
  readonly uv: UvProfile
  readonly strategy: 'necessary' | 'all'
  readonly gfns: readonly Gfn[]
  /** The frames that the boot loader fills. */
  readonly filled: readonly Gfn[]
  readonly contents: ContentCodes
  readonly sides: Sides
}

/** The parts of the two sides that a test may put something else in place of. */
export interface Sides {
  readonly serve: typeof serve
  readonly hypercall: typeof hypercall
  readonly cipher: PageCipher
  /** False: an ultravisor's stores to normal memory are lost. */
  readonly stores: boolean
}

export function newSetup(
  world: CheckWorld,
  hv: HvProfile,
  uv: UvProfile,
  strategy: 'necessary' | 'all',
  replace: (sides: Sides) => Sides = (sides) => sides,
): Setup {
  const gfns = allGfns(world)
  const filled = bootGfns(world).slice(0, world.filled)
  const contents = new ContentCodes(world)
  const sides = replace({ serve, hypercall, cipher: newTagCipher(contents), stores: true })
  return { world, hv, uv, strategy, gfns, filled, contents, sides }
}

const NOBODY: ReadonlySet<Lpid> = new Set()
/** Frames of normal memory: more than one way takes, so that none comes twice on it. */
export const liveFramesMax = 4_095
/** Units of secure memory: the budget never runs out in a small world. */
const liveUnits = 2 ** 40

export type BudgetName = keyof Budgets
export const BUDGET_NAMES: readonly BudgetName[] = [
  'resets',
  'hotplugs',
  'failures',
  'cuts',
  'tampers',
  'flushes',
  'troubles',
]

export class Live {
  readonly setup: Setup
  readonly host: Host
  readonly uv: Ultravisor
  readonly vms: readonly LiveVm[]
  readonly memories = new Map<Lpid, GuestMemory>()
  /** What is left of each budget. */
  readonly left: Record<BudgetName, number>
  /** What went wrong in the last step, besides what the state shows. */
  broken: Broken[] = []
  /** Told of every call between the sides. */
  onCall: ((by: 'hv' | 'uv', call: Ucall | UvRequest, ret: number) => void) | undefined

  constructor(setup: Setup) {
    const { world, hv, uv, sides } = setup
    this.setup = setup
    this.host = newHost({ profile: hv, poolSize: world.pool, frames: liveFramesMax })
    this.uv = newUltravisor({
      profile: uv,
      cipher: sides.cipher,
      contentMode: 'tag',
      secureUnits: liveUnits,
    })
    this.vms = lpidsOf(world).map((lpid) => ({
      lpid,
      host: undefined,
      cpus: Array.from({ length: world.cpus }, () => undefined),
      cut: false,
      spoiled: false,
    }))
    for (const { lpid } of this.vms) this.memories.set(lpid, new GuestMemory(lpid))
    this.left = { ...world.budgets }
  }

  /** True when no call of the VM is under way. */
  isAtRest(vm: LiveVm): boolean {
    return vm.host === undefined && vm.cpus.every((cpu) => cpu === undefined)
  }

  /** True when no call at all is under way: the state can be made again from its key. */
  get isQuiet(): boolean {
    for (const vm of this.vms) if (!this.isAtRest(vm)) return false
    return true
  }

  /** VMs whose ultravisor is gone. */
  get cut(): ReadonlySet<Lpid> {
    const gone = this.vms.filter((vm) => vm.cut)
    return gone.length === 0 ? NOBODY : new Set(gone.map(({ lpid }) => lpid))
  }

  frameOf(gfn: number): number {
    const { gfns } = this.setup
    for (let i = 0; i < gfns.length; i++) if (gfns[i] === gfn) return i
    return -1
  }
}

export const isList = (asked: UvYield): asked is readonly UvRequest[] => Array.isArray(asked)

/** The request that a guest's call waits with; of an array the first one stands for all. */
export const requestOf = (asked: UvYield): UvRequest | undefined =>
  isList(asked) ? asked[0] : asked

/** Calls over the memory bus need no turn at the hypervisor. */
export const isBus = (asked: UvYield): boolean =>
  requestOf(asked)?.call === 'MEM_READ' || requestOf(asked)?.call === 'MEM_WRITE'

export const replyTo = (asked: UvYield, reply: UvReply): UvResume =>
  isList(asked) ? asked.map(() => reply) : reply
