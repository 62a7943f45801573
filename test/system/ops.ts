/** What guests, VMMs and the host do at random in a small world, as data that can be replayed. */
import fc from 'fast-check'
import { asGfn, asGpa, type Gfn, gpaOf, type Lpid } from '../../src/abi/page.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { runEsm } from '../../src/ultravisor/esm.ts'
import { sharePages, unshareAllPages, unsharePages } from '../../src/ultravisor/guest-calls.ts'
import { load, store } from '../../src/ultravisor/guest-memory.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { atOnce, type Host, type HvSteps, type Vm } from '../../src/uvmem/host.ts'
import { destroyVm, svmOff } from '../../src/uvmem/vmm/life.ts'
import { readPage, writePage } from '../../src/uvmem/vmm/memory.ts'
import { addSlot, flushSlot, removeSlot } from '../../src/uvmem/vmm/slots.ts'
import { pin, touch, unmap, unpin } from '../../src/uvmem/vmm/touch.ts'
import {
  BOOT_PAGES,
  bytesOf,
  HOT_BASE,
  HOT_PAGES,
  HOT_SLOT,
  lpidOf,
  numberOf,
  type World,
} from './world.ts'

export type Op =
  | { readonly op: 'boot' | 'destroy' | 'reset' | 'unshare-all'; readonly vm: number }
  | { readonly op: 'esm'; readonly vm: number; readonly strategy: 'necessary' | 'all' }
  | {
      readonly op: 'load' | 'store' | 'touch' | 'reclaim' | 'pin' | 'unpin'
      readonly vm: number
      readonly gfn: number
    }
  | { readonly op: 'host-read' | 'host-write'; readonly vm: number; readonly gfn: number }
  | {
      readonly op: 'share' | 'unshare'
      readonly vm: number
      readonly gfn: number
      readonly pages: number
    }
  | { readonly op: 'hot-add' | 'hot-remove' | 'flush'; readonly vm: number }

const vm = fc.integer({ min: 1, max: 2 })
/** Frames of both slots, the guest's own boot pages among them, and one behind them. */
const gfn = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: BOOT_PAGES - 1 }) },
  { weight: 3, arbitrary: fc.integer({ min: HOT_BASE, max: HOT_BASE + HOT_PAGES - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(BOOT_PAGES, HOT_BASE + HOT_PAGES) },
)
const plain = <Name extends Op['op']>(...names: Name[]) => fc.constantFrom(...names)

/** One random operation. */
export const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ op: plain('esm'), vm, strategy: fc.constantFrom('necessary', 'all') }),
  },
  { weight: 8, arbitrary: fc.record({ op: plain('load'), vm, gfn }) },
  { weight: 8, arbitrary: fc.record({ op: plain('store'), vm, gfn }) },
  {
    weight: 8,
    arbitrary: fc.record({ op: plain('touch', 'reclaim', 'host-read', 'host-write'), vm, gfn }),
  },
  { weight: 2, arbitrary: fc.record({ op: plain('pin', 'unpin'), vm, gfn }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: plain('share', 'unshare'),
      vm,
      gfn,
      pages: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: plain('hot-add', 'hot-remove', 'flush', 'unshare-all'), vm }),
  },
  { weight: 1, arbitrary: fc.record({ op: plain('boot', 'destroy', 'reset'), vm }) },
) as fc.Arbitrary<Op>

/** Something that must not be: who saw what. */
export type Violation = string

type Acts = {
  readonly [Name in Op['op']]: (
    world: World,
    lpid: Lpid,
    op: Extract<Op, { op: Name }>,
    serial: number,
  ) => Violation | undefined
}

/** Host and VMM operations that leave what guests wrote as it is. */
const host =
  (act: (host: Host, vm: Vm, gfn: Gfn) => HvSteps<unknown>) =>
  ({ machine }: World, lpid: Lpid, op: Op): undefined => {
    machine.hv(act(machine.host, machine.vm(lpid), asGfn('gfn' in op ? op.gfn : 0)))
  }

const ACTS: Acts = {
  boot: () => undefined,
  esm: (world, lpid, { strategy }) => esm(world, lpid, strategy),
  load: (world, lpid, { gfn }) => loads(world, lpid, asGfn(gfn)),
  store: (world, lpid, { gfn }, serial) =>
    stores(world, lpid, asGfn(gfn), BigInt(serial) + (1n << 60n)),
  share: (world, lpid, { gfn, pages }) => shares(world, lpid, 'share', asGfn(gfn), pages),
  unshare: (world, lpid, { gfn, pages }) => shares(world, lpid, 'unshare', asGfn(gfn), pages),
  'unshare-all': unsharesAll,
  'host-write': (world, lpid, { gfn }, serial) =>
    hostWrites(world, lpid, asGfn(gfn), BigInt(serial)),
  'host-read': host(readPage),
  touch: host(touch),
  reclaim: host((host, vm, gfn) => unmap(host, vm, gfn, 'reclaim')),
  pin: host(pin),
  unpin: host((host, vm, gfn) => atOnce(unpin(host, vm, gfn))),
  flush: host((host, vm) => flushSlot(host, vm, HOT_SLOT)),
  'hot-add': host((host, vm) =>
    addSlot(host, vm, { id: HOT_SLOT, base: HOT_BASE, pages: HOT_PAGES }),
  ),
  'hot-remove': hotRemove,
  reset: (world, lpid) => {
    const vm = world.machine.vm(lpid)
    world.machine.hv(svmOff(world.machine.host, vm))
    if (vm.secureGuest === 0) world.reload(lpid)
    return undefined
  },
  destroy: (world, lpid) => {
    world.machine.hv(destroyVm(world.machine.host, world.machine.vm(lpid)))
    world.written.delete(lpid)
    return undefined
  },
}

/** Performs one operation; returns what went against the guest's own memory of its writes. */
export function perform(world: World, op: Op, serial: number): Violation | undefined {
  const lpid = lpidOf(op.vm)
  const held = world.machine.host.vms.get(lpid)
  if (held === undefined && op.op === 'boot') world.boot(lpid)
  if (held === undefined || held.fault !== undefined) return undefined
  // The table's key is the operation's name, so the act takes exactly this operation.
  const act = ACTS[op.op] as (
    world: World,
    lpid: Lpid,
    op: Op,
    serial: number,
  ) => Violation | undefined
  return act(world, lpid, op, serial)
}

function hotRemove(world: World, lpid: Lpid): undefined {
  const { machine } = world
  machine.hv(removeSlot(machine.host, machine.vm(lpid), HOT_SLOT, true))
  for (let i = 0; i < HOT_PAGES; i++) world.writtenBy(lpid).delete(asGfn(HOT_BASE + i))
}

function esm(world: World, lpid: Lpid, strategy: 'necessary' | 'all'): undefined {
  const { machine, guest } = world
  if (machine.vm(lpid).secureGuest !== 0 || machine.uv.svms.has(lpid)) return undefined
  world.reload(lpid)
  const { kernelBase, fdtGpa: tree } = guest
  machine.guest(
    runEsm(machine.uv, { lpid, kernelBase, tree, strategy, window: 4, sha512: nodeSha512 }),
  )
  return undefined
}

const isSecure = (world: World, lpid: Lpid): boolean =>
  world.machine.uv.svms.get(lpid)?.state === SvmState.Secure

/** A guest reads what it last wrote. */
function loads(world: World, lpid: Lpid, at: Gfn): Violation | undefined {
  const svm = world.machine.uv.svms.get(lpid)
  const written = world.writtenBy(lpid).get(at)
  if (svm === undefined || !isSecure(world, lpid) || written === undefined) return undefined
  const got = world.machine.guest(load(world.machine.uv, svm, gpaOf(at), 8))
  if (got.kind !== 'OK' || numberOf(got.bytes) === written) return undefined
  return `I4: VM ${lpid} wrote ${written} to GFN ${at} and reads ${numberOf(got.bytes)}`
}

function stores(world: World, lpid: Lpid, at: Gfn, value: bigint): undefined {
  const svm = world.machine.uv.svms.get(lpid)
  if (svm === undefined || !isSecure(world, lpid)) return undefined
  const got = world.machine.guest(store(world.machine.uv, svm, asGpa(gpaOf(at)), bytesOf(value)))
  if (got.kind === 'OK') world.writtenBy(lpid).set(at, value)
  return undefined
}

/** Sharing and unsharing leave zeros on pages that changed hands; which did is the UV's to say. */
function shares(
  world: World,
  lpid: Lpid,
  what: 'share' | 'unshare',
  at: Gfn,
  pages: number,
): undefined {
  const { uv } = world.machine
  if (!isSecure(world, lpid)) return undefined
  const call = what === 'share' ? sharePages : unsharePages
  const before = statesOf(world, lpid)
  world.machine.guest(call(uv, lpid, at, pages))
  forgetChanged(world, lpid, before)
  return undefined
}

function unsharesAll(world: World, lpid: Lpid): undefined {
  if (!isSecure(world, lpid)) return undefined
  const before = statesOf(world, lpid)
  world.machine.guest(unshareAllPages(world.machine.uv, lpid))
  forgetChanged(world, lpid, before)
  return undefined
}

const statesOf = (world: World, lpid: Lpid): Map<Gfn, boolean> => {
  const frames = world.machine.uv.svms.get(lpid)?.frames
  const states = new Map<Gfn, boolean>()
  for (const gfn of world.writtenBy(lpid).keys()) states.set(gfn, (frames?.state(gfn) ?? 0) >= 2)
  return states
}

/** A page that became shared or private holds zeros, or is not looked at any more. */
function forgetChanged(world: World, lpid: Lpid, before: Map<Gfn, boolean>): void {
  const frames = world.machine.uv.svms.get(lpid)?.frames
  for (const [gfn, wasShared] of before) {
    const isShared = (frames?.state(gfn) ?? 0) >= 2
    if (isShared !== wasShared) world.writtenBy(lpid).set(gfn, 0n)
  }
}

/** A host that writes to a shared page changes what both sides see; elsewhere it only breaks its VM. */
function hostWrites(world: World, lpid: Lpid, at: Gfn, value: bigint): undefined {
  const state = world.machine.uv.svms.get(lpid)?.frames.state(at) ?? 0
  if (isSecure(world, lpid) && state !== 2 && state !== 3) return undefined
  const { machine } = world
  const ret = machine.hv(writePage(machine.host, machine.vm(lpid), at, 0, bytesOf(value)))
  if (ret === 0 && isSecure(world, lpid)) world.writtenBy(lpid).set(at, value)
  return undefined
}
