/** What a snapshot is made of, word by word, and that each part comes back as it was. */
import t from 'tap'
import { asDevicePfn, asFrame, asGfn, asGpa, asLpid, asSlotId } from '../../src/abi/page.ts'
import { secureWord } from '../../src/uvmem/frame-state.ts'
import type { Host } from '../../src/uvmem/host.ts'
import { snapshotOf, snapshotOfVm } from '../../src/uvmem/snapshot.ts'
import { addVmFromSnapshot, hostFromSnapshot } from '../../src/uvmem/snapshot-read.ts'
import { fillTags } from '../../src/uvmem/vmm/memory.ts'
import { World } from './world.ts'

const throughText = (json: unknown): unknown => JSON.parse(JSON.stringify(json))

function restored(host: Host): Host {
  const result = hostFromSnapshot(throughText(snapshotOf(host)))
  if ('error' in result) throw new Error(result.error)
  return result.host
}

function fill(world: World, pages: number, tag: bigint, step: bigint): void {
  const steps = fillTags(world.host, world.vm(), asGfn(0), pages, tag, step)
  while (steps.next(0).done !== true);
}

t.test('a note says what it has and no more, and comes back so', async (t) => {
  const world = new World({ after: ['init_start', 'page_in 0', 'page_in 1', 'page_in 2'] })
  const { devices } = world.host
  const notes = [
    { gpa: asGpa(7) },
    { skipPageOut: true as const },
    { removeGfn: true as const },
  ] as const
  for (const [pfn, note] of notes.entries()) devices.setNote(asDevicePfn(pfn), note)
  t.strictSame(snapshotOf(world.host).devices, {
    used: [[0, 3]],
    notes: [
      { pfn: 0, gpa: 7 },
      { pfn: 1, skipPageOut: true },
      { pfn: 2, removeGfn: true },
    ],
  })
  t.strictSame([...restored(world.host).devices.notes().values()], notes)
})

t.test('a profile is named; a fault and the marks of the host come back', async (t) => {
  const world = new World({ after: ['init_start', 'page_in 0', 'init_start', 'touch 0'] })
  world.host.deniesFrames = true
  const saved = snapshotOf(world.host)
  t.match(saved, { format: 'uvmem-hypervisor', version: 1, profile: 'linux-6' })
  const fault = { kind: 'LIVELOCK', message: 'host page fault loop: device PTE never resolved' }
  t.same(saved.vms[0]?.fault, fault)
  const host = restored(world.host)
  t.ok(host.deniesFrames)
  t.same(host.vms.get(asLpid(1))?.fault, fault)
  t.equal(snapshotOf(new World().host).vms[0]?.fault, null)
})

t.test('tags that follow a rule are written as one', async (t) => {
  const world = new World({ slots: '0:0+2048', frames: 2_048 })
  fill(world, 2_048, 10n, 3n)
  world.do('unmap 1100')
  const { contents } = snapshotOf(world.host).memory
  t.equal(contents.length, 1_023 + 1 + 1, 'nobody has frame 0, so the first chunk is no rule')
  t.same(contents.at(0), { at: 1, tag: 'a' })
  t.same(contents.at(-2), { at: 1_024, first: 'c07', step: '3', live: 1_023 })
  t.same(contents.at(-1), { at: 2_048, tag: '1807' })
  const host = restored(world.host)
  t.equal(host.ram.read(asFrame(1_030)), 10n + 3n * 1_029n)
  t.same(snapshotOf(host).memory.contents, contents)
  for (let n = 1_024; n < 2_048; n++) if (n !== 1_101) host.ram.free(asFrame(n))
  t.same([...host.ram.contents()].length, 1_024, 'and goes with its last page')
})

t.test('a VM takes what is its own of a chunk', async (t) => {
  const world = new World({ slots: '0:0+2048', frames: 2_050, after: ['create 2 0:0+4'] })
  fill(world, 2_048, 10n, 3n)
  for (const gfn of [0, 1]) world.do(`2: touch ${gfn}`)
  world.host.ram.write(asFrame(2_050), 9n)
  const whole = snapshotOfVm(world.host, world.vm())
  t.same(whole.memory.used, [[1, 2_048, 1]])
  t.same(whole.memory.contents.length, 1_023 + 1 + 1)
  t.same(whole.memory.contents.at(-2), { at: 1_024, first: 'c07', step: '3', live: 1_024 })
  world.do('unmap 1100')
  const part = snapshotOfVm(world.host, world.vm()).memory
  t.same(part.used, [
    [1, 1_100, 1],
    [1_102, 947, 1],
  ])
  t.equal(part.contents.length, 2_047)
  t.same(part.contents.slice(1_022, 1_025), [
    { at: 1_023, tag: 'c04' },
    { at: 1_024, tag: 'c07' },
    { at: 1_025, tag: 'c0a' },
  ])
  t.same(part.contents.slice(1_099, 1_101), [
    { at: 1_100, tag: (10 + 3 * 1_099).toString(16) },
    { at: 1_102, tag: (10 + 3 * 1_101).toString(16) },
  ])
  const other = snapshotOfVm(world.host, world.vm(2)).memory
  t.same(other, { used: [[2_049, 2, 2]], contents: [{ at: 2_050, tag: '9' }] })
})

t.test('a VM takes its device pages, their notes, and the PFNs that it leaked', async (t) => {
  const world = new World({
    touched: [0, 1],
    after: ['create 2 0:0+4', 'init_start', '2: init_start', '2: page_in 3'],
  })
  const lines = ['page_in 0 !-4', 'page_in 1 !-4', 'page_in 2', 'page_in 3', '2: page_in 2']
  for (const line of lines) world.do(line)
  for (const pfn of [0, 3, 4]) {
    world.host.devices.note(asDevicePfn(pfn), { gpa: asGpa(pfn + 9) })
  }
  const saved = snapshotOfVm(world.host, world.vm())
  t.equal(saved.format, 'uvmem-hypervisor-vm')
  t.same(saved.devices, {
    used: [[3, 2]],
    notes: [
      { pfn: 3, gpa: 12 },
      { pfn: 4, gpa: 13 },
    ],
  })
  t.same(saved.leaked, [1, 2])
  t.same(snapshotOfVm(world.host, world.vm(2)).leaked, [])
  const words = world.vm(2).uvmem.at(asGfn(0))?.words
  words?.set(0, secureWord(asDevicePfn(2)))
  words?.set(1, secureWord(asDevicePfn(3)))
  words?.set(2, secureWord(asDevicePfn(12)))
  const { leaked } = snapshotOfVm(world.host, world.vm(2))
  t.same(leaked, [2], 'neither a page that somebody maps nor one that is free')
})

t.test('what is pinned, in swap or bytes is told and comes back', async (t) => {
  const world = new World({ touched: [2, 0], after: ['pin 2'] })
  const region = world.vm().slots.get(asSlotId(0))?.region
  region?.swap.set(3, 255n)
  world.host.ram.write(asFrame(2), new Uint8Array(65_536).fill(1))
  const saved = snapshotOf(world.host)
  t.same(saved.vms[0]?.pins, [[2, 1]])
  t.same(saved.vms[0]?.slots[0]?.region.swap, [{ at: 3, tag: 'ff' }])
  t.match(saved.memory.contents, [{ at: 2, bytes: /^AQEB/ }])
  t.same(snapshotOf(restored(world.host)), saved)
})

t.test('no snapshot is taken while a PFN is promised', async (t) => {
  const world = new World()
  t.ok(world.host.devices.promise())
  t.throws(() => snapshotOf(world.host), { message: /a snapshot is taken between calls/ })
  t.throws(() => snapshotOfVm(world.host, world.vm()))
  world.host.devices.release()
  t.equal(snapshotOf(world.host).vms.length, 1)
})

t.test('a VM comes back beside others whose pages lie next to its own', async (t) => {
  const world = new World({ touched: [0], after: ['create 2 0:0+4', '2: touch 0', 'init_start'] })
  for (const line of ['page_in 1', '2: init_start', '2: page_in 1']) world.do(line)
  const saved = throughText(snapshotOfVm(world.host, world.vm()))
  t.equal(addVmFromSnapshot(world.host, saved), 'vm.lpid 1 is in use')
  world.do('destroy')
  t.equal(addVmFromSnapshot(world.host, saved), undefined)
  t.same([world.g, world.h, world.used], ['.,U0,.,.', 'n,d0,.,.', '0,1'])
})

t.test('a VM of a profile that leaks none has leaked none', async (t) => {
  const world = new World({ profile: 'spec', after: ['init_start', 'page_in 0'] })
  world.vm().slots.get(asSlotId(0))?.region.ptes.set(0, 0)
  t.same(snapshotOfVm(world.host, world.vm()).leaked, [])
})

t.test('the highest LPID comes back with its memory', async (t) => {
  const world = new World({ after: ['create 4095 0:0+4', '4095: touch 0'] })
  const saved = throughText(snapshotOfVm(world.host, world.vm(4_095)))
  t.ok(restored(world.host).ram.belongsTo(asFrame(1), asLpid(4_095)))
  world.do('4095: destroy')
  t.equal(addVmFromSnapshot(world.host, saved), undefined)
  t.ok(world.host.ram.belongsTo(asFrame(1), asLpid(4_095)))
})
