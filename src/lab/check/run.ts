/** Runs one call of a small world from one yield to the next. */
import type { MemRead, MemWrite, Ucall, UvReply, UvRequest } from '../../abi/calls.ts'
import { CALL_NUMBER, type CallName } from '../../abi/calls.ts'
import { Host as HostCode, U } from '../../abi/codes.ts'
import { asFrame, frameOf, type Gfn, gfnOf, type Page } from '../../abi/page.ts'
import { bytesOfPage } from '../../abi/page-bytes.ts'
import { WITHOUT_UV } from '../../hv/ultracall.ts'
import { present } from '../../lib/assert.ts'
import { FrameState } from '../../ultravisor/frame-state.ts'
import { tagOfBytes } from '../../ultravisor/page-contents.ts'
import { SvmState } from '../../ultravisor/svm.ts'
import type { HvStep, HvSteps } from '../../uvmem/host.ts'
import { guestFault } from '../../uvmem/vmm/touch.ts'
import { brokenByReset } from '../invariants.ts'
import { contentToStore, guestSteps, hostSteps } from './acts.ts'
import type { GuestAct, QueuedAct } from './check-world.ts'
import { endGuestAct } from './guest-end.ts'
import { type GuestCall, type HostCall, isList, type Live, type LiveVm, replyTo } from './live.ts'

const vmOf = (live: Live, { lpid }: LiveVm) => present(live.host.vms.get(lpid), `VM ${lpid}`)

/** Begins an act of a guest CPU. */
export function beginGuestAct(live: Live, vm: LiveVm, cpu: number, act: GuestAct, gfn: Gfn): void {
  const frame = live.frameOf(gfn)
  const content = act === 'store' ? contentToStore(live, vm, gfn) : null
  const steps = guestSteps(live, vm, act, gfn, content)
  const isEsm = act === 'esm' || act === 'esm-wrong'
  if (isEsm) live.memories.get(vm.lpid)?.begin()
  const others = vm.cpus.some((each, i) => i !== cpu && each !== undefined)
  const step = steps.next({ ret: 0 })
  const call: GuestCall = {
    act,
    frame,
    steps,
    svm: live.uv.svms.get(vm.lpid),
    asked: [],
    phase: 'asking',
    reply: { ret: 0 },
    disturbed: others || vm.host !== undefined ? 1 : 0,
    content,
    log: [],
  }
  if (others) for (const each of vm.cpus) if (each !== undefined) each.disturbed++
  takeGuestStep(live, vm, cpu, call, step)
}

function takeGuestStep(
  live: Live,
  vm: LiveVm,
  cpu: number,
  call: GuestCall,
  step: IteratorResult<GuestCall['asked'], unknown>,
): void {
  if (step.done === true) {
    vm.cpus[cpu] = undefined
    endGuestAct(live, vm, call, step.value)
    return
  }
  call.asked = step.value
  call.phase = 'asking'
  vm.cpus[cpu] = call
}

/** Begins an act of the host or of the VMM. */
export function beginHostAct(live: Live, vm: LiveVm, act: QueuedAct, gfn: Gfn): void {
  for (const each of vm.cpus) if (each !== undefined) each.disturbed++
  const steps = hostSteps(live, vmOf(live, vm), act, gfn)
  startHost(live, vm, act, live.frameOf(gfn), -1, steps)
}

/** Hands a guest's request to the hypervisor, or to the memory bus. */
export function deliver(live: Live, vm: LiveVm, cpu: number): void {
  const call = present(vm.cpus[cpu], 'a call under way')
  const requests = isList(call.asked) ? call.asked : [call.asked]
  const first = present(requests[0], 'a request')
  if (first.call === 'MEM_READ' || first.call === 'MEM_WRITE') {
    let reply: UvReply = { ret: 0 }
    for (const request of requests) reply = overBus(live, request as MemRead | MemWrite)
    call.reply = replyTo(call.asked, reply)
    resume(live, vm, cpu)
    return
  }
  call.phase = 'served'
  const guest = vmOf(live, vm)
  const steps =
    first.call === 'HDSI'
      ? guestFault(live.host, guest, gfnOf(first.gpa))
      : live.setup.sides.hypercall(live.host, guest, first)
  startHost(live, vm, undefined, call.frame, cpu, steps)
}

function overBus(live: Live, request: MemRead | MemWrite): UvReply {
  const { ram } = live.host
  const frame = asFrame(frameOf(request.ra))
  const owned = ram.belongsTo(frame, request.lpid)
  const reply = owned ? access(live, request) : { ret: HostCode.EFAULT }
  live.onCall?.('uv', request, reply.ret)
  return reply
}

/** Contents are tags here, so that eight bytes at a page's start are the whole page. */
function access(live: Live, request: MemRead | MemWrite): UvReply {
  const { ram } = live.host
  const frame = asFrame(frameOf(request.ra))
  if (request.call === 'MEM_READ') {
    return { ret: 0, bytes: bytesOfPage(ram.read(frame), request.offset, request.length) }
  }
  if (!live.setup.sides.stores) return { ret: 0 }
  ram.write(frame, request.bytes === null ? null : tagOfBytes(request.bytes))
  return { ret: 0 }
}

/** Hands the hypervisor's answer to the guest's call. */
export function resume(live: Live, vm: LiveVm, cpu: number): void {
  const call = present(vm.cpus[cpu], 'a call under way')
  const requests = isList(call.asked) ? call.asked : [call.asked]
  for (const request of requests) logRequest(live, call, request)
  takeGuestStep(live, vm, cpu, call, call.steps.next(call.reply))
}

function logRequest(live: Live, call: GuestCall, request: UvRequest): void {
  const [reply] = isList(call.asked) ? (call.reply as readonly UvReply[]) : [call.reply as UvReply]
  const frame = 'gpa' in request ? live.frameOf(gfnOf(request.gpa)) + 1 : 0
  const ra = 'ra' in request ? frameOf(request.ra) : 0
  call.log.push(codeOfCall(request.call), frame, ra, (reply?.ret ?? 0) & 255)
}

function startHost(
  live: Live,
  vm: LiveVm,
  act: QueuedAct | undefined,
  frame: number,
  cpu: number,
  steps: HvSteps<unknown>,
): void {
  takeHostStep(live, vm, { act, frame, cpu, steps, log: [] }, steps.next(0))
}

type Begun = Omit<HostCall, 'pending'>

function takeHostStep(
  live: Live,
  vm: LiveVm,
  call: Begun,
  first: IteratorResult<HvStep, unknown>,
): void {
  let step = first
  while (step.done !== true && step.value.call === 'RESCHED') step = call.steps.next(0)
  if (step.done !== true) {
    vm.host = { ...call, pending: step.value as Ucall }
    return
  }
  vm.host = undefined
  const guest = vm.cpus[call.cpu]
  if (guest === undefined) endHostAct(live, vm, call, step.value)
  else {
    const ret = Number(step.value)
    const request = isList(guest.asked) ? guest.asked[0] : guest.asked
    if (request !== undefined) live.onCall?.('uv', request, ret)
    guest.phase = 'answered'
    guest.reply = replyTo(guest.asked, { ret })
  }
}

function endHostAct(live: Live, vm: LiveVm, { act }: Begun, result: unknown): void {
  if (act === 'reset' && result === 0) {
    live.broken.push(...brokenByReset(live, vm.lpid))
  }
  if ((act === 'reset' || act === 'restart') && result === 0) vm.spoiled = false
  if (act === 'hot-remove' || act === 'hot-add') {
    for (let i = live.setup.world.frames; i < live.setup.gfns.length; i++) {
      live.memories.get(vm.lpid)?.forget(present(live.setup.gfns[i], 'a hot frame'))
    }
  }
  if (live.host.vms.get(vm.lpid)?.secureGuest === 0) vm.cut = false
}

/** Serves the ultracall that an operation waits for; with `refusal` it is refused unserved. */
export function answerHost(live: Live, vm: LiveVm, refusal?: number): void {
  const call = present(vm.host, 'an operation under way')
  const { pending } = call
  const ret = refusal ?? (vm.cut ? WITHOUT_UV[pending.call] : serveUcall(live, vm, pending))
  live.onCall?.('hv', pending, ret)
  const what = 'gpa' in pending ? live.frameOf(gfnOf(pending.gpa)) + 1 : slotOf(pending)
  call.log.push(codeOfCall(pending.call), what, ret & 255)
  takeHostStep(live, vm, call, call.steps.next(ret))
}

const slotOf = (call: Ucall): number => ('slotId' in call ? call.slotId + 1 : 0)

/** A call's number in one byte. */
export const codeOfCall = (name: CallName): number =>
  ((CALL_NUMBER[name] >>> 8) ^ CALL_NUMBER[name]) & 255

function serveUcall(live: Live, vm: LiveVm, call: Ucall): number {
  const { ram } = live.host
  const page: Page = call.call === 'UV_PAGE_IN' ? ram.read(frameOf(call.ra)) : null
  const answer = live.setup.sides.serve(live.uv, call, page)
  if (answer.ret !== U.SUCCESS) return answer.ret
  if (call.call === 'UV_PAGE_OUT') ram.write(frameOf(call.ra), answer.page ?? null)
  if (call.call === 'UV_PAGE_IN') {
    const svm = live.uv.svms.get(vm.lpid)
    const gfn = gfnOf(call.gpa)
    const cameIn = svm?.state === SvmState.Active && svm.frames.state(gfn) === FrameState.Secure
    if (cameIn) live.memories.get(vm.lpid)?.cameIn(gfn)
  }
  return answer.ret
}
