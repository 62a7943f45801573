/**
 * A hypervisor with everything that looks at it: journal, counters, history of frames, and those who
 * wait for something to happen.
 */
import { frameOf } from '../abi/page.ts'
import type { HvConfig, HvPorts } from './config.ts'
import type { Counters } from './counters.ts'
import type { Faults } from './faults.ts'
import { FaultGate } from './faults-gate.ts'
import type { FrameHistory } from './history.ts'
import { Hypervisor } from './hypervisor.ts'
import { Journal } from './journal.ts'
import { JournalNames } from './journal-names.ts'
import { JournalWatch } from './journal-watch.ts'
import { RecordWatch } from './record-watch.ts'
import { type WaitPorts, Waits } from './wait.ts'
import { holds } from './wait-condition.ts'
import { type HvWatch, watchAll } from './watch.ts'

/** Characters that tell the journal of one server from that of another. */
const journalRunChars = 8

export interface InspectedPorts extends HvPorts, Pick<WaitPorts, 'after'> {}

export interface Inspected {
  readonly hv: Hypervisor
  readonly journal: Journal
  readonly counters: Counters
  readonly history: FrameHistory
  readonly waits: Waits
  readonly faults: Faults
  /** To be flushed before the record is closed. */
  readonly record: RecordWatch | undefined
}

export interface InspectedOptions {
  /** Events that the journal keeps: a power of two; journalEventsMax when it is left out. */
  readonly journalEvents?: number | undefined
  /** Transitions of frames that the history keeps: a power of two; historyEntriesMax when left out. */
  readonly historyEntries?: number | undefined
  /** Told of everything as well, after the journal. */
  readonly watches?: readonly HvWatch[]
  /** Takes the lines of the run's record; no record is made without it. */
  readonly record?: { readonly write: (line: string) => void; readonly program: string }
}

export function inspectedHypervisor(
  config: HvConfig,
  ports: InspectedPorts,
  { watches = [], record: wish, journalEvents, historyEntries }: InspectedOptions = {},
): Inspected {
  const watch = new JournalWatch(
    {
      now: ports.now,
      later: ports.later,
      pool: () => hv.host.devices.pool.taken,
      changed: (topic, lpid) => waits.changed(topic, lpid),
      awaited: () => waits.size > 0,
    },
    new Journal(new JournalNames(), journalEvents, ports.token().slice(0, journalRunChars)),
    historyEntries,
  )
  const { journal, counters, history } = watch
  const waits = new Waits({
    holds: (condition) => holds(hv, counters, condition),
    after: ports.after,
  })
  const record =
    wish === undefined
      ? undefined
      : new RecordWatch({
          write: wish.write,
          now: ports.now,
          pageAt: (call) => ('ra' in call ? hv.host.ram.glance(frameOf(call.ra)) : null),
        })
  const all = watchAll([watch, ...watches, ...(record === undefined ? [] : [record])])
  const gate = new FaultGate({
    after: ports.after,
    hit: (hit) => all.faulted(hit),
    isOpen: (session) => hv.sessions.has(session),
    host: () => hv.host,
  })
  const hv = new Hypervisor(config, ports, all, gate)
  record?.start(config, wish?.program ?? '')
  return { hv, journal, counters, history, waits, faults: gate.rules, record }
}
