/**
 * The small worlds that the checker looks through, as data: which VMs, how much memory, who may do
 * what, how often.
 */
import { asGfn, asLpid, asSlotId, type Gfn, type Lpid, type SlotId } from '../../abi/page.ts'

/** What a guest may begin. */
export type GuestAct = 'esm' | 'esm-wrong' | 'load' | 'store' | 'share' | 'unshare' | 'unshare-all'
/** What the host or the VMM may begin while the VM's turn is free. */
export type QueuedAct =
  | 'touch'
  | 'reclaim'
  | 'flush'
  | 'reset'
  | 'restart'
  | 'hot-add'
  | 'hot-remove'
/** What happens at a stroke. */
export type InstantAct = 'host-write' | 'tamper' | 'cut'
export type ActName = GuestAct | QueuedAct | InstantAct

/** Things that happen a limited number of times in one history. */
export interface Budgets {
  /** Resets and restarts. */
  readonly resets: number
  /** Hot-added and hot-removed slots. */
  readonly hotplugs: number
  /** Ultracalls that the ultravisor refuses for no reason of the protocol. */
  readonly failures: number
  /** Connections that are lost. */
  readonly cuts: number
  /** Pages that the host tampers with. */
  readonly tampers: number
  /** Dirty-log flushes. */
  readonly flushes: number
  /** Failures, lost connections, tampered pages and flushes together. */
  readonly troubles: number
}

export interface CheckWorld {
  readonly name: string
  readonly about: string
  readonly vms: number
  /** Frames of slot 0, from GFN 1 on. */
  readonly frames: number
  /** Frames of the slot that can be hot-added; 0 when there is none. */
  readonly hotFrames: number
  /** Device PFNs. */
  readonly pool: number
  /** Frames of slot 0 that the switch measures, from the first on. */
  readonly measured: number
  /** Frames of slot 0 that the boot loader fills, from the first on. */
  readonly filled: number
  /** Calls of one guest that may be under way at once. */
  readonly cpus: number
  /** Other things that may begin on a VM while one call of its guest is under way. */
  readonly disturbances: number
  readonly acts: readonly ActName[]
  readonly budgets: Budgets
  /** The switch also shares its first measured frame behind the guest's back, as the RTAS area is. */
  readonly sharesRtas: boolean
  /** The ultravisor asks for a page from inside UV_REGISTER_MEM_SLOT. */
  readonly asksInRegister: boolean
}

/** GFN where slot 0 begins: the firmware is known to lose sight of GFN 0. */
export const FIRST_GFN = 1
/** GFN where the hot-added slot begins. */
export const HOT_GFN = 16
export const SLOT_ID: SlotId = asSlotId(0)
export const HOT_ID: SlotId = asSlotId(1)

export const CHECK_LIMITS = {
  vmsMax: 2,
  framesMax: 4,
  hotFramesMax: 2,
  poolMax: 8,
  cpusMax: 2,
  budgetMax: 7,
} as const

const NO_BUDGET: Budgets = {
  resets: 0,
  hotplugs: 0,
  failures: 0,
  cuts: 0,
  tampers: 0,
  flushes: 0,
  troubles: 7,
}

const GUEST: readonly ActName[] = ['esm', 'load', 'store', 'share', 'unshare']

const DEFAULT: CheckWorld = {
  name: 'default',
  about: 'one VM of two frames, a host that moves its pages, a reboot, and one trouble at a time',
  vms: 1,
  frames: 2,
  hotFrames: 0,
  pool: 2,
  measured: 1,
  filled: 2,
  cpus: 1,
  disturbances: 1,
  acts: [
    'esm',
    'esm-wrong',
    'load',
    'store',
    'share',
    'touch',
    'reclaim',
    'tamper',
    'reset',
    'cut',
  ],
  budgets: { ...NO_BUDGET, resets: 1, failures: 1, cuts: 1, tampers: 1, troubles: 1 },
  sharesRtas: false,
  asksInRegister: false,
}

const THREAD: CheckWorld = {
  ...DEFAULT,
  name: 'thread',
  about: 'what the thread is about: a switch, page-outs, shares, flushes and a reboot',
  hotFrames: 0,
  pool: 2,
  acts: [...GUEST, 'touch', 'flush', 'reset'],
  budgets: { ...NO_BUDGET, resets: 1, flushes: 1 },
}

const WIDE: CheckWorld = {
  ...DEFAULT,
  name: 'wide',
  about: 'the default world with hotplug, flushes and a host that writes to shared pages',
  hotFrames: 1,
  pool: 3,
  acts: [...DEFAULT.acts, 'unshare', 'host-write', 'flush', 'hot-add', 'hot-remove'],
  budgets: { ...DEFAULT.budgets, hotplugs: 1, flushes: 1 },
}

const HOTPLUG: CheckWorld = {
  ...THREAD,
  name: 'hotplug',
  about: 'a switch and memory that is added and removed',
  hotFrames: 1,
  pool: 3,
  acts: ['esm', 'load', 'store', 'touch', 'hot-add', 'hot-remove'],
  budgets: { ...NO_BUDGET, hotplugs: 2 },
}

export const CHECK_WORLDS: readonly CheckWorld[] = [
  DEFAULT,
  THREAD,
  WIDE,
  {
    ...THREAD,
    name: 'switch',
    about: 'only the switch, with a host that touches pages meanwhile',
    acts: ['esm', 'load', 'store', 'touch'],
    budgets: NO_BUDGET,
  },
  HOTPLUG,
  {
    ...HOTPLUG,
    name: 'hotplug-refused',
    about: 'memory that is added, removed, and refused by the ultravisor; a reboot',
    acts: ['esm', 'store', 'touch', 'hot-add', 'hot-remove', 'reset'],
    budgets: { ...NO_BUDGET, hotplugs: 2, resets: 1, failures: 1 },
  },
  {
    ...THREAD,
    name: 'swap',
    about: 'a host that reclaims pages, shared ones too, and writes to those',
    acts: [...GUEST, 'touch', 'reclaim', 'host-write'],
    budgets: NO_BUDGET,
  },
  {
    ...THREAD,
    name: 'tight',
    about: 'a pool with one device page for two frames',
    pool: 1,
    acts: [...GUEST, 'touch', 'reset'],
    budgets: { ...NO_BUDGET, resets: 1 },
  },
  {
    ...THREAD,
    name: 'rtas',
    about: 'a switch that shares a frame behind the guest, as it does with the RTAS area',
    sharesRtas: true,
    acts: ['esm', 'load', 'store', 'touch', 'flush'],
    budgets: { ...NO_BUDGET, flushes: 1 },
  },
  {
    ...THREAD,
    name: 'nested',
    about: 'an ultravisor that asks for a page from inside UV_REGISTER_MEM_SLOT',
    asksInRegister: true,
  },
  {
    ...DEFAULT,
    name: 'two-vms',
    about: 'two VMs of a frame each that share a pool too small for both',
    vms: 2,
    frames: 1,
    hotFrames: 0,
    pool: 1,
    filled: 1,
    acts: ['esm', 'store', 'touch', 'share', 'unshare', 'reset'],
    budgets: { ...NO_BUDGET, resets: 1 },
  },
  {
    ...WIDE,
    name: 'large',
    about: 'three frames, two guest CPUs, everything: ten million states and more',
    frames: 3,
    pool: 4,
    filled: 3,
    cpus: 2,
    disturbances: 2,
    acts: [...WIDE.acts, 'unshare-all', 'restart'],
    budgets: { ...WIDE.budgets, hotplugs: 2, troubles: 2 },
  },
]

export const worldNamed = (name: string): CheckWorld | undefined =>
  CHECK_WORLDS.find((world) => world.name === name)

/** The LPIDs of a world. */
export const lpidsOf = (world: CheckWorld): readonly Lpid[] =>
  Array.from({ length: world.vms }, (_, i) => asLpid(i + 1))

/** The GFNs of slot 0. */
export const bootGfns = (world: CheckWorld): readonly Gfn[] =>
  Array.from({ length: world.frames }, (_, i) => asGfn(FIRST_GFN + i))

/** The GFNs of both slots; the place in this list is the frame's number in an encoded state. */
export const allGfns = (world: CheckWorld): readonly Gfn[] => [
  ...bootGfns(world),
  ...Array.from({ length: world.hotFrames }, (_, i) => asGfn(HOT_GFN + i)),
]
