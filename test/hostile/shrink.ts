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

/** Characters of one message that are shown. */
const shownMax = 2_000

function shown(data: Data | Again): string {
  const text =
    isAgain(data) || typeof data === 'string'
      ? JSON.stringify(data)
      : `hex ${Buffer.from(data).toString('hex')}`
  return text.length <= shownMax
    ? text
    : `${text.slice(0, shownMax)} … ${text.length - shownMax} more`
}

const told = ({ protocol, sent, heard }: Life): readonly string[] => [
  `  a client of uvmem.v1.${protocol}`,
  ...sent.flatMap((data, at) => [
    `    sends ${shown(data)}`,
    ...(heard?.[at] ?? []).map((each) => `      hears ${shown(each)}`),
  ]),
]

/** What went wrong, whichever ids it went wrong with: codes have a sign, ids have none. */
function kindOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.replace(/(?<![-\d])\d+/g, 'n').slice(0, 80)
}

const whyOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

/**
 * A failure as lines for a person: the shortest story that ends in the same way, and how that one ends;
 * or, when the round does not fail without those before it, what its last client did and heard.
 */
export async function tellFailure(
  seed: number,
  round: number,
  failure: Failure,
  play: typeof replay = replay,
): Promise<string> {
  const { profile, error } = failure
  const head = `seed ${seed}, round ${round}, profile ${profile}`
  const kind = kindOf(error)
  const lives = await shrink(failure.lives, async (shorter) => {
    const wrong = await play(profile, shorter)
    return wrong !== undefined && kindOf(wrong) === kind
  })
  if (lives === undefined) {
    const clients = failure.lives.length
    const alone = `played alone the round does not fail; the last of its ${clients} clients:`
    return [`${head}: ${alone}`, ...failure.lives.slice(-1).flatMap(told), whyOf(error)].join('\n')
  }
  const played: Life[] = []
  const wrong = await play(profile, lives, played)
  return [head, ...played.flatMap(told), whyOf(wrong)].join('\n')
}
