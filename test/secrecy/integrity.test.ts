/**
 * A page that the host changes, swaps, keeps from before or takes from elsewhere is never accepted:
 * each attack by REST against an ultravisor at the other end of a real wire. Put right again, the
 * guest reads what it wrote.
 *
 * Source: spec of the lab, I4 and I8; svm_page_in() of the ultravisor answers U_P3.
 */
import t, { type Test } from 'tap'
import { asLpid, type Gfn, gfnAt, gpaOf, type Lpid, PAGE_SIZE } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { HvRest, RestError } from '../../src/peer/hv-rest.ts'
import type { UvProtocol } from '../../src/peer/uv-protocol.ts'
import type { UvProfileName } from '../../src/ultravisor/profile.ts'
import { listening } from '../server/line.ts'
import { SecretGuest } from './guest.ts'
import { Marks } from './marks.ts'
import { Place } from './place.ts'

const U_P3 = -56
const EFAULT = -14
const SEED = 7

interface Attack {
  readonly name: string
  /** Gives what the host offers in place of the page. */
  readonly offer: (world: World) => Promise<Uint8Array>
}

interface World {
  readonly rest: HvRest
  readonly guest: SecretGuest
  /** The frame that is attacked, with what the host holds of it, and an older one of the same frame. */
  readonly gfn: Gfn
  readonly held: Uint8Array
  readonly older: Uint8Array
  /** What the ultravisor has answered to UV_PAGE_IN, the newest last. */
  readonly answers: readonly number[]
  /** Another VM with a frame of the same number. */
  readonly other: SecretGuest
}

/** What the host holds of a frame: ciphertext, as it is paged out. */
async function heldAt(rest: HvRest, lpid: Lpid, gfn: Gfn): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of rest.read(lpid, gpaOf(gfn), PAGE_SIZE)) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

const changedAt =
  (at: number, bit: number) =>
  async ({ held }: World): Promise<Uint8Array> => {
    const page = held.slice()
    page[at] = (page[at] ?? 0) ^ (1 << bit)
    return page
  }

const drawn = prng(SEED)
const ATTACKS: readonly Attack[] = [
  { name: 'the first bit changed', offer: changedAt(0, 7) },
  { name: 'the last bit changed', offer: changedAt(PAGE_SIZE - 1, 0) },
  ...Array.from({ length: 4 }, () => {
    const [at, bit] = [drawn.int(PAGE_SIZE), drawn.int(8)]
    return { name: `bit ${bit} of byte ${at} changed`, offer: changedAt(at, bit) }
  }),
  { name: 'zeros', offer: async () => new Uint8Array(PAGE_SIZE) },
  { name: 'rolled back to an older version', offer: async ({ older }) => older },
  {
    name: 'swapped with the next frame',
    offer: ({ rest, guest, gfn }) => heldAt(rest, guest.lpid, gfnAt(gfn, 1)),
  },
  {
    name: 'the same frame of another VM',
    offer: ({ rest, other, gfn }) => heldAt(rest, other.lpid, gfn),
  },
  {
    name: 'two halves of two versions',
    offer: async ({ held, older }) => {
      const half = PAGE_SIZE / 2
      return new Uint8Array(Buffer.concat([held.subarray(0, half), older.subarray(half)]))
    },
  },
  {
    name: 'moved by sixteen bytes',
    offer: async ({ held }) =>
      new Uint8Array(Buffer.concat([held.subarray(16), held.subarray(0, 16)])),
  },
]

async function worldOf(
  t: Test,
  hv: 'linux-6' | 'spec',
  protocol: UvProtocol,
  profile: UvProfileName,
): Promise<World> {
  const { url, uv } = await listening(t, { hv: { profile: hv, poolPages: 1_024 } })
  const rest = new HvRest({ url })
  const marks = new Marks(SEED)
  const [up, down] = ['up', 'down'].map((name) => new Place(name, marks.needles(['secret'])))
  const answers: number[] = []
  const start = async (lpid: Lpid): Promise<SecretGuest> => {
    const ports = {
      ...{ uv, rest, marks, random: prng(SEED), up: up as Place, down: down as Place },
      pageIn: (ret: number) => answers.push(ret),
    }
    const guest = await SecretGuest.start({ lpid, protocol, profile, content: 'bytes' }, ports)
    t.teardown(() => guest.client.close())
    return guest
  }
  const [guest, other] = [await start(asLpid(1)), await start(asLpid(2))]
  const gfn = guest.firstFrame
  await other.write(gfn, 'secret')
  await other.pageOut(gfn)
  await guest.write(gfnAt(gfn, 1), 'secret')
  await guest.pageOut(gfnAt(gfn, 1))
  await guest.write(gfn, 'secret')
  await guest.pageOut(gfn)
  const older = await heldAt(rest, guest.lpid, gfn)
  await guest.check(gfn, 'secret')
  await guest.write(gfn, 'secret')
  await guest.pageOut(gfn)
  return { rest, guest, other, gfn, older, answers, held: await heldAt(rest, guest.lpid, gfn) }
}

/** The code of a guest fault that the host answers with what it holds. */
async function fault({ rest, guest, gfn }: World): Promise<number> {
  try {
    const { code } = await rest.call('faultFrame', { path: { lpid: guest.lpid, gfn } })
    return code
  } catch (error) {
    if (error instanceof RestError && error.problem?.code !== undefined) return error.problem.code
    throw error
  }
}

for (const [protocol, profile] of [
  ['bin', 'firmware'],
  ['json', 'spec'],
] as const) {
  t.test(`what the host offers at a fault, ${protocol}, UV ${profile}`, async (t) => {
    const world = await worldOf(t, 'linux-6', protocol, profile)
    const { rest, guest, gfn, held } = world
    for (const { name, offer } of ATTACKS) {
      await rest.write(guest.lpid, gpaOf(gfn), await offer(world))
      t.equal(await fault(world), EFAULT, `${name}: the fault fails`)
      t.equal(world.answers.at(-1), U_P3, `${name}: the ultravisor says U_P3`)
      t.equal(guest.svm.life, 'secure', `${name}: the guest goes on`)
    }
    await rest.write(guest.lpid, gpaOf(gfn), held)
    t.equal(await fault(world), 0, 'its own page is taken')
    await t.resolves(guest.check(gfn, 'secret'), 'and holds what the guest wrote last')
  })

  t.test(`what a guest finds that loads, ${protocol}, UV ${profile}`, async (t) => {
    const world = await worldOf(t, 'spec', protocol, profile)
    const { rest, guest, gfn, held } = world
    for (const { name, offer } of ATTACKS) {
      await rest.write(guest.lpid, gpaOf(gfn), await offer(world))
      t.match(await guest.svm.load(gpaOf(gfn), 8), { kind: 'REFUSED' }, name)
    }
    await rest.write(guest.lpid, gpaOf(gfn), held)
    await t.resolves(guest.check(gfn, 'secret'), 'its own page is taken')
    await guest.write(gfn, 'secret')
    await guest.pageOut(gfn)
    await rest.write(guest.lpid, gpaOf(gfn), held)
    t.match(await guest.svm.load(gpaOf(gfn), 8), { kind: 'REFUSED' }, 'and once only: replayed')
  })
}

t.test('a page of the boot before is not accepted', async (t) => {
  const world = await worldOf(t, 'spec', 'bin', 'spec')
  const { rest, guest, gfn, held } = world
  await guest.reboot()
  await guest.write(gfn, 'secret')
  await guest.pageOut(gfn)
  const now = await heldAt(rest, guest.lpid, gfn)
  t.notSame(Buffer.from(now), Buffer.from(held))
  await rest.write(guest.lpid, gpaOf(gfn), held)
  t.match(await guest.svm.load(gpaOf(gfn), 8), { kind: 'REFUSED' })
  await rest.write(guest.lpid, gpaOf(gfn), now)
  await t.resolves(guest.check(gfn, 'secret'))
})
