/** Window 1 against window 64: nobody can tell them apart but by the time they take. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { asGfn, asGpa, gfnAt, gpaOf, PAGE_SIZE } from '../../src/abi/page.ts'
import { prng } from '../../src/lib/prng.ts'
import { stateOfWord } from '../../src/uvmem/frame-state.ts'
import { LPID, newWorld, prepare, type World } from './uv-world.ts'

const SEEDS = [11, 12]
const OPERATIONS = 100
/** Frames behind everything that the boot loader has placed, in the first slot. */
const FIRST = 60
const FRAMES = 60

/** What the hypervisor and the ultravisor hold of the guest, to be compared. */
function stateOf(world: World, withPfns: boolean): unknown {
  const { hv, client } = world
  const slots = hv.vm(LPID)?.uvmem
  const words: unknown[] = []
  for (let gfn = asGfn(0); gfn < 192; gfn = gfnAt(gfn, 1)) {
    const slot = slots?.at(gfn)
    const word = slot?.words.get(gfn - slot.base)
    words.push(word === undefined || withPfns ? word : stateOfWord(word))
  }
  return { words, frames: [...client.svm(LPID).frames()], free: hv.host.devices.available }
}

/** Ultracalls of each frame in their order. */
function byFrame(served: readonly string[]): Map<string, string[]> {
  const calls = new Map<string, string[]>()
  for (const line of served) {
    const [call = '', gfn = ''] = line.split(' ')
    calls.set(gfn, [...(calls.get(gfn) ?? []), call])
  }
  return calls
}

/** A result in few characters, so that a difference can be read. */
const short = (result: unknown): string =>
  JSON.stringify(result, (_, value: unknown) =>
    value instanceof Uint8Array ? createHash('sha256').update(value).digest('hex') : value,
  )

async function live(world: World, seed: number, tampers: boolean): Promise<string[]> {
  const { kernelBase, fdtGpa: tree } = await prepare(world)
  const svm = world.client.svm(LPID)
  const results: string[] = [short(await svm.esm({ kernelBase, tree, strategy: 'all' }))]
  const random = prng(seed)
  for (let i = 0; i < OPERATIONS; i++) {
    const gfn = asGfn(FIRST + random.int(FRAMES))
    const gpa = asGpa(gpaOf(gfn) + random.int(PAGE_SIZE))
    const num = 1 + random.int(6)
    const kind = random.int(7)
    if (kind === 0) results.push(short(await svm.sharePages(gfn, num)))
    else if (kind === 1) results.push(short(await svm.unsharePages(gfn, num)))
    else if (kind === 2) results.push(short(await svm.store(gpa, new Uint8Array(100_000).fill(i))))
    else if (kind === 3) results.push(short(await svm.load(gpa, 100_000)))
    else if (kind === 4) results.push(short(await world.vmm.touch(LPID, gfn)))
    else if (kind === 5 && tampers)
      results.push(short(await world.vmm.writePage(LPID, gfn, 5, new Uint8Array(16).fill(i))))
    else if (kind === 6) results.push(short(await svm.unshareAll()))
  }
  return results
}

// DIFF: with `spec` the hypervisor takes a PFN once the ultravisor has agreed, and a frame that nobody
// has touched takes one at once: which of the free PFNs a frame gets depends on the window there.
// A host that tampers writes 16 bytes: a single one is what the ciphertext holds anyway once in 256.
// Linux never comes back from a page that the ultravisor refuses, so only `spec` meets changed ones.
const PAIRS = [
  { hv: 'linux-6', uv: 'firmware', tampers: false },
  { hv: 'spec', uv: 'spec', tampers: true },
] as const

t.test(
  'a window of 64 gives the same answers, states, PFNs and calls as one call at a time',
  async (t) => {
    for (const { hv, uv, tampers } of PAIRS) {
      for (const seed of SEEDS) {
        const what = `${hv}, ${uv}, seed ${seed}`
        const one = newWorld({ window: 1, profile: uv }, { window: 1, profile: hv })
        const many = newWorld({ window: 64, profile: uv }, { window: 64, profile: hv })
        const serial = await live(one, seed, tampers)
        const pipelined = await live(many, seed, tampers)
        t.ok(serial.length > 60, 'enough was done')
        t.same(pipelined, serial, `${what}: results`)
        t.same(stateOf(many, !tampers), stateOf(one, !tampers), `${what}: states and PFNs`)
        t.same(byFrame(many.served), byFrame(one.served), `${what}: ultracalls of each frame`)
        t.ok(one.served.length > 40, 'and the ultravisor was called')
      }
    }
  },
)
