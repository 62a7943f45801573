/** Whether what somebody waits for holds in a hypervisor now. */
import { unreachable } from '../lib/assert.ts'
import { stateOfWord } from '../uvmem/frame-state.ts'
import type { Vm } from '../uvmem/host.ts'
import { stateWordAt } from '../uvmem/mapping.ts'
import { vmStateOf } from '../uvmem/vm-state.ts'
import type { Counters } from './counters.ts'
import type { Hypervisor } from './hypervisor.ts'
import type { AwaitedVm, WaitCondition } from './wait.ts'

export function holds(hv: Hypervisor, counters: Counters, condition: WaitCondition): boolean {
  switch (condition.of) {
    case 'vm':
      return isVm(hv, condition.lpid, hv.vm(condition.lpid), condition.state)
    case 'frame': {
      const vm = hv.vm(condition.lpid)
      if (vm?.slots.at(condition.gfn) === undefined) return false
      return stateOfWord(stateWordAt(vm, condition.gfn)) === condition.state
    }
    case 'session':
      return isSession(hv, condition)
    case 'count':
      return countOf(counters, condition) >= condition.atLeast
    default:
      return unreachable(condition)
  }
}

function isVm(hv: Hypervisor, lpid: Vm['lpid'], vm: Vm | undefined, state: AwaitedVm): boolean {
  if (vm === undefined) return state === 'gone'
  if (state === 'orphan') return hv.isOrphan(lpid)
  // A VM that is stopped is in no state that anybody waits for but that one.
  if (vm.fault !== undefined) return state === 'fault'
  return state === vmStateOf(vm.secureGuest)
}

function isSession(
  hv: Hypervisor,
  { session: wanted, state }: Extract<WaitCondition, { of: 'session' }>,
): boolean {
  for (const { id, name, detachedAt } of hv.sessions.list()) {
    if (wanted !== undefined && wanted !== id && wanted !== name) continue
    if (state === 'open' || state === (detachedAt === undefined ? 'attached' : 'detached'))
      return true
    if (state === 'closed') return false
  }
  return state === 'closed'
}

function countOf(
  counters: Counters,
  { count, lpid }: Extract<WaitCondition, { of: 'count' }>,
): number {
  if (typeof count === 'string') return counters.pageCount(count, lpid)
  return counters.callCount(count.call, lpid)
}
