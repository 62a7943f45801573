import t from 'tap'
import { SeedFile } from '../../schemas/seed.ts'
import { asGfn } from '../../src/abi/page.ts'
import { applySeed } from '../../src/hv/state-seed.ts'
import { LPID, World } from './inspected-world.ts'

const noImages = async (): Promise<string | undefined> => 'there are no files here'

const seeded = async (world: World, seed: object, load = noImages) =>
  await world.settle(applySeed(SeedFile.parse(seed), world.vmm, world.inspected.faults, load))

t.test('a seed makes VMs, slots, contents and fault rules', async (t) => {
  const world = new World()
  const loaded: unknown[] = []
  const load = async (...image: unknown[]) => {
    loaded.push(image)
    return undefined
  }
  const seed = {
    vms: [
      {
        lpid: 1,
        slots: [{ size: '0x20000' }, { size: 65_536 }, { id: 9, gpa: '0x100000', size: 65_536 }],
        fills: [{ gpa: 0, size: 131_072, tag: '0x10', step: 2 }],
        images: [{ gpa: '0x10001', path: 'kernel' }],
      },
      { lpid: 2, radix: false, svm_enabled: false, slots: [] },
    ],
    faults: [{ call: 'pin', action: { do: 'answer', code: -7 } }],
  }
  t.equal(await seeded(world, seed, load), undefined)
  const { hv, faults } = world.inspected
  const slots = [...(hv.vm(LPID)?.slots ?? [])].map(({ id, base, pages }) => [id, base, pages])
  t.same(slots, [
    [0, 0, 2],
    [1, 2, 1],
    [9, 16, 1],
  ])
  t.match(await world.settle(world.vmm.readPage(LPID, asGfn(1))), { result: { page: 0x12n } })
  t.same(loaded, [[1, 0x10001, 'kernel']])
  t.equal(faults.size, 1)
  t.match([...hv.host.vms.values()][1], { lpid: 2, radix: false, svmEnabled: false })
})

t.test('what cannot be done is said in a sentence', async (t) => {
  const slot = { size: 65_536 }
  const cases = [
    {
      why: 'twice the same place',
      slots: [slot, { gpa: 0, size: 65_536 }],
      says: /^VM 1: slot 1: EEXIST, the slot overlaps/,
    },
    {
      why: 'a fill past the end',
      slots: [slot],
      fills: [{ gpa: 0, size: 131_072, tag: 1 }],
      says: /^VM 1: fill at 0x0: NOSLOT/,
    },
    {
      why: 'no such file',
      slots: [slot],
      images: [{ gpa: 0, path: 'x' }],
      says: /^VM 1: image x: there are no files here\.$/,
    },
    {
      why: 'too much memory',
      slots: [{ size: '0x1000000000000' }],
      says: /^VM 1: slot 0: framesPerSlotMax allows/,
    },
  ]
  for (const { why, says, ...vm } of cases) {
    t.match(await seeded(new World(), { vms: [{ lpid: 1, ...vm }] }), says, why)
  }
  const world = new World()
  await world.vm()
  t.equal(await seeded(world, { vms: [{ lpid: 1, slots: [] }] }), 'VM 1: it is there already.')
})

t.test('a seed that cannot be is refused, and says where', async (t) => {
  const cases = [
    {
      why: 'the same VM twice',
      seed: {
        vms: [
          { lpid: 1, slots: [] },
          { lpid: 1, slots: [] },
        ],
      },
      path: 'vms.1.lpid',
    },
    {
      why: 'half a page',
      seed: { vms: [{ lpid: 1, slots: [{ size: 1 }] }] },
      path: 'vms.0.slots.0.size',
    },
    { why: 'an unknown member', seed: { vm: [] }, path: '' },
    {
      why: 'a rule that cannot be',
      seed: { faults: [{ call: 'pin', action: { do: 'drop' } }] },
      path: 'faults.0.action',
    },
  ]
  for (const { why, seed, path } of cases) {
    t.equal(SeedFile.safeParse(seed).error?.issues[0]?.path.join('.'), path, why)
  }
  t.ok(SeedFile.safeParse({}).success, 'nothing is a seed too')
})
