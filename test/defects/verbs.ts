/**
 * What a line of a story can do.
 *
 * Hypercalls come from the ultravisor (`H_SVM_INIT_START` makes the SVM first, and a successful
 * `H_SVM_INIT_DONE` commits it, as UV_ESM does); guest calls and loads from the guest; the other
 * ultracalls straight from a hypervisor; the rest from VMM and host.
 */
import type { Hcall, Ucall } from '../../src/abi/calls.ts'
import { hCodeName, uCodeName } from '../../src/abi/codes.ts'
import { asGfn, asGpa, asRa, asSlotId, type Gfn, gpaOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { runEsm } from '../../src/ultravisor/esm.ts'
import {
  type GuestResult,
  sharePages,
  unshareAllPages,
  unsharePages,
} from '../../src/ultravisor/guest-calls.ts'
import { load, store } from '../../src/ultravisor/guest-memory.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import type { TrapResult } from '../../src/ultravisor/trap.ts'
import { commitSvm, createSvm } from '../../src/ultravisor/ultravisor.ts'
import { hypercall } from '../../src/uvmem/dispatch.ts'
import type { HvSteps, Vm } from '../../src/uvmem/host.ts'
import { destroyVm, svmOff } from '../../src/uvmem/vmm/life.ts'
import { readPage, writePage } from '../../src/uvmem/vmm/memory.ts'
import { addSlot, flushSlot, removeSlot } from '../../src/uvmem/vmm/slots.ts'
import { touch, unmap } from '../../src/uvmem/vmm/touch.ts'
import { LPID } from './defect.ts'
import { type Line, numberAt, slotOf } from './line.ts'
import type { Stage } from './stage.ts'
import { hostCodeName, replyName, wordOf } from './told.ts'

type Verb = (stage: Stage, line: Line) => string

const gfnAt = (line: Line, n = 0): Gfn => asGfn(numberAt(line, n))

/** A code, or how the kernel would have ended instead. */
const told = (vm: Vm, name: string): string =>
  vm.fault === undefined ? name : `never returns: ${vm.fault.kind}`

function hcall(call: Hcall['call'], flags = 0): Verb {
  return (stage, line) => {
    const { uv } = stage.machine
    if (call === 'H_SVM_INIT_START') createSvm(uv, LPID)
    const shared = line.words.includes('shared') ? 1 : flags
    const isPageCall = call === 'H_SVM_PAGE_IN' || call === 'H_SVM_PAGE_OUT'
    const made: Hcall = isPageCall
      ? { call, lpid: LPID, gpa: gpaOf(gfnAt(line)), flags: shared, order: 16 }
      : { call, lpid: LPID }
    stage.sealFails = line.words.includes('seal-fails')
    const ret = stage.hv(hypercall(stage.machine.host, stage.vm, made), line)
    stage.sealFails = false
    const svm = uv.svms.get(LPID)
    if (call === 'H_SVM_INIT_DONE' && ret === 0 && svm !== undefined) commitSvm(svm)
    return told(stage.vm, replyName(ret))
  }
}

/** H_SVM_INIT_START and H_SVM_INIT_DONE in one line. */
const turnsSecure: Verb = (stage, line) => {
  const ret = hcall('H_SVM_INIT_START')(stage, line)
  return ret === 'H_SUCCESS' ? hcall('H_SVM_INIT_DONE')(stage, line) : ret
}

const ultracall =
  (make: (line: Line) => Ucall): Verb =>
  (stage, line) => {
    const { ret, fault } = serve(stage.machine.uv, make(line))
    return fault === undefined ? uCodeName(ret) : `never returns: ${fault.kind}`
  }

const registerCall = (line: Line): Ucall => {
  const { id, base, pages } = slotOf(line.words[0] ?? '')
  const [bytes, flags] = ['bytes', 'flags'].map((word) => line.words.indexOf(word) + 1)
  return {
    call: 'UV_REGISTER_MEM_SLOT',
    lpid: LPID,
    startGpa: gpaOf(asGfn(base)),
    size: bytes ? numberAt(line, bytes) : pages * PAGE_SIZE,
    flags: flags ? numberAt(line, flags) : 0,
    slotId: asSlotId(id),
  }
}

const host =
  (steps: (stage: Stage, line: Line) => HvSteps): Verb =>
  (stage, line) => {
    const { vm } = stage
    return told(vm, hostCodeName(stage.hv(steps(stage, line), line)))
  }

const addsSlot: Verb = (stage, line) => {
  const { id, base, pages } = slotOf(line.words[1] ?? '')
  const wish = { id: asSlotId(id), base: asGfn(base), pages }
  const { ret, uvmem } = stage.hv(addSlot(stage.machine.host, stage.vm, wish), line)
  return `${told(stage.vm, hostCodeName(ret))}, uvmem code ${hCodeName(uvmem)}`
}

const endOf = (result: TrapResult): string => {
  if (result.kind === 'ABORT') return 'the SVM is aborted'
  return result.kind === 'GONE' ? 'the SVM is gone' : `never returns: ${result.fault.kind}`
}

const guestCall =
  (call: (stage: Stage, line: Line) => ReturnType<typeof unshareAllPages>): Verb =>
  (stage, line) => {
    const result: GuestResult = stage.guest(call(stage, line), line)
    return result.kind === 'RET' ? uCodeName(result.ret) : endOf(result)
  }

const loads: Verb = (stage, line) => {
  const { uv } = stage.machine
  const svm = uv.svms.get(LPID)
  if (svm === undefined) return 'there is no SVM'
  const got = stage.guest(load(uv, svm, gpaOf(gfnAt(line)), 8), line)
  if (got.kind === 'OK') return wordOf(got.bytes)
  return isTrap(got) ? endOf(got) : got.kind
}

const stores: Verb = (stage, line) => {
  const { uv } = stage.machine
  const svm = uv.svms.get(LPID)
  if (svm === undefined) return 'there is no SVM'
  const got = stage.guest(store(uv, svm, gpaOf(gfnAt(line)), bytesAt(line, 1)), line)
  return isTrap(got) ? endOf(got) : got.kind
}

const isTrap = (result: { readonly kind: string }): result is TrapResult =>
  ['ABORT', 'GONE', 'FAULT'].includes(result.kind)

function bytesAt(line: Line, n: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(numberAt(line, n)))
  return bytes
}

const reads: Verb = (stage, line) => {
  const { ret, page } = stage.hv(readPage(stage.machine.host, stage.vm, gfnAt(line)), line)
  if (ret !== 0) return told(stage.vm, hostCodeName(ret))
  return wordOf(page instanceof Uint8Array ? page : new Uint8Array(8))
}

const ksmFails: Verb = (stage, line) => {
  const slot = stage.vm.slots.get(asSlotId(numberAt(line, 0)))
  if (slot === undefined) throw new Error('ksm-fails: no such slot')
  slot.region.ksmError = -12
  return 'OK'
}

/** Secure memory that another SVM had taken comes back. */
const freesUnits: Verb = (stage, line) => {
  stage.machine.uv.availableUnits += numberAt(line, 0)
  return 'OK'
}

/** UV_ESM of a guest that is not there: it ends when its device tree is read, at the latest. */
const esm: Verb = (stage, line) => {
  const call = { lpid: LPID, kernelBase: asGpa(0x1_0000), tree: asGpa(0x2_0000) }
  const how = { strategy: 'necessary', window: 1, sha512: nodeSha512 } as const
  const result = stage.guest(runEsm(stage.machine.uv, { ...call, ...how }), line)
  return result.kind === 'REFUSED' ? uCodeName(result.ret) : result.kind
}

const pageOutTo = (line: Line): Ucall => ({
  call: 'UV_PAGE_OUT',
  lpid: LPID,
  ra: asRa(0x100_0000),
  gpa: gpaOf(gfnAt(line)),
  flags: 0,
  order: 16,
})

const slotLine: Verb = (stage, line) => {
  const [what, id] = [line.verb, asSlotId(Number(line.words[1]))]
  const munmap = !line.words.includes('keep')
  const { host: hv } = stage.machine
  const steps =
    what === 'flush' ? flushSlot(hv, stage.vm, id) : removeSlot(hv, stage.vm, id, munmap)
  return told(stage.vm, hostCodeName(stage.hv(steps, line)))
}

export const VERBS: Readonly<Record<string, Verb>> = {
  H_SVM_INIT_START: hcall('H_SVM_INIT_START'),
  H_SVM_INIT_DONE: hcall('H_SVM_INIT_DONE'),
  H_SVM_INIT_ABORT: hcall('H_SVM_INIT_ABORT'),
  H_SVM_PAGE_IN: hcall('H_SVM_PAGE_IN'),
  H_SVM_PAGE_OUT: hcall('H_SVM_PAGE_OUT'),
  secure: turnsSecure,
  UV_ESM: esm,
  UV_SHARE_PAGE: guestCall(({ machine }, line) =>
    sharePages(machine.uv, LPID, numberAt(line, 0), numberAt(line, 1)),
  ),
  UV_UNSHARE_PAGE: guestCall(({ machine }, line) =>
    unsharePages(machine.uv, LPID, numberAt(line, 0), numberAt(line, 1)),
  ),
  UV_UNSHARE_ALL_PAGES: guestCall(({ machine }) => unshareAllPages(machine.uv, LPID)),
  load: loads,
  store: stores,
  UV_PAGE_OUT: ultracall(pageOutTo),
  UV_REGISTER_MEM_SLOT: ultracall(registerCall),
  UV_UNREGISTER_MEM_SLOT: ultracall((line) => ({
    call: 'UV_UNREGISTER_MEM_SLOT',
    lpid: LPID,
    slotId: asSlotId(numberAt(line, 0)),
  })),
  UV_SVM_TERMINATE: ultracall(() => ({ call: 'UV_SVM_TERMINATE', lpid: LPID })),
  add: addsSlot,
  remove: slotLine,
  flush: slotLine,
  reset: host(({ machine, vm }) => svmOff(machine.host, vm)),
  destroy: host(({ machine, vm }) => destroyVm(machine.host, vm)),
  touch: host(({ machine, vm }, line) => touch(machine.host, vm, gfnAt(line))),
  discard: host(({ machine, vm }, line) => unmap(machine.host, vm, gfnAt(line), 'discard')),
  reclaim: host(({ machine, vm }, line) => unmap(machine.host, vm, gfnAt(line), 'reclaim')),
  read: reads,
  pfns: ({ machine }) => `${machine.host.devices.pool.taken} in use`,
  write: host(({ machine, vm }, line) =>
    writePage(machine.host, vm, gfnAt(line), 0, bytesAt(line, 1)),
  ),
  'ksm-fails': ksmFails,
  'free-units': freesUnits,
}
