/** Random lines for a world: everything that an ultravisor, a VMM and a host can do to two small VMs. */

import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Told, World } from './world.ts'

/** The seed of a random test, printed; SEED in the environment replays a failure. */
export function seedFor(t: Test): number {
  const { SEED: given } = process.env
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  t.comment(`seed ${seed} (replay with SEED=${seed})`)
  return seed
}

const GFNS = 10
const gfn = fc.nat(GFNS - 1)
const slotId = fc.nat(3)

/** Mostly agreement; now and then a refusal, and U_BUSY. */
const answers = fc.oneof(
  { weight: 6, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' !-4', ' !0,-4', ' !1', ' !0,0,-75', ' !-5,1,-55') },
)

const onPage = (name: string): fc.Arbitrary<string> => gfn.map((n) => `${name} ${n}`)
const onSlot = (name: string): fc.Arbitrary<string> => slotId.map((id) => `${name} ${id}`)

const addSlot = fc
  .tuple(slotId, gfn, fc.integer({ min: 1, max: 4 }))
  .map(([id, base, pages]) => `add_slot ${id}:${base}+${pages}`)

const oddPageIn = fc.tuple(
  fc.constantFrom('page_in', 'page_out'),
  fc.constantFrom('gpa 70000', 'gpa 5', '3 flags 1', '3 flags 2', '2 order 12', '1 outside'),
)

/** Each kind of line with its weight. */
const KINDS: readonly (readonly [weight: number, fc.Arbitrary<string>])[] = [
  [6, fc.constant('init_start')],
  [4, fc.constant('init_done')],
  [1, fc.constant('init_abort')],
  [10, onPage('page_in')],
  [6, onPage('share')],
  [6, onPage('page_out')],
  [2, oddPageIn.map((words) => words.join(' '))],
  [6, onPage('touch')],
  [2, onPage('touch').map((line) => `${line} oom`)],
  [2, onPage('page_out').map((line) => `${line} oom`)],
  [3, onPage('unmap')],
  [2, onPage('pin')],
  [2, onPage('unpin')],
  [3, onPage('guest_fault')],
  [3, addSlot],
  [2, onSlot('remove_slot')],
  [2, onSlot('remove_slot').map((line) => `${line} keep`)],
  [2, onSlot('flush_slot')],
  [1, onSlot('flush_slot').map((line) => `${line} oom`)],
  [1, onSlot('vma_unmap')],
  [2, onSlot('vma_map')],
  [1, onSlot('ksm_fail').map((line) => `${line} -12`)],
  [3, fc.constant('svm_off')],
  [1, fc.constant('destroy')],
]

const line = fc.oneof(...KINDS.map(([weight, arbitrary]) => ({ weight, arbitrary })))
const by = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constant('2: ') },
)

/** Sequences of 1 to `most` lines. */
export const randomLines = (most: number): fc.Arbitrary<readonly string[]> =>
  fc.array(
    fc.tuple(by, line, answers).map(([vm, what, script]) => `${vm}${what}${script}`),
    { minLength: 1, maxLength: most, size: 'max' },
  )

/**
 * Runs a line; a VM that is gone is made again, and one that has met a host fault is destroyed first,
 * as it must be.
 */
export function doRandom(world: World, text: string): Told {
  const lpid = text.startsWith('2: ') ? 2 : 1
  if (vmOf(world, lpid)?.fault !== undefined) world.do(`${lpid}: destroy`)
  if (vmOf(world, lpid) === undefined) world.do(`create ${lpid} 0:0+4 1:4+3`)
  return world.do(text)
}

const vmOf = (world: World, lpid: number) =>
  [...world.host.vms.values()].find((vm) => vm.lpid === lpid)

/** The operation that a line stands for, in the words of the recordings. */
export function opNameOf(line: string): string {
  const [name = ''] = line.replace(/^\d+: /, '').split(' ')
  return { share: 'page_in', touch: 'host_touch' }[name] ?? name
}
