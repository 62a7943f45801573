/** Makes a story that ends badly short: what is left still ends badly, and nothing of it can be left out. */
import { type Again, isAgain } from './hostile-client.ts'
import type { Data } from './hostility.ts'
import { type Failure, type Life, replay } from './wire-fuzz.ts'

/** Times that a story is played again, at most. */
const replaysMax = 600

/** The list without what can be left out: halves first, then quarters, in the end one by one. */
async function shorten<T>(
  list: readonly T[],
  stillFails: (shorter: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let kept = list
  for (let size = Math.ceil(list.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < kept.length; ) {
      const shorter = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await stillFails(shorter)) kept = shorter
      else at += size
    }
  }
  return kept
}

/** The shortest story that still fails; undefined: it does not fail when it is played alone. */
export async function shrink(
  lives: readonly Life[],
  isFailure: (lives: readonly Life[]) => Promise<boolean>,
): Promise<readonly Life[] | undefined> {
  let replays = 0
  const fails = async (wanted: readonly Life[]): Promise<boolean> => {
    replays++
    return replays <= replaysMax && (await isFailure(wanted))
  }
  if (!(await fails(lives))) return undefined
  let kept = await shorten(lives, fails)
  for (const [at, life] of kept.entries()) {
    const withSent = (sent: readonly (Data | Again)[]): readonly Life[] =>
      kept.map((each, index) => (index === at ? { ...life, sent: [...sent] } : each))
    const sent = await shorten(life.sent, (shorter) => fails(withSent(shorter)))
    kept = withSent(sent)
  }
  return kept
}

const shown = (data: Data | Again): string =>
  isAgain(data)
    ? JSON.stringify(data)
    : typeof data === 'string'
      ? JSON.stringify(data)
      : `hex ${Buffer.from(data).toString('hex')}`

/** A failure as lines for a person. */
export async function tellFailure(seed: number, round: number, failure: Failure): Promise<string> {
  const { profile, error } = failure
  const fails = async (lives: readonly Life[]): Promise<boolean> =>
    (await replay(profile, lives)) !== undefined
  const lives = (await shrink(failure.lives, fails)) ?? failure.lives.slice(-1)
  const lines = lives.flatMap(({ protocol, sent }) => [
    `  a client of uvmem.v1.${protocol} sends`,
    ...sent.map((data) => `    ${shown(data).slice(0, 2_000)}`),
  ])
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [`seed ${seed}, round ${round}, profile ${profile}`, ...lines, why].join('\n')
}
