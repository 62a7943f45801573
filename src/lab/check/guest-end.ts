/** What the end of a guest's call means for what its memory must hold. */
import type { Gfn } from '../../abi/page.ts'
import { asGfn } from '../../abi/page.ts'
import type { LoadResult, StoreResult } from '../../ultravisor/guest-memory.ts'
import { tagOfBytes } from '../../ultravisor/page-contents.ts'
import { samePage } from '../content.ts'
import { isGuestShared } from '../guest-memory.ts'
import type { InvariantId } from '../invariants.ts'
import type { GuestAct } from './check-world.ts'
import type { GuestCall, Live, LiveVm } from './live.ts'
import type { ShortEsmResult } from './short-esm.ts'

type End = (live: Live, vm: LiveVm, call: GuestCall, gfn: Gfn, result: never) => void

const ENDS: { readonly [Act in GuestAct]: End } = {
  load: endLoad,
  store: endStore,
  esm: endEsm,
  'esm-wrong': endEsm,
  share: endShare,
  unshare: endShare,
  'unshare-all': endShare,
}

/** `result`: what the act's own generator returned. */
export function endGuestAct(live: Live, vm: LiveVm, call: GuestCall, result: unknown): void {
  const gfn = asGfn(live.setup.gfns[call.frame] ?? 0)
  // The table's key is the act that made the result.
  ENDS[call.act](live, vm, call, gfn, result as never)
}

function tell(live: Live, vm: LiveVm, id: InvariantId, what: string, gfn?: Gfn): void {
  live.broken.push({ id, lpid: vm.lpid, what, ...(gfn === undefined ? {} : { gfn }) })
}

/** True when nothing but the guest's own call has had a part in its result. */
function isOwnFault(live: Live, call: GuestCall): boolean {
  const { world } = live.setup
  const spent = live.left.failures < world.budgets.failures || live.left.cuts < world.budgets.cuts
  return call.disturbed === 0 && !spent
}

function endLoad(live: Live, vm: LiveVm, call: GuestCall, gfn: Gfn, result: LoadResult): void {
  const memory = live.memories.get(vm.lpid)
  const tampered = memory?.tampered.has(gfn) === true
  if (result.kind === 'OK') {
    if (tampered) tell(live, vm, 'I8', 'a page that the host changed was accepted', gfn)
    else if (!samePage(tagOfBytes(result.bytes), memory?.expected.get(gfn) ?? null)) {
      tell(live, vm, 'I4', 'the guest reads something else than it last wrote', gfn)
    }
  } else if (result.kind === 'REFUSED') refused(live, vm, call, gfn, tampered)
}

/** A page that the hypervisor does not bring back, though nothing else is under way. */
function refused(live: Live, vm: LiveVm, call: GuestCall, gfn: Gfn, tampered: boolean): void {
  const { world, gfns } = live.setup
  // In a pool too small for all, the page may have had no place for a moment.
  if (tampered || world.pool < gfns.length * world.vms || !isOwnFault(live, call)) return
  tell(live, vm, 'I4', 'the guest cannot reach its page any more', gfn)
}

function endStore(live: Live, vm: LiveVm, call: GuestCall, gfn: Gfn, result: StoreResult): void {
  const memory = live.memories.get(vm.lpid)
  const tampered = memory?.tampered.has(gfn) === true
  if (result.kind === 'REFUSED') refused(live, vm, call, gfn, tampered)
  if (result.kind !== 'OK' || memory === undefined) return
  if (tampered) tell(live, vm, 'I8', 'a page that the host changed was accepted', gfn)
  memory.wrote(gfn, call.content)
}

function endEsm(live: Live, vm: LiveVm, call: GuestCall, _gfn: Gfn, result: ShortEsmResult): void {
  if (result.kind === 'SECURE') return
  // An SVM in ABORT writes nothing when it is paged out: what had come in is lost.
  vm.spoiled = true
  if (call.act === 'esm-wrong' || !isOwnFault(live, call)) return
  const { world, gfns } = live.setup
  if (world.pool < gfns.length * world.vms) return
  const step = result.kind === 'FAILED' ? result.step : result.kind
  tell(live, vm, 'I7', `the switch fails for no reason of its own (${step})`)
}

/** A frame that became shared or private holds zeros. */
function endShare(live: Live, vm: LiveVm): void {
  const svm = live.uv.svms.get(vm.lpid)
  const memory = live.memories.get(vm.lpid)
  if (svm === undefined || memory === undefined) return
  for (const gfn of live.setup.gfns) {
    const isShared = isGuestShared(svm, gfn)
    if (isShared === memory.shared.has(gfn)) continue
    memory.forget(gfn)
    if (isShared) memory.shared.add(gfn)
    else memory.shared.delete(gfn)
  }
}
