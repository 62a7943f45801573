/** A host and its snapshot: what comes back goes on as what was saved. */
import fc from 'fast-check'
import t from 'tap'
import { asFrame, asGfn, asLpid } from '../../src/abi/page.ts'
import type { Host } from '../../src/uvmem/host.ts'
import { HV_PROFILE_NAMES, HV_PROFILES } from '../../src/uvmem/profile.ts'
import { snapshotOf, snapshotOfVm } from '../../src/uvmem/snapshot.ts'
import { addVmFromSnapshot, hostFromSnapshot } from '../../src/uvmem/snapshot-read.ts'
import { unmap } from '../../src/uvmem/vmm/touch.ts'
import { doRandom, randomLines, seedFor } from './random-lines.ts'
import { World } from './world.ts'

const throughText = (json: unknown): unknown => JSON.parse(JSON.stringify(json))

const text = (host: Host): string => JSON.stringify(snapshotOf(host))

function restored(host: Host): World {
  const result = hostFromSnapshot(throughText(snapshotOf(host)))
  if ('error' in result) throw new Error(result.error)
  return new World({ host: result.host })
}

/** Contents by the number of the frame: nothing, a tag, or bytes. */
function fillFrames(host: Host): void {
  for (const { start, count } of host.ram.usedRuns()) {
    for (let n = start as number; n < start + count; n++) {
      const bytes = new Uint8Array(65_536).fill(n)
      host.ram.write(asFrame(n), n % 2 === 0 ? BigInt(n) ** 9n : n === 5 ? bytes : null)
    }
  }
}

for (const profile of HV_PROFILE_NAMES) {
  t.test(`${profile}: a restored host goes on as the saved one does`, async (t) => {
    const seed = seedFor(t)
    let compared = 0
    fc.assert(
      fc.property(randomLines(40), randomLines(20), (before, after) => {
        const slots = '0:0+4 1:4+3'
        const world = new World({ profile, pool: 9, frames: 24, slots, touched: [0, 4] })
        for (const line of before) doRandom(world, line)
        fillFrames(world.host)
        const copy = restored(world.host)
        for (const line of after) {
          const [one, other] = [world, copy].map((each) => {
            const { ret, calls, fault } = doRandom(each, line)
            return JSON.stringify([ret, calls, fault, each.all])
          })
          if (one !== other) throw new Error(`after ${line}: ${one}\n${other}`)
          compared++
        }
        if (text(world.host) !== text(copy.host)) throw new Error('the two ends differ')
      }),
      { seed, numRuns: 40 },
    )
    t.ok(compared > 100, `${compared} steps were compared`)
  })
}

t.test(
  'everything is in it: contents, swap, notes, pins, kept memory, old uvmem slots',
  async (t) => {
    const world = new World({
      slots: '0:0+4 1:8+2',
      touched: [0, 1],
      after: ['init_start', 'page_in gpa 131077', 'pin 3', 'svm_off', 'init_start', 'page_in 9'],
    })
    world.host.ram.write(asFrame(1), 0xffff_ffff_ffff_fff7n)
    world.host.ram.write(asFrame(2), new Uint8Array(65_536).fill(0x5a, 0, 3))
    unmap(world.host, world.vm(), asGfn(0), 'reclaim').next()
    world.do('remove_slot 1 keep')
    world.do('flush_slot 0 oom')
    const copy = restored(world.host)
    t.same(copy.all, world.all)
    t.same(snapshotOf(copy.host), snapshotOf(world.host))
    t.equal(copy.vm().slots.at(asGfn(0))?.region.swap.get(0), 0xffff_ffff_ffff_fff7n)
    const page = copy.host.ram.read(asFrame(2))
    t.same(page instanceof Uint8Array && [...page.subarray(0, 4)], [0x5a, 0x5a, 0x5a, 0])
    t.equal(copy.do('touch 2').ret, 0)
    t.same(copy.do('page_in 1').calls, ['UV_PAGE_IN ra2 to 0x10000'], 'the same frame is sent')
  },
)

t.test('a VM of 100 GB in runs and rules', async (t) => {
  const pages = 1_638_400
  const frames = 2 ** 22
  const world = new World({ pool: pages, frames, slots: `0:0+${pages}`, profile: 'spec' })
  world.do('init_start')
  world.do('init_done')
  t.ok(text(world.host).length < 2_000, 'secure frames take a few bytes')
  const copy = restored(world.host)
  t.equal(copy.host.devices.pool.taken, pages)
  t.same(snapshotOf(copy.host), snapshotOf(world.host))
})

t.test('the profile comes with it, or is given', async (t) => {
  const profile = { ...HV_PROFILES['linux-6'], undoesPageIn: true }
  const { host } = new World({ profile })
  const same = hostFromSnapshot(throughText(snapshotOf(host)))
  t.same('host' in same && same.host.profile, profile, 'a record of switches')
  const other = hostFromSnapshot(throughText(snapshotOf(host)), { profile: HV_PROFILES.spec })
  t.equal('host' in other && other.host.profile, HV_PROFILES.spec, 'another one on request')
})

t.test('one VM is taken out of a host and put into it again', async (t) => {
  const world = new World({
    profile: 'spec',
    touched: [0, 1],
    after: ['create 2 0:0+4', '2: touch 0', 'init_start', '2: init_start', 'page_in 0', 'share 1'],
  })
  world.do('2: page_in gpa 7')
  world.host.ram.write(asFrame(2), 77n)
  const before = world.all
  const saved = throughText(snapshotOfVm(world.host, world.vm(1)))

  t.equal(addVmFromSnapshot(world.host, saved), 'vm.lpid 1 is in use')
  world.do('destroy')
  world.do('2: page_in 3')
  t.match(addVmFromSnapshot(world.host, saved), /^device PFN 0 is in use$/)
  t.notOk(world.host.vms.has(asLpid(1)), 'and nothing of it is there')
  world.do('2: page_out 3')
  world.do('2: unmap 3')
  t.equal(addVmFromSnapshot(world.host, saved), undefined)
  t.same(world.vm(1).slots.size, 1)
  t.equal(world.host.ram.read(asFrame(2)), 77n, 'with its contents')
  t.same(
    [world.g, world.h, world.flags],
    ['U0,S,.,.', 'd0,n,.,.', 1],
    `as before: ${JSON.stringify(before)}`,
  )
  t.same(world.do('page_in 1').calls, ['UV_PAGE_IN ra2 to 0x10000'])
})
