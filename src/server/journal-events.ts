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
import type { JournalEvent, JournalFilter } from '../hv/journal-entry.ts'
import type { JournalFollower, JournalTaken } from '../hv/journal-stream.ts'
import { eventFacts } from './journal-facts.ts'

/** A comment: it keeps what is between from giving the connection up. */
const ALIVE = ': still here\n\n'

export interface FollowWish {
  readonly filter: JournalFilter
  /** Events from before to begin with. */
  readonly backlog: number
  /** The id of the last message that was seen: what has ended after it comes first. */
  readonly since: number | undefined
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
  const missed = since === undefined ? undefined : missedSince(journal, filter, since)
  const before = missed ?? { events: recent(journal, filter, backlog), lost: 0 }
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
    return messages(follower, inParts(before, most), signal, awaken)
  }
}

async function* messages(
  follower: JournalFollower,
  before: readonly JournalTaken[],
  signal: AbortSignal,
  awaken: (ms: number) => Promise<void>,
): AsyncGenerator<string> {
  try {
    for (const taken of before) yield message(taken)
    while (!signal.aborted) {
      if (follower.waiting === 0) await awaken(streamQuietMsMax)
      if (signal.aborted) return
      const taken = follower.take()
      if (taken.events.length === 0 && taken.lost === 0) yield ALIVE
      else {
        yield message(taken)
        await new Promise((resolve) => setTimeout(resolve, streamPauseMs))
      }
    }
  } finally {
    follower.close()
  }
}

/** Its id is the serial of its last event: events come in the order in which they ended. */
function message({ events, lost }: JournalTaken): string {
  const last = events.at(-1)
  const id = last === undefined ? '' : `id: ${last.serial}\n`
  return `${id}data: ${JSON.stringify({ events: events.map(eventFacts), lost })}\n\n`
}

function inParts({ events, lost }: JournalTaken, most: number): JournalTaken[] {
  const parts: JournalTaken[] = [{ events: events.slice(0, most), lost }]
  for (let at = most; at < events.length; at += most) {
    parts.push({ events: events.slice(at, at + most), lost: 0 })
  }
  return parts
}

const endOf = ({ time, duration = 0 }: JournalEvent): number => time + duration

/** What has ended since an event was told, and how many serials the ring has lost meanwhile. */
function missedSince(journal: Journal, filter: JournalFilter, since: number): JournalTaken {
  const limit = journalEventsPerAnswerMax
  const { events, oldest, more } = journal.query({ ...filter, limit, order: 'newest' })
  // A serial that this journal has not come to is one of a server before it: everything is news.
  const seen = since > journal.last ? 0 : since
  const told = journal.event(seen)
  const after = told === undefined ? Number.NEGATIVE_INFINITY : endOf(told)
  const missed = events.filter(
    (event) => event.end !== 'open' && event.serial !== seen && endOf(event) >= after,
  )
  const kept = more ? (events.at(-1)?.serial ?? oldest) : oldest
  return {
    events: missed.sort((a, b) => endOf(a) - endOf(b) || a.serial - b.serial),
    lost: seen === 0 ? 0 : Math.max(0, kept - 1 - seen),
  }
}

/** The newest events, oldest first; calls that are still open are told when they end. */
function recent(journal: Journal, filter: JournalFilter, limit: number): JournalEvent[] {
  if (limit === 0) return []
  const { events } = journal.query({ ...filter, limit, order: 'newest' })
  return events.filter(({ end }) => end !== 'open').reverse()
}
