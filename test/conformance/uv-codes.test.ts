/** Each code that abi.md and uv.md list for a call of the ultravisor is reached, and no other one is. */
import t from 'tap'
import { asGfn, asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { runEsm } from '../../src/ultravisor/esm.ts'
import { FrameState } from '../../src/ultravisor/frame-state.ts'
import { sharePages, unshareAllPages, unsharePages } from '../../src/ultravisor/guest-calls.ts'
import { UV_PROFILES } from '../../src/ultravisor/profile.ts'
import { serve } from '../../src/ultravisor/serve.ts'
import { runSteps, type UvSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { HV_PROFILES } from '../../src/uvmem/profile.ts'
import { World } from '../system/world.ts'
import * as uvTest from '../ultravisor/uv-for-test.ts'
import { pairsOf, ReachedCodes } from './reached-codes.ts'

const { HonestHv, LPID, newUv, pageIn, pageInval, pageOut, register, settle } = uvTest

/** What the documents say, for both profiles together. */
const WRITTEN_UV_CODES: Readonly<Record<string, readonly number[]>> = {
  // U_SUCCESS, U_PARAMETER, U_P2, U_P3, U_P5, U_STATE
  UV_PAGE_IN: [0, -4, -55, -56, -58, -75],
  // U_SUCCESS, U_PARAMETER, U_RETRY, U_P2, U_P3, U_P5
  UV_PAGE_OUT: [0, -4, -5, -55, -56, -58],
  // U_SUCCESS, U_PARAMETER, U_P2, U_P3, U_STATE
  UV_PAGE_INVAL: [0, -4, -55, -56, -75],
  // U_SUCCESS, U_PARAMETER (firmware), U_P2, U_P3, U_P4, U_P5 (spec)
  UV_REGISTER_MEM_SLOT: [0, -4, -55, -56, -57, -58],
  // U_SUCCESS, U_PARAMETER (spec: no such SVM)
  UV_UNREGISTER_MEM_SLOT: [0, -4],
  UV_SVM_TERMINATE: [0],
  UV_WRITE_PATE: [0],
  // U_SUCCESS, U_PERMISSION, U_P2
  UV_SHARE_PAGE: [0, -11, -55],
  UV_UNSHARE_PAGE: [0, -11, -55],
  // U_SUCCESS, 1 (stopped half-way), U_PERMISSION
  UV_UNSHARE_ALL_PAGES: [0, 1, -11],
  // U_SUCCESS, U_PARAMETER (H_SVM_INIT_ABORT's answer), U_RETRY, U_PERMISSION, U_P2, U_P3
  UV_ESM: [0, -4, -5, -11, -55, -56],
}

const GFN = 64
const OUTSIDE = { gpa: 0x7fff_0000_0000 }

/** An SVM whose frame `GFN` is in a state. */
function inState(state: FrameState) {
  const setting = settle()
  setting.svm.frames.setState(asGfn(GFN), state)
  return setting
}

const aborted = () => settle({ state: SvmState.Abort }).uv
const UV_PAGE_IN = (): readonly number[] => [
  pageIn(settle({ state: SvmState.Active }).uv, GFN).ret,
  pageIn(settle().uv, GFN, null, { lpid: 9 }).ret,
  pageIn(settle().uv, GFN, null, { ra: 0 }).ret,
  pageIn(settle().uv, GFN, null, OUTSIDE).ret,
  pageIn(settle().uv, GFN, null, { order: 12 }).ret,
  pageIn(aborted(), GFN).ret,
]
const UV_PAGE_OUT = (): readonly number[] => [
  pageOut(settle().uv, GFN).ret,
  pageOut(settle().uv, GFN, { lpid: 9 }).ret,
  pageOut(inState(FrameState.HvUnshared).uv, GFN).ret,
  pageOut(settle().uv, GFN, { ra: 0 }).ret,
  pageOut(settle().uv, GFN, OUTSIDE).ret,
  pageOut(settle().uv, GFN, { order: 12 }).ret,
]
const UV_PAGE_INVAL = (): readonly number[] => [
  pageInval(inState(FrameState.HvUnsharing).uv, GFN).ret,
  pageInval(settle().uv, GFN, { lpid: 9 }).ret,
  pageInval(settle().uv, GFN).ret,
  pageInval(settle().uv, GFN, OUTSIDE).ret,
  pageInval(aborted(), GFN).ret,
]

function registered(startGpa: number, size: number, flags: number, slotId: number): number {
  const slot = { startGpa: asGpa(startGpa), size, flags, slotId: asSlotId(slotId) }
  return serve(settle().uv, { call: 'UV_REGISTER_MEM_SLOT', lpid: LPID, ...slot }).ret
}
const PAGE = 65_536
const UV_REGISTER_MEM_SLOT = (): readonly number[] => [
  registered(0, PAGE, 0, 2),
  register(settle({ profile: 'firmware' }).uv, 2, GFN, 1).ret,
  registered(1, PAGE, 0, 2),
  registered(0, 1, 0, 2),
  registered(0, PAGE, 1, 2),
  registered(0, PAGE, 0, 512),
]
const UV_UNREGISTER_MEM_SLOT = (): readonly number[] => [
  uvTest.unregister(settle().uv, 1).ret,
  uvTest.unregister(newUv(), 1).ret,
]
const UV_SVM_TERMINATE = (): readonly number[] => [
  serve(settle().uv, { call: 'UV_SVM_TERMINATE', lpid: LPID }).ret,
  serve(newUv(), { call: 'UV_SVM_TERMINATE', lpid: LPID }).ret,
]
const UV_WRITE_PATE = (): readonly number[] => [
  serve(newUv(), { call: 'UV_WRITE_PATE', lpid: LPID, dw0: 1n, dw1: 2n }).ret,
]

type GuestCall = (uv: uvTest.Setting['uv']) => UvSteps<{ readonly kind: string }>

/** The code of a guest's call; its hypervisor does what it should. */
function guest(call: GuestCall, setting = settle()): number {
  const result = runSteps(call(setting.uv), new HonestHv(setting.uv).answer)
  return 'ret' in result && typeof result.ret === 'number' ? result.ret : Number.NaN
}
const notSecure = () => settle({ state: SvmState.Active })
const UV_SHARE_PAGE = (): readonly number[] => [
  guest((uv) => sharePages(uv, LPID, GFN, 1)),
  guest((uv) => sharePages(uv, LPID, GFN, 1), notSecure()),
  guest((uv) => sharePages(uv, LPID, 1, 1)),
]
const UV_UNSHARE_PAGE = (): readonly number[] => [
  guest((uv) => unsharePages(uv, LPID, GFN, 1)),
  guest((uv) => unsharePages(uv, LPID, GFN, 1), notSecure()),
  guest((uv) => unsharePages(uv, LPID, 1, 1)),
]
const UV_UNSHARE_ALL_PAGES = (): readonly number[] => [
  guest((uv) => unshareAllPages(uv, LPID)),
  guest((uv) => unshareAllPages(uv, LPID), inState(FrameState.HvSharing)),
  guest((uv) => unshareAllPages(uv, LPID), notSecure()),
]

/** UV_ESM of a real guest, with one thing changed. */
function esm(change: Readonly<Record<string, unknown>>, digestWrong = false): number {
  const profiles = { hv: HV_PROFILES.spec, uv: UV_PROFILES.spec }
  const world = new World({ ...profiles, poolPages: 64, secureUnits: 64 })
  const lpid = asLpid(1)
  world.boot(lpid)
  const { kernelBase, fdtGpa: tree } = world.guest
  const call = { lpid, kernelBase, tree, strategy: 'necessary', window: 4, sha512: nodeSha512 }
  if (change['twice'] === true) world.machine.guest(runEsm(world.machine.uv, call as never))
  const noDigest = { init: () => ({ update: () => undefined, digest: () => new Uint8Array(64) }) }
  const changed = { ...call, ...change, ...(digestWrong ? { sha512: noDigest } : {}) }
  const result = world.machine.guest(runEsm(world.machine.uv, changed as never))
  return 'ret' in result ? result.ret : Number.NaN
}
const UV_ESM = (): readonly number[] => [
  esm({}),
  esm({}, true),
  esm({ twice: true }),
  esm({ supervisor: false }),
  esm({ kernelBase: asGpa(0) }),
  esm({ tree: asGpa(0) }),
]

const RUN: Readonly<Record<string, () => readonly number[]>> = {
  UV_PAGE_IN,
  UV_PAGE_OUT,
  UV_PAGE_INVAL,
  UV_REGISTER_MEM_SLOT,
  UV_UNREGISTER_MEM_SLOT,
  UV_SVM_TERMINATE,
  UV_WRITE_PATE,
  UV_SHARE_PAGE,
  UV_UNSHARE_PAGE,
  UV_UNSHARE_ALL_PAGES,
  UV_ESM,
}

t.test('each pair of a call and a code is reached, and the list is complete', async (t) => {
  const reached = new ReachedCodes()
  for (const [call, run] of Object.entries(RUN)) {
    for (const code of run()) reached.note(call, code)
  }
  t.same(reached.all(), pairsOf(WRITTEN_UV_CODES), 'what was reached is what is written')
})
