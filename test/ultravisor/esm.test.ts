/** UV_ESM: a guest built as a boot loader would turns secure, or is given up where it should be. */
import t from 'tap'
import { asGpa, asLpid, gfnOf } from '../../src/abi/page.ts'
import type { FdtNode } from '../../src/formats/fdt.ts'
import { fdtNode, u32Value, u64Value, writeFdt } from '../../src/formats/fdt-write.ts'
import { buildGuest, type Guest, necessaryGfns } from '../../src/guest/guest.ts'
import { nodeSha512 } from '../../src/peer/node-cipher.ts'
import { type EsmCall, runEsm } from '../../src/ultravisor/esm.ts'
import { FRAME_STATES } from '../../src/ultravisor/frame-state.ts'
import { violationsOf } from '../../src/ultravisor/invariants.ts'
import { UV_LIMITS } from '../../src/ultravisor/limits.ts'
import { PageInTracking } from '../../src/ultravisor/page-in-tracking.ts'
import { runSteps } from '../../src/ultravisor/steps.ts'
import { SvmState } from '../../src/ultravisor/svm.ts'
import { valid } from '../formats/valid.ts'
import { input, pageIns, placeOf, scene, withProperty } from './esm-scene.ts'
import { HonestHv, LPID, newUv } from './uv-for-test.ts'

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

t.test('what a step fails of is told in words', async (t) => {
  const guest = valid(buildGuest(input))
  const gfn = (what: string): number => gfnOf(asGpa(placeOf(guest, what)))
  const refused = 'the hypervisor refuses a page'
  const steps: [string, Record<string, number>, Partial<EsmCall>][] = [
    ['it answered -67', { H_SVM_INIT_START: -67 }, {}],
    ['it answered -75', { H_SVM_INIT_DONE: -75 }, {}],
    [refused, { 'H_SVM_PAGE_IN 9 0': -4 }, { strategy: 'all' }],
    [refused, { [`H_SVM_PAGE_IN ${gfn('initrd')} 0`]: -4 }, {}],
    [`kernel: ${refused}`, { [`H_SVM_PAGE_IN ${gfn('kernel')} 0`]: -4 }, {}],
    ['the hypervisor does not share the RTAS area', { [`H_SVM_PAGE_IN ${gfn('rtas')} 1`]: -4 }, {}],
  ]
  for (const [why, refuse, call] of steps) t.match(scene({ refuse, call }).result, { why })
})

t.test(
  'an abort in the middle is a failure of the guest, with what was asked so far',
  async (t) => {
    const rtas = gfnOf(asGpa(placeOf(valid(buildGuest(input)), 'rtas')))
    const { uv, hv, result } = scene({
      profile: 'firmware',
      refuse: { [`H_SVM_PAGE_IN ${rtas} 1`]: 0 },
    })
    t.same(result, {
      ...{ kind: 'FAILED', step: 'rtas', ret: -4 },
      why: 'the hypervisor shared a frame without giving one',
      // start, the tree, RTAS in and shared, abort.
      counts: { hypercalls: 5, pagesIn: 2, pagesShared: 1 },
    })
    t.equal(hv.asked.at(-1), 'H_SVM_INIT_ABORT')
    t.equal(uv.svms.size, 0)
  },
)

t.test('a hypervisor that refuses the abort leaves the firmware with half an SVM', async (t) => {
  for (const profile of ['firmware', 'spec'] as const) {
    const refuse = { H_SVM_INIT_START: -67, H_SVM_INIT_ABORT: -67 }
    const { uv, result } = scene({ profile, refuse })
    t.match(result, { kind: 'FAILED', step: 'init-start', ret: -67 }, profile)
    t.equal(uv.svms.size, profile === 'firmware' ? 1 : 0)
    t.equal(uv.availableUnits, 64, 'nothing is reserved')
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
    ['kernel base 0 first', { kernelBase: zero, tree: zero, lpid: asLpid(0) }, -55],
    ['device tree 0', { tree: zero, lpid: asLpid(0) }, -56],
    ['LPID 0', { lpid: asLpid(0) }, -11],
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

t.test('a tree of several pages', async (t) => {
  const big = withProperty('/', 'ballast', new Uint8Array(150_000))
  const { hv, result } = scene({ tree: big })
  t.equal(result.kind, 'SECURE', JSON.stringify(result))
  t.same(
    pageIns(hv).filter((gfn) => gfn >= 192),
    [192, 193, 194],
  )
  const refused = scene({ tree: big, refuse: { 'H_SVM_PAGE_IN 194 0': -4 } })
  t.match(refused.result, { step: 'tree', why: 'the hypervisor refuses a page' })
  const huge = withProperty('/', 'ballast', new Uint8Array(UV_LIMITS.treeBytesMax))
  t.match(scene({ tree: huge }).result, { step: 'tree', why: /at most 1048576 are taken/ })
})

t.test('a tree that fills its page to the last byte is all of it', async (t) => {
  const sizes: number[] = []
  const filler = (bytes: number) => (root: FdtNode) => {
    const changed = withProperty('/', 'filler', new Uint8Array(bytes))(root)
    sizes.push(valid(writeFdt({ root: changed, bootCpuId: 0, reservations: [] })).length)
    return changed
  }
  scene({ tree: filler(4) })
  const { hv, result } = scene({ tree: filler(4 + 65_536 - (sizes[0] ?? 0)) })
  t.equal(sizes[1], 65_536)
  t.equal(result.kind, 'SECURE', JSON.stringify(result))
  t.notOk(pageIns(hv).includes(193), 'the page behind it is not asked for')
})

t.test('a blob may be as long as its limit; one without a kernel size is none', async (t) => {
  const start = placeOf(valid(buildGuest(input)), 'esm-blob')
  const long = withProperty('/chosen', 'linux,esm-blob-end', u64Value(start + 2 ** 20))
  t.equal(scene({ tree: long }).result.kind, 'SECURE', 'what lies behind the tree is not read')
  const digests = fdtNode('', {}, [fdtNode('digests', {})])
  const { guest, hv, uv } = scene({ call: { supervisor: false } })
  const page = new Uint8Array(65_536)
  page.set(valid(writeFdt({ root: digests, bootCpuId: 0, reservations: [] })))
  hv.frame(gfnOf(asGpa(start))).page = page
  const call = { lpid: LPID, kernelBase: guest.kernelBase, tree: guest.fdtGpa, window: 1 }
  const steps = runEsm(uv, { ...call, strategy: 'necessary', sha512: nodeSha512 })
  t.match(runSteps(steps, hv.answer), {
    ...{ kind: 'FAILED', step: 'digests' },
    why: 'the blob has no /digests kernel-size',
  })
})

t.test('a tree that does not say enough, or says nonsense', async (t) => {
  const cases: [string, string, Uint8Array | undefined, string, string][] = [
    ['/memory@0', 'reg', undefined, 'tree', '/memory@0 has no reg of 16 bytes'],
    ['/memory@0', 'reg', u64Value(65_536, 65_536), 'tree', '/memory@0 does not start at 0'],
    ['/rtas', 'linux,rtas-base', undefined, 'rtas', '/rtas has no linux,rtas-base'],
    ['/rtas', 'rtas-size', undefined, 'rtas', '/rtas has no rtas-size'],
    ['/rtas', 'rtas-size', u32Value(0), 'rtas', 'RTAS code of 20 bytes in an area of 0'],
    ['/rtas', 'rtas-size', u32Value(2 ** 24 + 1), 'rtas', 'the RTAS area has 257 pages'],
    ['/rtas', 'rtas-size', u32Value(2 ** 24), 'rtas', '0x'],
    ['/rtas', 'slof,rtas-size', undefined, 'rtas', '/rtas has no slof,rtas-size'],
    ['/chosen', 'linux,initrd-start', undefined, 'initrd', '/chosen has no linux,initrd-start'],
    ['/chosen', 'linux,initrd-end', undefined, 'initrd', '/chosen has no linux,initrd-end'],
    ['/chosen', 'linux,initrd-end', u64Value(1), 'initrd', 'the range is empty'],
    ['/chosen', 'linux,esm-blob-end', u32Value(2 ** 31), 'blob', 'the blob has'],
    ['/chosen', 'linux,esm-blob-start', u32Value(4), 'blob', 'the blob has'],
    ['/chosen', 'bootargs', undefined, 'digests', '/chosen has no bootargs'],
    ['/chosen', 'bootargs', new Uint8Array(0), 'digests', 'the digest differs: bootargs'],
  ]
  for (const [path, name, value, step, why] of cases) {
    const { uv, hv, result } = scene({ tree: withProperty(path, name, value) })
    t.match(result, { kind: 'FAILED', step, ret: -4 }, `${path} ${name}`)
    t.ok(result.kind === 'FAILED' && result.why.startsWith(why), `${path} ${name}: ${why}`)
    t.equal(hv.asked.at(-1), 'H_SVM_INIT_ABORT')
    t.same(violationsOf(uv), [])
  }
})

t.test('without a blob in the tree, an archive must be there', async (t) => {
  const { result } = scene({ tree: withProperty('/chosen', 'linux,esm-blob-start') })
  t.match(result, { step: 'blob', why: /^cpio: magic at 0/ })
  const blob = scene({ flip: (guest) => placeOf(guest, 'esm-blob') })
  t.match(blob.result, { step: 'digests', why: /magic/ }, 'a blob that is no tree')
})
