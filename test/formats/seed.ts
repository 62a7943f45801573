import { randomInt } from 'node:crypto'
import type { Test } from 'tap'

/** The seed of a random test, printed; SEED in the environment replays a failure. */
export function seedFor(t: Test): number {
  const { SEED: given } = process.env
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  t.comment(`seed ${seed} (replay with SEED=${seed})`)
  return seed
}
