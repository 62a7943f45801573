/** I3: what is a guest's secret, and what only looks like one. */
import t from 'tap'
import { asFrame, asGfn, asLpid } from '../../src/abi/page.ts'
import { contentOf, Writer } from '../../src/lab/content.ts'
import { GuestMemory } from '../../src/lab/guest-memory.ts'
import { brokenOf } from '../../src/lab/invariants.ts'
import { newUv } from '../ultravisor/uv-for-test.ts'
import { World } from '../uvmem/world.ts'

const GONE = asLpid(3)

/** What breaks when the host finds `page` behind GFN 2 of VM 1; VM 2 is there, VM 3 was. */
function brokenWith(page: bigint): readonly string[] {
  const world = new World({ touched: [2], after: ['create 2 0:0+4'] })
  const { host } = world
  host.ram.write(asFrame(world.vm().slots.at(asGfn(2))?.region.ptes.get(2) ?? 0), page)
  const memories = new Map([[GONE, new GuestMemory(GONE)]])
  return brokenOf({ host, uv: newUv(), memories }).map(({ id, gfn }) => `${id} ${gfn}`)
}

const secretOf = (lpid: number): bigint => contentOf(Writer.GuestSecret, asLpid(lpid), asGfn(9))

t.test(
  'the host reads what a guest wrote in secret: its own, another, one that is gone',
  async (t) => {
    for (const lpid of [1, 2, 3]) t.same(brokenWith(secretOf(lpid)), ['I3 2'], `VM ${lpid}`)
  },
)

t.test('ciphertext that begins as a secret does, once in a million pages, is none', async (t) => {
  // The simulation took it for one, with seed 421880: a guest of LPID 1,853.
  t.same(brokenWith(0x5eed_20f7_3dd1_9074n), [])
  t.same(brokenWith(secretOf(4)), [])
})
