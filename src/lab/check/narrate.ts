/** A way through a small world in words, one line a move, with every call between the sides. */
import type { Ucall, UvRequest } from '../../abi/calls.ts'
import { hCodeName, uCodeName } from '../../abi/codes.ts'
import { gfnOf } from '../../abi/page.ts'
import { present } from '../../lib/assert.ts'
import type { ActName } from './check-world.ts'
import { type Live, requestOf, type Setup } from './live.ts'
import { MoveKind, unpackMove } from './move.ts'
import { tryMove } from './moves.ts'
import { firstState } from './search.ts'

const TOLD: { readonly [Act in ActName]: string } = {
  esm: 'the guest calls UV_ESM',
  'esm-wrong': 'the guest calls UV_ESM with a wrong digest',
  load: 'the guest loads from GFN',
  store: 'the guest stores to GFN',
  share: 'the guest shares GFN',
  unshare: 'the guest unshares GFN',
  'unshare-all': 'the guest unshares all pages',
  touch: 'the host touches GFN',
  reclaim: 'the host reclaims GFN',
  'host-write': 'the host writes to the shared GFN',
  tamper: 'the host changes the ciphertext of GFN',
  flush: 'the VMM toggles dirty logging: memory slot 0 is flushed',
  reset: 'the VMM resets the VM',
  restart: 'the VMM ends the VM and starts it again',
  'hot-add': 'the VMM adds memory slot 1',
  'hot-remove': 'the VMM removes memory slot 1',
  cut: 'the connection to the ultravisor is lost',
}
const HAS_FRAME: ReadonlySet<ActName> = new Set<ActName>([
  'load',
  'store',
  'share',
  'unshare',
  'touch',
  'reclaim',
  'host-write',
  'tamper',
])

/** The lines for these moves. */
export function narrate(setup: Setup, moves: readonly number[]): string[] {
  const live = firstState(setup)
  const lines: string[] = []
  let calls: string[] = []
  live.onCall = (by, call, ret) => calls.push(tellCall(by, call, ret))
  for (const move of moves) {
    const told = tellMove(live, move)
    calls = []
    const broke = tryMove(live, move)
    lines.push(told, ...calls.map((call) => `    ${call}`))
    if (broke !== undefined) return [...lines, `    our own rule is broken: ${broke}`]
  }
  return lines
}

function tellMove(live: Live, move: number): string {
  const { kind, vm: at, cpu, act, frame } = unpackMove(move)
  const vm = present(live.vms[at], 'a VM')
  const who = live.vms.length > 1 ? `VM ${vm.lpid}: ` : ''
  const by = vm.cpus.length > 1 ? ` (CPU ${cpu})` : ''
  const waiting = vm.cpus[cpu]
  const asked = waiting === undefined ? undefined : requestOf(waiting.asked)
  switch (kind) {
    case MoveKind.BeginGuest:
    case MoveKind.BeginHost: {
      const gfn = HAS_FRAME.has(act) ? ` ${live.setup.gfns[frame]}` : ''
      return `${who}${TOLD[act]}${gfn}${kind === MoveKind.BeginGuest ? by : ''}`
    }
    case MoveKind.Deliver:
      return `${who}the hypervisor takes ${asked?.call ?? 'the call'}${by}`
    case MoveKind.Serve:
      return `${who}the ultravisor serves ${vm.host?.pending.call ?? 'the call'}`
    case MoveKind.Refuse:
      return `${who}the ultravisor refuses ${vm.host?.pending.call ?? 'the call'} for reasons of its own`
    case MoveKind.Resume:
      return `${who}the ultravisor goes on with the answer to ${asked?.call ?? 'its call'}${by}`
  }
}

function tellCall(by: 'hv' | 'uv', call: Ucall | UvRequest, ret: number): string {
  const gfn = 'gpa' in call ? ` GFN ${gfnOf(call.gpa)}` : ''
  const slot = 'slotId' in call ? ` slot ${call.slotId}` : ''
  const shared = call.call === 'H_SVM_PAGE_IN' && call.flags === 1 ? ' shared' : ''
  return `${call.call}${gfn}${slot}${shared} = ${by === 'hv' ? uCodeName(ret) : hCodeName(ret)}`
}
