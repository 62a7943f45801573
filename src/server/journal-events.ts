/**
 * The journal as server-sent events: what has come since the last message, ten times a second at
 * most. Who is slow or far away costs nothing: what does not fit is counted as lost.
 */
import {
  journalEventsPerAnswerMax,
  streamPauseMs,
  streamQuietMsMax,
} from '../../schemas/rest/journal.ts'
import type { Journal } from '../hv/journal.ts'
import type { JournalFilter } from '../hv/journal-entry.ts'
import type { JournalFollower, JournalTaken } from '../hv/journal-stream.ts'
import { eventFacts } from './journal-facts.ts'

/** A comment: it keeps what is between from giving the connection up. */
const ALIVE = ': still here\n\n'

export interface FollowWish {
  readonly filter: JournalFilter
  /** Events from before to begin with. */
  readonly backlog: number
  /** The id of the last message that was seen: what has ended after it comes first. */
  readonly since: string | undefined
  /** Events in one message. */
  readonly most: number
}

/** undefined: too many follow already. Following ends with `signal`, also when nobody reads. */
export function journalEvents(
  journal: Journal,
  { filter, backlog, since, most }: FollowWish,
): ((signal: AbortSignal) => AsyncIterable<string>) | undefined {
  let wake: () => void = () => undefined
  const follower = journal.follow(filter, () => wake(), most)
  if (follower === undefined) return undefined
  const before = told(journal, filter, since, backlog)
  return (signal) => {
    const leave = (): void => {
      follower.close()
      wake()
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave)
    const awaken = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    return messages(journal, follower, inParts(before, most), signal, awaken)
  }
}

async function* messages(
  journal: Journal,
  follower: JournalFollower,
  before: readonly Told[],
  signal: AbortSignal,
  awaken: (ms: number) => Promise<void>,
): AsyncGenerator<string> {
  try {
    for (const each of before) yield message(journal, each)
    while (!signal.aborted) {
      if (follower.waiting === 0) await awaken(streamQuietMsMax)
      if (signal.aborted) return
      const taken = follower.take()
      if (taken.events.length === 0 && taken.lost === 0) yield ALIVE
      else {
        // It tells of everything that has ended so far: what it calls lost is not told again.
        yield message(journal, { ...taken, upTo: journal.ended })
        await new Promise((resolve) => setTimeout(resolve, streamPauseMs))
      }
    }
  } finally {
    follower.close()
  }
}

/** Events with the number of the end up to which a message tells. */
interface Told extends JournalTaken {
  readonly upTo: number
}

/** Its id is the number of the last end that it tells of, in this server's journal. */
function message({ run }: Journal, { events, lost, upTo }: Told): string {
  const data = JSON.stringify({ events: events.map(eventFacts), lost })
  return `id: ${run}.${upTo}\ndata: ${data}\n\n`
}

interface Before extends Told {
  /** The number of each event's end. */
  readonly orders: readonly number[]
}

function inParts({ events, orders, lost, upTo }: Before, most: number): Told[] {
  const parts: Told[] = []
  for (let at = 0; at === 0 || at < events.length; at += most) {
    const isLast = at + most >= events.length
    parts.push({
      events: events.slice(at, at + most),
      lost: at === 0 ? lost : 0,
      upTo: isLast ? upTo : (orders[at + most - 1] ?? upTo),
    })
  }
  return parts
}

/** What ended before: after the message that was seen last, or the newest few. */
function told(
  journal: Journal,
  filter: JournalFilter,
  since: string | undefined,
  backlog: number,
): Before {
  const upTo = journal.ended
  const id = /^([\w-]*)\.(\d{1,15})$/.exec(since ?? '')
  if (id === null) return { ...journal.endedAfter(0, filter, backlog), lost: 0, upTo }
  const seen = id[1] === journal.run ? Number(id[2]) : 0
  const { lost, ...missed } = journal.endedAfter(seen, filter, journalEventsPerAnswerMax)
  // To somebody who comes from another server everything is news, and nothing of it was lost.
  return { ...missed, lost: seen === 0 ? 0 : lost, upTo }
}
