/**
 * Events in the order in which they ended, as those who follow the journal are told of them: calls
 * begin in one order and end in another. Every end has a number, counted up from 1.
 */
import type { JournalRing } from './journal-ring.ts'

export interface EndedEvents {
  /** In the order in which they ended. */
  readonly serials: readonly number[]
  /** Numbers of their ends. */
  readonly orders: readonly number[]
  /** Events that ended in that time and are not among them: the ring or `limit` holds no more. */
  readonly lost: number
}

/** The newest `limit` of the events that `wants` and that ended after the end numbered `since`. */
export function endedAfter(
  ring: JournalRing,
  wants: (serial: number) => boolean,
  since: number,
  limit: number,
): EndedEvents {
  const { oldest, last, ended } = ring
  let first = ended + 1
  let kept = 0
  for (let serial = oldest; serial <= last; serial++) {
    const order = ring.orderOf(serial)
    if (order <= since) continue
    kept++
    if (order < first) first = order
  }
  // Numbers of ends are dense, so each has a place of its own: nothing need be sorted.
  const places = new Float64Array(ended - first + 1)
  for (let serial = oldest; serial <= last; serial++) {
    const order = ring.orderOf(serial)
    if (order > since && wants(serial)) places[order - first] = serial
  }
  const found = orderedFrom(places)
  const shown = found.slice(Math.max(0, found.length - limit))
  return {
    serials: shown.map((place) => places[place] as number),
    orders: shown.map((place) => first + place),
    lost: ended - since - kept + found.length - shown.length,
  }
}

/** Places that are taken. */
function orderedFrom(places: Float64Array): number[] {
  const found: number[] = []
  for (let place = 0; place < places.length; place++) if (places[place] !== 0) found.push(place)
  return found
}
