import t from 'tap'
import { LIMITS } from '../../schemas/limits.ts'
import { asGfn, asGpa, asLpid, asSlotId, PAGE_SIZE } from '../../src/abi/page.ts'
import { LPID, loadGuest, newGuest, newWorld, prepare, type World } from './uv-world.ts'

const SECRET = new TextEncoder().encode('the guest alone knows this')
/** Behind everything that the boot loader has placed. */
const FREE = asGfn(100)
const FREE_GPA = asGpa(100 * PAGE_SIZE)

const secured = async (world: World): Promise<void> => {
  const { kernelBase, fdtGpa: tree } = await prepare(world)
  const end = await world.client.svm(LPID).esm({ kernelBase, tree, strategy: 'necessary' })
  if (end.kind !== 'SECURE') throw new Error(end.kind)
}

const statesOf = (world: World): Record<string, number> =>
  Object.fromEntries(world.client.svm(LPID).frameCounts)

t.test(
  'a guest that registers its own slots turns secure, page by page as far as needed',
  async (t) => {
    const world = newWorld()
    const { kernelBase, fdtGpa: tree } = await prepare(world)
    const svm = world.client.svm(LPID)
    t.equal(svm.life, 'none')
    t.same([...svm.frames()], [], 'the ultravisor knows nothing of a normal VM')

    const end = await svm.esm({ kernelBase, tree, strategy: 'necessary' })
    // 300,000 bytes of kernel are 5 pages, 150,000 of initrd 3; tree, blob and RTAS one each.
    t.match(end, { kind: 'SECURE', ret: 0, counts: { pagesIn: 11, pagesShared: 1 } })
    t.equal(svm.life, 'secure')
    t.equal(svm.framesTotal, 192)
    t.same(statesOf(world), { SECURE: 191, PSEUDO_SHARED: 1 })
    t.equal(world.served.filter((call) => call.startsWith('UV_PAGE_IN')).length, 12)
    t.same(world.client.violations(), [])
  },
)

t.test('the same guest with strategy all asks for every frame, once', async (t) => {
  const world = newWorld()
  const { kernelBase, fdtGpa: tree } = await prepare(world)
  const end = await world.client.svm(LPID).esm({ kernelBase, tree, strategy: 'all' })
  t.match(end, { kind: 'SECURE', counts: { pagesIn: 192, pagesShared: 1, hypercalls: 195 } })
  t.same(statesOf(world), { SECURE: 191, PSEUDO_SHARED: 1 })
})

t.test('slots that the hypervisor has are taken during H_SVM_INIT_START', async (t) => {
  const world = newWorld()
  await world.client.open()
  const slots = [{ id: asSlotId(3), base: asGfn(0), pages: 128 }]
  await world.vmm.create({ lpid: LPID, radix: true, svmEnabled: true, slots })
  const svm = world.client.svm(LPID)
  const wish = { kernelBase: asGpa(0x10_0000), tree: asGpa(0x50_0000) }
  const end = await svm.esm({ ...wish, strategy: 'necessary' })
  t.match(end, { kind: 'FAILED', step: 'tree', ret: -4 }, 'there is no tree in that memory')
  t.equal(world.served[0], 'UV_REGISTER_MEM_SLOT')
  t.equal(world.served.at(-1), 'UV_SVM_TERMINATE')
  t.equal(svm.life, 'none', 'the hypervisor ended it from inside H_SVM_INIT_ABORT')
})

t.test('a changed initrd is found out, and the guest is told H_PARAMETER', async (t) => {
  const world = newWorld()
  const guest = await prepare(world)
  const initrd = guest.placements.find(({ what }) => what === 'initrd')
  const gfn = asGfn(Math.floor((initrd?.gpa ?? 0) / PAGE_SIZE) + 1)
  await world.vmm.writePage(LPID, gfn, 77, Uint8Array.of(255))
  const svm = world.client.svm(LPID)
  const wish = { kernelBase: guest.kernelBase, tree: guest.fdtGpa }
  const end = await svm.esm({ ...wish, strategy: 'necessary' })
  t.match(end, { kind: 'FAILED', step: 'digests', why: 'the digest differs: initrd', ret: -4 })
  t.equal(svm.life, 'none')
  t.equal(world.hv.vm(LPID)?.secureGuest, 0)
})

t.test(
  'what a guest wrote comes back after the host took the page out, and only there',
  async (t) => {
    const world = newWorld()
    await secured(world)
    const svm = world.client.svm(LPID)
    t.same(await svm.store(asGpa(FREE_GPA + PAGE_SIZE - 5), SECRET), { kind: 'OK' })
    for (const gfn of [FREE, asGfn(FREE + 1)]) {
      const seen = await world.vmm.readPage(LPID, gfn)
      if (seen.how !== 'done') throw new Error(seen.how)
      const page = seen.result.page
      t.ok(page instanceof Uint8Array && page.length === PAGE_SIZE)
      const text = Buffer.from(page instanceof Uint8Array ? page : []).toString('latin1')
      t.notMatch(text, 'guest')
      t.notMatch(text, 'alone')
    }
    t.same(statesOf(world), { SECURE: 189, PAGEDOUT: 2, PSEUDO_SHARED: 1 })
    t.same(
      [...svm.frames()].slice(-3),
      [
        { from: 29, count: 71, state: 'SECURE' },
        { from: 100, count: 2, state: 'PAGEDOUT' },
        { from: 102, count: 26, state: 'SECURE' },
        { from: 128, count: 64, state: 'SECURE' },
      ].slice(1),
    )
    const back = await svm.load(asGpa(FREE_GPA + PAGE_SIZE - 5), SECRET.length)
    t.same(back, { kind: 'OK', bytes: SECRET })
    t.same(statesOf(world), { SECURE: 191, PSEUDO_SHARED: 1 })
  },
)

t.test('a page that the host changed while it was out is refused', async (t) => {
  const world = newWorld()
  await secured(world)
  const svm = world.client.svm(LPID)
  await svm.store(FREE_GPA, SECRET)
  await world.vmm.touch(LPID, FREE)
  await world.vmm.writePage(LPID, FREE, 40_000, Uint8Array.of(1))
  t.match(await svm.load(FREE_GPA, 1), { kind: 'REFUSED', gpa: FREE_GPA, ret: -4 })
})

t.test('a shared page carries messages both ways, and comes back as zeros', async (t) => {
  const world = newWorld()
  await secured(world)
  const svm = world.client.svm(LPID)
  await svm.store(FREE_GPA, SECRET)
  t.same(await svm.sharePages(FREE, 2), { kind: 'RET', ret: 0 })
  t.match(await svm.load(FREE_GPA, 4), { kind: 'OK', bytes: new Uint8Array(4) }, 'zeroed first')
  await svm.store(FREE_GPA, Uint8Array.of(1, 2, 3))
  const seen = await world.vmm.readPage(LPID, FREE)
  if (seen.how !== 'done' || !(seen.result.page instanceof Uint8Array)) throw new Error(seen.how)
  t.same([...seen.result.page.subarray(0, 4)], [1, 2, 3, 0])
  await world.vmm.writePage(LPID, FREE, 3, Uint8Array.of(4))
  t.match(await svm.load(FREE_GPA, 4), { kind: 'OK', bytes: Uint8Array.of(1, 2, 3, 4) })
  t.same(statesOf(world), { SECURE: 189, SHARED: 2, PSEUDO_SHARED: 1 })
  t.same(await svm.unsharePages(FREE, 1), { kind: 'RET', ret: 0 })
  t.match(await svm.load(FREE_GPA, 4), { kind: 'OK', bytes: new Uint8Array(4) })
  t.same(await svm.unshareAll(), { kind: 'RET', ret: 0 })
  t.same(statesOf(world), { SECURE: 191, PSEUDO_SHARED: 1 })
})

t.test('the host takes a shared page back; the guest faults and gets another', async (t) => {
  const world = newWorld()
  await secured(world)
  const svm = world.client.svm(LPID)
  await svm.sharePages(FREE, 1)
  await svm.store(FREE_GPA, Uint8Array.of(9))
  await world.vmm.unmap(LPID, FREE, 'reclaim')
  t.equal(statesOf(world)['SHARED_INV'], 1)
  t.match(await svm.load(FREE_GPA, 1), { kind: 'OK', bytes: Uint8Array.of(9) })
  t.equal(statesOf(world)['SHARED_INV'], undefined)
})

t.test('memory is added and taken away while the guest is secure', async (t) => {
  const world = newWorld()
  await secured(world)
  const svm = world.client.svm(LPID)
  const start = asGpa(192 * PAGE_SIZE)
  t.equal(await svm.registerSlot(asSlotId(9), start, 4 * PAGE_SIZE), 0)
  t.equal(svm.framesTotal, 196)
  t.same(await svm.store(start, SECRET), { kind: 'OK' })
  t.equal(await svm.registerSlot(asSlotId(9), asGpa(2 ** 32), PAGE_SIZE), -58, 'the id is in use')
  t.equal(svm.framesTotal, 196, 'and the ultravisor keeps the slot that it has')
  t.same(await svm.load(start, SECRET.length), { kind: 'OK', bytes: SECRET })
  t.equal(await svm.registerSlot(asSlotId(10), asGpa(0), PAGE_SIZE), -4, 'the firmware refuses it')
  t.equal(await svm.unregisterSlot(asSlotId(9)), 0)
  t.equal(svm.framesTotal, 192)
  t.same(await svm.load(start, 1), { kind: 'MMIO', gpa: start }, 'no memory there any more')
  // A slot's share of secure memory comes back only when the SVM ends: a defect of the firmware.
  t.match(world.client.violations(), [{ rule: 'slot-units', detail: '6, reserved 7' }])
})

t.test('a slot that the hypervisor refuses is not kept by the ultravisor', async (t) => {
  const world = newWorld({}, { limits: { ...LIMITS, slotsPerVmMax: 3 } })
  await secured(world)
  const svm = world.client.svm(LPID)
  const slot = { id: asSlotId(20), base: asGfn(5_000), pages: 1 }
  await world.vmm.addSlot(LPID, slot)
  t.equal(svm.framesTotal, 193, 'a slot that the VMM adds arrives as an ultracall')
  const wish = svm.registerSlot(asSlotId(21), asGpa(2 ** 32), PAGE_SIZE)
  await t.rejects(wish, { name: 'UvCallError', code: 'LIMIT_REACHED' })
})

t.test('a reboot, and the guest turns secure again', async (t) => {
  const world = newWorld()
  const guest = await prepare(world)
  const svm = world.client.svm(LPID)
  const wish = { kernelBase: guest.kernelBase, tree: guest.fdtGpa, strategy: 'necessary' } as const
  t.match(await svm.esm(wish), { kind: 'SECURE' })
  t.match(await svm.esm(wish), { kind: 'REFUSED', ret: -5 }, 'it is one already')
  t.match(await world.vmm.reset(LPID), { how: 'done', result: 0 })
  t.equal(svm.life, 'none')
  t.same(await svm.load(FREE_GPA, 1), { kind: 'NO_SVM' })
  t.same(await svm.sharePages(FREE, 1), { kind: 'RET', ret: -11 })
  const made = newGuest()
  t.equal(made.guest.fdtGpa, guest.fdtGpa)
  await loadGuest(world, made)
  t.match(await svm.esm(wish), { kind: 'SECURE' })
})

t.test('many guests at once, with fewer calls allowed than they want', async (t) => {
  const limits = { ...LIMITS, callsInFlightMax: 5 }
  const world = newWorld({ limits, window: 64 })
  const lpids = [asLpid(1), asLpid(2), asLpid(3)]
  const switches = []
  for (const lpid of lpids) {
    const { kernelBase, fdtGpa: tree } = await prepare(world, { lpid })
    const wish = { kernelBase, tree, strategy: 'all' } as const
    switches.push(() => world.client.svm(lpid).esm(wish))
  }
  const ends = await Promise.all(switches.map((start) => start()))
  t.same(
    ends.map(({ kind }) => kind),
    ['SECURE', 'SECURE', 'SECURE'],
  )
  t.same(
    lpids.map((lpid) => world.client.svm(lpid).counts.pageIns),
    [193, 193, 193],
  )
})

t.test(
  'the connection breaks in the middle: the promise says which call waited, and why',
  async (t) => {
    let seen = 0
    const world: World = newWorld({
      watch: {
        ultracall: () => {
          if (++seen === 5) world.cut()
        },
      },
    })
    const { kernelBase, fdtGpa: tree } = await prepare(world)
    const svm = world.client.svm(LPID)
    await t.rejects(svm.esm({ kernelBase, tree, strategy: 'all' }), {
      name: 'UvCallError',
      code: 'CONNECTION_LOST',
      call: 'H_SVM_PAGE_IN',
      message:
        /^H_SVM_PAGE_IN of LPID 7 at 0x[0-9a-f]+ failed: CONNECTION_LOST: the connection broke$/,
    })
    svm.terminateLocal()
    t.equal(svm.life, 'none')
    await t.rejects(svm.registerSlot(asSlotId(5), asGpa(2 ** 32), PAGE_SIZE), {
      code: 'CONNECTION_LOST',
    })
  },
)

t.test('a call before the session is open, and one for a guest of somebody else', async (t) => {
  const world = newWorld()
  const early = world.client.svm(LPID).registerSlot(asSlotId(0), asGpa(0), PAGE_SIZE)
  await t.rejects(early, { code: 'SESSION_UNKNOWN' })
  await world.client.open()
  const link = { call: () => undefined, end: () => undefined, givenUp: () => undefined }
  const other = world.hv.openSession('other', link)
  if ('limit' in other) throw new Error('no session')
  world.hv.own(other, LPID)
  const wish = { kernelBase: asGpa(0x10_0000), tree: asGpa(0x20_0000) }
  await t.rejects(world.client.svm(LPID).esm({ ...wish, strategy: 'all' }), {
    code: 'NOT_YOUR_LPID',
    call: 'H_SVM_INIT_START',
  })
})

t.test(
  'a defect of the firmware that would have killed it is told, and the wire goes on',
  async (t) => {
    const faults: unknown[] = []
    const world = newWorld({ watch: { fault: (lpid, fault) => faults.push([lpid, fault.kind]) } })
    await secured(world)
    const svm = world.client.svm(LPID)
    svm.terminateLocal()
    const slot = { id: asSlotId(30), base: asGfn(9_000), pages: 1 }
    const end = await world.vmm.addSlot(LPID, slot)
    t.match(end, { how: 'done' }, 'Linux ignores what the ultravisor answers')
    t.same(faults, [[LPID, 'OOPS']])
    t.equal(svm.life, 'none')
    t.equal(await svm.registerSlot(asSlotId(31), asGpa(0), PAGE_SIZE), -55, 'calls go on')
  },
)

t.test('the counts of a guest say what it asked and what it was asked', async (t) => {
  const world = newWorld()
  await secured(world)
  const svm = world.client.svm(LPID)
  // INIT_START, 11 pages in, 1 share, 1 frame of it zeroed, INIT_DONE.
  t.match(svm.counts, { asked: 15, answered: 15, pageIns: 12, pagesTaken: 12, pagesGiven: 0 })
  t.equal(svm.counts.ultracalls, 14, 'and 2 slots were registered')
  await world.vmm.touch(LPID, FREE)
  t.match(svm.counts, { asked: 15, pagesGiven: 1, ultracalls: 15 })
})

t.test('what the other side gets wrong is reported', async (t) => {
  const reports: string[] = []
  const world = newWorld({ watch: { report: ({ kind }) => reports.push(kind) } })
  world.client.receive('no JSON')
  world.client.receive('{"jsonrpc":"2.0","id":9,"result":{"ret":0}}')
  t.same(reports, ['fault', 'stray'])
})
