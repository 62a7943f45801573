/** What is to happen in a run, as data: drawn from a seed, performed at its time, left out to shorten. */
import { ledgerBytesMax } from '../../src/hv/ledger-store.ts'
import { type Prng, prng } from '../../src/lib/prng.ts'

export interface World {
  readonly seed: number
  /** Everything that was acknowledged outlasts the hypervisor's process. */
  readonly durable: boolean
  /** Bytes of a ledger file from which on a new one is wanted. */
  readonly ledgerBytes: number
  readonly poolPages: number
  readonly hvWindow: number
  readonly uvWindow: number
  /** Subprotocols of the two honest ultravisors. */
  readonly protocols: readonly ['json' | 'bin', 'json' | 'bin']
  /** The stranger may have any LPID: only its not being the owner stands in its way. */
  readonly isOpen?: boolean
  /** 2 MiB each, of each ultravisor. */
  readonly secureUnits: number
}

export type GuestDoes = 'load' | 'store' | 'share' | 'unshare' | 'unshare-all' | 'host-write'
export type VmmDoes = 'hot-add' | 'hot-remove' | 'reset' | 'restart'
export type HostDoes = 'touch' | 'reclaim' | 'read'
/** What the one does that keeps to no rule. */
export type StrangerDoes =
  | 'foreign'
  | 'stray-answer'
  | 'replay'
  | 'reuse-id'
  | 'guess-token'
  | 'noise'
  | 'own-vm'
  | 'lie'
  | 'reorder'
  | 'leave'

export type Act =
  | { readonly do: 'guest'; readonly vm: number; readonly what: GuestDoes; readonly page: number }
  | { readonly do: 'vmm'; readonly vm: number; readonly what: VmmDoes }
  | { readonly do: 'host'; readonly vm: number; readonly what: HostDoes; readonly page: number }
  | Fault

export type Fault =
  | {
      readonly do: 'cut'
      readonly peer: number
      /** Milliseconds until the hypervisor notices. */
      readonly hvNotices: number
    }
  | { readonly do: 'crash-uv'; readonly peer: number; readonly downMs: number }
  | { readonly do: 'crash-hv'; readonly power: boolean; readonly downMs: number }
  | {
      readonly do: 'slow'
      readonly peer: number
      readonly end: 'uv' | 'hv'
      readonly ms: number
    }
  | { readonly do: 'delay'; readonly latencyMs: number; readonly ms: number }
  | { readonly do: 'disk'; readonly steps: number; readonly why: string }
  | { readonly do: 'exhaust'; readonly call: 'H_SVM_PAGE_IN' | 'H_SVM_INIT_DONE' }
  | {
      readonly do: 'refuse'
      readonly call: 'UV_PAGE_IN' | 'UV_PAGE_OUT' | 'UV_REGISTER_MEM_SLOT'
    }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'stranger'; readonly what: StrangerDoes; readonly page: number }

/** Classes of faults: each has to happen in any larger number of runs. */
export const FAULTS = [
  'cut',
  'crash-uv',
  'crash-hv',
  'slow',
  'delay',
  'disk',
  'exhaust',
  'refuse',
  'jump',
  'stranger',
] as const satisfies readonly Fault['do'][]

export interface Planned {
  readonly at: number
  readonly act: Act
}

export interface Plan {
  readonly world: World
  readonly acts: readonly Planned[]
}

/** LPIDs 1, 2 belong to the first ultravisor, 3 to the second one. */
export const VMS = [1, 2, 3] as const
export const peerOf = (vm: number): number => (vm === 3 ? 1 : 0)
/** Pages of a guest: 0 to 5 from the start, two more in a slot that comes and goes. */
export const PAGES = 8

/** Milliseconds in which things happen; after them no fault does. */
const BUSY_MS = 1_000

/** A few calls fill it: a new file takes over again and again. */
const SMALL_LEDGER_BYTES = 2_000

const pick = <T>(random: Prng, list: readonly T[]): T => list[random.int(list.length)] as T

export function planOf(seed: number): Plan {
  const random = prng(seed)
  const world: World = {
    seed,
    durable: random.int(4) > 0,
    ledgerBytes: seed % 3 === 0 ? SMALL_LEDGER_BYTES : ledgerBytesMax,
    poolPages: pick(random, [9, 20, 40]),
    hvWindow: pick(random, [1, 4, 64]),
    uvWindow: pick(random, [1, 4, 64]),
    protocols: [pick(random, ['json', 'bin']), pick(random, ['json', 'bin'])],
    secureUnits: pick(random, [3, 64, 64]),
  }
  const acts: Planned[] = []
  const work = 12 + random.int(10)
  const at = (): number => 40 + random.int(BUSY_MS)
  for (let i = 0; i < work; i++) acts.push({ at: at(), act: anyWork(random) })
  const faults = 2 + random.int(5)
  for (let i = 0; i < faults; i++) acts.push({ at: at(), act: anyFault(random) })
  return { world, acts: acts.sort((a, b) => a.at - b.at) }
}

const GUEST_DOES: readonly GuestDoes[] = [
  'load',
  'load',
  'store',
  'store',
  'store',
  'share',
  'share',
  'unshare',
  'unshare-all',
  'host-write',
]

function anyWork(random: Prng): Act {
  const vm = pick(random, VMS)
  const page = random.int(PAGES)
  const kind = random.int(20)
  if (kind < 10) return { do: 'guest', vm, what: pick(random, GUEST_DOES), page }
  if (kind < 18) {
    const what = pick(random, ['touch', 'touch', 'reclaim', 'read'] as const)
    return { do: 'host', vm, what, page }
  }
  const what = pick(random, ['hot-add', 'hot-add', 'hot-remove', 'reset', 'restart'] as const)
  return { do: 'vmm', vm, what }
}

type FaultMakers = { readonly [Kind in Fault['do']]: (random: Prng) => Fault }

const FAULT_MAKERS: FaultMakers = {
  cut: (random) => ({
    do: 'cut',
    peer: random.int(2),
    hvNotices: pick(random, [0, 0, 5, 400]),
  }),
  'crash-uv': (random) => ({ do: 'crash-uv', peer: random.int(2), downMs: random.int(200) }),
  'crash-hv': (random) => ({ do: 'crash-hv', power: random.int(2) === 0, downMs: random.int(200) }),
  slow: (random) => ({
    do: 'slow',
    peer: random.int(2),
    end: pick(random, ['uv', 'uv', 'hv']),
    ms: 20 + random.int(300),
  }),
  delay: (random) => ({ do: 'delay', latencyMs: 5 + random.int(60), ms: 50 + random.int(300) }),
  disk: (random) => ({
    do: 'disk',
    steps: random.int(6),
    why: pick(random, ['EIO: the disk failed', 'ENOSPC: no space left on device']),
  }),
  exhaust: (random) => ({
    do: 'exhaust',
    call: pick(random, ['H_SVM_PAGE_IN', 'H_SVM_INIT_DONE']),
  }),
  refuse: (random) => ({
    do: 'refuse',
    call: pick(random, ['UV_PAGE_IN', 'UV_PAGE_OUT', 'UV_REGISTER_MEM_SLOT']),
  }),
  jump: (random) => ({ do: 'jump', ms: pick(random, [-3_600_000, -500, 500, 86_400_000]) }),
  stranger: (random) => ({
    do: 'stranger',
    what: pick(random, STRANGER_DOES),
    page: random.int(6),
  }),
}

const STRANGER_DOES: readonly StrangerDoes[] = [
  'foreign',
  'foreign',
  'stray-answer',
  'replay',
  'reuse-id',
  'guess-token',
  'noise',
  'own-vm',
  'own-vm',
  'lie',
  'reorder',
  'leave',
]

const anyFault = (random: Prng): Fault => FAULT_MAKERS[pick(random, FAULTS)](random)

/** One line of a story. */
export function sentenceOf({ at, act }: Planned): string {
  const { do: kind, ...rest } = act
  const facts = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return `${String(at).padStart(5)} ms  ${kind}: ${facts.join(', ')}`
}
