/** Handlers: the journal, its stream, counters, the history of a frame. */
import type { IncomingHttpHeaders } from 'node:http'
import { LATENCY_BOUNDS_US } from '../hv/counters-histogram.ts'
import { journalFollowersMax } from '../hv/journal-stream.ts'
import { lookAt } from '../uvmem/frame-runs.ts'
import type { Handlers } from './handler.ts'
import { journalEvents } from './journal-events.ts'
import { callFacts, changeFacts, eventFacts, pageFacts } from './journal-facts.ts'
import { vmUnknown } from './outcome.ts'
import { Problem, problem } from './problem.ts'

/** What a browser shows when it connects again. */
function lastEventOf({ 'last-event-id': id }: IncomingHttpHeaders): string | undefined {
  return typeof id === 'string' ? id : undefined
}

export const JOURNAL_HANDLERS: Handlers<
  'listJournal' | 'followJournal' | 'getHostCounters' | 'getVmCounters' | 'getFrameHistory'
> = {
  listJournal: ({ inspected }, { query }) => {
    const { events, ...rest } = inspected.journal.query(query)
    return { events: events.map(eventFacts), ...rest }
  },
  followJournal: ({ inspected }, { query, headers }) => {
    const { backlog, most, since = lastEventOf(headers), ...filter } = query
    const events = journalEvents(inspected.journal, { filter, backlog, since, most })
    if (events !== undefined) return { events }
    const limit = { limit: 'journalFollowersMax', max: journalFollowersMax }
    const detail = `journalFollowersMax allows ${journalFollowersMax}.`
    return new Problem('limit-reached', { detail, ...limit })
  },
  getHostCounters: ({ inspected }) => {
    const counts = inspected.counters.host()
    return {
      calls: counts.calls.map(callFacts),
      pages: pageFacts(counts.pages),
      queue_max: counts.queueMax,
      pool_max: counts.poolMax,
      sessions_opened: counts.sessionsOpened,
      sessions_closed: counts.sessionsClosed,
      sessions_resumed: counts.sessionsResumed,
      bounds_us: [...LATENCY_BOUNDS_US],
      latencies: [...counts.latencies].map(([call, { count, sumUs, maxUs, buckets }]) => ({
        call,
        count,
        sum_us: sumUs,
        max_us: maxUs,
        buckets: [...buckets],
      })),
    }
  },
  getVmCounters: ({ hv, inspected }, { path: { lpid } }) => {
    if (hv.vm(lpid) === undefined) return vmUnknown(lpid)
    const { calls, pages, queueMax } = inspected.counters.of(lpid)
    return {
      calls: [...calls.read()].map(callFacts),
      pages: pageFacts(pages),
      queue_max: queueMax,
    }
  },
  getFrameHistory: ({ hv, inspected }, { path: { lpid, gfn } }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    if (lookAt(vm, gfn) === undefined) {
      return problem('frame-unknown', `GFN ${gfn} is in no memory slot of VM ${lpid}.`)
    }
    return { changes: inspected.history.of(lpid, gfn).map(changeFacts) }
  },
}
