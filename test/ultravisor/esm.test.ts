/** UV_ESM: a guest built as a boot loader would turns secure, or is given up where it should be. */
import t from 'tap'
import { asGpa, type Gfn, gfnOf, type Page } from '../../src/abi/page.ts'
import { sourceOf } from '../../src/formats/byte-source.ts'
import { buildGuest, type Guest, type GuestInput, necessaryGfns } from '../../src/guest/guest.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { type EsmCall, type EsmResult, runEsm } from '../../src/ultravisor/esm.ts'
import { FRAME_STATES } from '../../src/ultravisor/frame-state.ts'
import { violationsOf } from '../../src/ultravisor/invariants.ts'
import { UV_LIMITS } from '../../src/ultravisor/limits.ts'
import { PageInTracking } from '../../src/ultravisor/page-in-tracking.ts'
import { runSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { valid } from '../formats/valid.ts'
import { HonestHv, LPID, newUv, type Setup } from './uv-for-test.ts'

const MIB = 2 ** 20
const KERNEL = new Uint8Array(300_000).fill(7)
const INITRD = new Uint8Array(200_001).fill(9)

const input: GuestInput = {
  kernel: sourceOf(KERNEL),
  initrd: sourceOf(INITRD),
  bootargs: 'root=/dev/vda svm=on',
  slots: [{ start: asGpa(0), size: 16 * MIB }],
  sha512: nodeSha512,
}

/** The guest's memory as a boot loader leaves it, by frame. */
function memoryOf(guest: Guest): Map<Gfn, Uint8Array> {
  const memory = new Map<Gfn, Uint8Array>()
  for (const { gpa, content } of guest.placements) {
    const file = content.from === 'kernel' ? KERNEL : INITRD
    const bytes =
      content.from === 'bytes'
        ? content.bytes
        : file.subarray(content.offset, content.offset + content.length)
    for (let at = 0; at < bytes.length; at++) {
      const gfn = gfnOf(asGpa(gpa + at))
      const page = memory.get(gfn) ?? new Uint8Array(65_536)
      page[(gpa + at) % 65_536] = bytes[at] ?? 0
      memory.set(gfn, page)
    }
  }
  return memory
}

interface Scene extends Setup {
  readonly guest?: Partial<GuestInput>
  readonly call?: Partial<EsmCall>
  /** Changes a byte of the guest's memory after it was measured. */
  readonly flip?: (guest: Guest) => number
  readonly refuse?: Readonly<Record<string, number>>
}

function scene(given: Scene = {}) {
  const uv = newUv({ secureUnits: 64, ...given })
  const hv = new HonestHv(uv)
  const guest = valid(buildGuest({ ...input, ...given.guest }))
  hv.slots = [[0, 0, 256]]
  for (const [gfn, page] of memoryOf(guest)) hv.frame(gfn).page = page as Page
  const at = given.flip?.(guest)
  if (at !== undefined) {
    const page = hv.frame(gfnOf(asGpa(at))).page
    if (page instanceof Uint8Array) page[at % 65_536] = (page[at % 65_536] ?? 0) ^ 1
  }
  for (const [text, ret] of Object.entries(given.refuse ?? {})) hv.refusals.set(text, ret)
  const call: EsmCall = {
    lpid: LPID,
    kernelBase: guest.kernelBase,
    tree: guest.fdtGpa,
    strategy: 'necessary',
    window: 16,
    sha512: nodeSha512,
    ...given.call,
  }
  const result = runSteps(runEsm(uv, call), hv.answer) as EsmResult
  return { uv, hv, guest, result }
}

const placeOf = (guest: Guest, what: string): number =>
  guest.placements.find((placement) => placement.what === what)?.gpa ?? -1

const pageIns = (hv: HonestHv): number[] =>
  hv.asked
    .filter((text) => /^H_SVM_PAGE_IN \d+ 0$/.test(text))
    .map((text) => Number(text.split(' ')[1]))

t.test('the necessary frames and no other come in, each once', async (t) => {
  for (const window of [1, 16]) {
    const { uv, hv, guest, result } = scene({ call: { window } })
    t.equal(result.kind, 'SECURE', JSON.stringify(result))
    const expected = necessaryGfns(guest).flatMap(({ from, count }) =>
      Array.from({ length: count }, (_, i) => from + i),
    )
    t.same(
      pageIns(hv).sort((a, b) => a - b),
      expected.sort((a, b) => a - b),
    )
    t.same(result.kind === 'SECURE' && result.counts, {
      // kernel 5, RTAS 1, blob 1, tree 1, initrd 4 pages; RTAS shared; start and done.
      hypercalls: 12 + 1 + 2,
      pagesIn: 12,
      pagesShared: 1,
    })
    t.equal(hv.asked[0], 'H_SVM_INIT_START')
    t.equal(hv.asked.at(-1), 'H_SVM_INIT_DONE')
    const svm = uv.svms.get(LPID)
    t.equal(svm?.state, SvmState.Secure)
    t.equal(svm?.tracking, undefined, 'page-in tracking has ended')
    const rtas = gfnOf(asGpa(placeOf(guest, 'rtas')))
    t.equal(svm && FRAME_STATES[svm.frames.state(rtas)].name, 'PSEUDO_SHARED')
    t.equal(svm?.frames.count, 1, 'no other frame has a state of its own')
    t.same(violationsOf(uv), [])
  }
})

t.test('the blob may lie in an archive in front of the initrd', async (t) => {
  const { result } = scene({ guest: { blobPlace: 'cpio' } })
  t.equal(result.kind, 'SECURE', JSON.stringify(result))
  const flipped = scene({
    guest: { blobPlace: 'cpio' },
    flip: (guest) => placeOf(guest, 'initrd') + 200_000,
  })
  t.match(flipped.result, { kind: 'FAILED', why: 'the digest differs: initrd' })
})

t.test('strategy all brings in every frame of every slot', async (t) => {
  const { hv, result } = scene({ call: { strategy: 'all', window: 10 } })
  t.equal(result.kind, 'SECURE', JSON.stringify(result))
  t.same(
    pageIns(hv),
    Array.from({ length: 256 }, (_, i) => i),
    'once each, in order',
  )
  t.match(result, { counts: { pagesIn: 256, pagesShared: 1 } })
})

t.test('one frame that is refused ends strategy all', async (t) => {
  const { uv, hv, result } = scene({
    call: { strategy: 'all', window: 10 },
    refuse: { 'H_SVM_PAGE_IN 25 0': -4 },
  })
  t.match(result, { kind: 'FAILED', step: 'populate', ret: -4 })
  t.equal(pageIns(hv).length, 30, 'the rest of its array was under way, nothing behind it')
  t.equal(hv.asked.at(-1), 'H_SVM_INIT_ABORT')
  t.equal(uv.svms.size, 0)
  t.equal(uv.availableUnits, 64)
})

t.test('one byte that differs in any of the four parts', async (t) => {
  const parts: [string, (guest: Guest) => number][] = [
    ['rtas', (guest) => placeOf(guest, 'rtas') + 3],
    ['kernel', (guest) => guest.kernelBase + 299_999],
    ['initrd', (guest) => placeOf(guest, 'initrd') + 100_000],
  ]
  for (const [part, flip] of parts) {
    const { uv, hv, result } = scene({ flip })
    t.match(result, {
      kind: 'FAILED',
      step: 'digests',
      why: `the digest differs: ${part}`,
      ret: -4,
    })
    t.equal(hv.asked.at(-1), 'H_SVM_INIT_ABORT', part)
    t.notOk(hv.asked.includes('H_SVM_INIT_DONE'), `${part}: the HV is never told that it is done`)
    t.equal(uv.svms.size, 0)
  }
  const bootargs = scene({
    flip: (guest) => {
      const tree = guest.placements.find(({ what }) => what === 'device-tree')
      const bytes = tree?.content.from === 'bytes' ? tree.content.bytes : new Uint8Array()
      return guest.fdtGpa + Buffer.from(bytes).indexOf('root=/dev/vda')
    },
  })
  t.match(bootargs.result, { step: 'digests', why: 'the digest differs: bootargs' })
})

t.test('what lies behind a measured part is not measured', async (t) => {
  const behindRtas = scene({ flip: (guest) => placeOf(guest, 'rtas') + 20 })
  t.equal(behindRtas.result.kind, 'SECURE', 'data behind the code of RTAS')
  const behindInitrd = scene({ flip: (guest) => placeOf(guest, 'initrd') + 200_001 })
  t.equal(behindInitrd.result.kind, 'SECURE')
})

t.test('each step may fail, and is named', async (t) => {
  const guest = valid(buildGuest(input))
  const gfn = (what: string): number => gfnOf(asGpa(placeOf(guest, what)))
  const steps: [string, Record<string, number>][] = [
    ['init-start', { H_SVM_INIT_START: -67 }],
    ['tree', { [`H_SVM_PAGE_IN ${gfn('device-tree')} 0`]: -4 }],
    ['rtas', { [`H_SVM_PAGE_IN ${gfn('rtas')} 0`]: -4 }],
    ['rtas', { [`H_SVM_PAGE_IN ${gfn('rtas')} 1`]: -4 }],
    ['initrd', { [`H_SVM_PAGE_IN ${gfn('initrd')} 0`]: -4 }],
    ['blob', { [`H_SVM_PAGE_IN ${gfn('esm-blob')} 0`]: -4 }],
    ['digests', { [`H_SVM_PAGE_IN ${gfn('kernel')} 0`]: -4 }],
    ['init-done', { H_SVM_INIT_DONE: -75 }],
  ]
  for (const [step, refuse] of steps) {
    const { uv, hv, result } = scene({ refuse })
    t.match(result, { kind: 'FAILED', step, ret: -4 }, step)
    t.equal(hv.asked.at(-1), 'H_SVM_INIT_ABORT', step)
    t.equal(uv.svms.size, 0, `${step}: the HV terminates the SVM`)
    t.equal(uv.availableUnits, 64, `${step}: nothing stays reserved`)
  }
})

t.test('a tree that is none', async (t) => {
  const magic = scene({ flip: (guest) => guest.fdtGpa })
  t.match(magic.result, { step: 'tree', why: /magic/ })
  const size = scene({ flip: (guest) => guest.fdtGpa + 4 })
  t.match(size.result, { step: 'tree', why: /totalsize|bytes/ })
  const nowhere = scene({ call: { tree: asGpa(2 ** 40) } })
  t.match(nowhere.result, { step: 'tree', why: /not in memory slots/ })
})

t.test('UV_ESM is refused in its order', async (t) => {
  const zero = asGpa(0)
  const cases: [string, Partial<EsmCall>, number][] = [
    ['kernel base 0 first', { kernelBase: zero, tree: zero, lpid: 0 as never }, -55],
    ['device tree 0', { tree: zero, lpid: 0 as never }, -56],
    ['LPID 0', { lpid: 0 as never }, -11],
    ['user space', { supervisor: false }, -11],
  ]
  for (const [why, call, ret] of cases) {
    const { uv, hv, result } = scene({ call })
    t.same(result, { kind: 'REFUSED', ret }, why)
    t.same(hv.asked, [])
    t.equal(uv.svms.size, 0)
  }
  const { uv, hv, guest } = scene()
  const again = { lpid: LPID, kernelBase: guest.kernelBase, tree: guest.fdtGpa }
  const call: EsmCall = { ...again, strategy: 'necessary', window: 1, sha512: nodeSha512 }
  t.same(runSteps(runEsm(uv, call), hv.answer), { kind: 'REFUSED', ret: -5 }, 'it is one already')
  t.equal(uv.svms.get(LPID)?.state, SvmState.Secure)
})

t.test('no memory for page-in tracking', async (t) => {
  for (const profile of ['firmware', 'spec'] as const) {
    const { uv, hv, result } = scene({ profile, secureUnits: 0 })
    t.same(result, { kind: 'REFUSED', ret: -5 })
    t.same(hv.asked, [])
    t.equal(uv.svms.size, profile === 'firmware' ? 1 : 0, 'the firmware leaves half an SVM')
  }
})

t.test('the HV ends the SVM in the middle', async (t) => {
  const uv = newUv()
  const hv = new HonestHv(uv)
  hv.meddle = (text) => {
    if (text === 'H_SVM_INIT_START') hv.answer({ call: 'H_SVM_INIT_ABORT', lpid: LPID })
  }
  const call = { lpid: LPID, kernelBase: asGpa(0x400000), tree: asGpa(0x500000) }
  const steps = runEsm(uv, { ...call, strategy: 'all', window: 4, sha512: nodeSha512 })
  t.same(runSteps(steps, hv.answer), { kind: 'GONE' })
  t.equal(uv.availableUnits, 64)
})

t.test('page-in tracking ends at its limit', async (t) => {
  const tracking = new PageInTracking()
  const { trackedGfnsMax } = UV_LIMITS
  t.equal(trackedGfnsMax, 524_288)
  for (const gfn of [0, 9, trackedGfnsMax - 1, trackedGfnsMax]) tracking.add(gfn)
  t.same([...tracking.all()], [0, 9, 524_287])
  t.notOk(tracking.has(524_288), 'a frame above it is asked for again')
  t.notOk(tracking.has(1))
})
