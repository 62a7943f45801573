/** What the journal and the counters say, as the REST API shows it. */

import { hex } from '../../schemas/values.ts'
import type { PageCounts } from '../hv/counters.ts'
import type { CallCount } from '../hv/counters-calls.ts'
import type { FrameChange } from '../hv/history.ts'
import { journalCodeName } from '../hv/journal-codes.ts'
import type { JournalEvent, OperationArgs } from '../hv/journal-entry.ts'

/** Arguments that are 64 bits wide: text with 0x, as everywhere in REST. */
const WIDE = new Set(['gpa', 'start_gpa', 'size', 'ra', 'dw0', 'dw1'])

const argsFacts = (args: OperationArgs): OperationArgs =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) =>
      typeof value === 'number' && WIDE.has(name) ? [name, hex(value)] : [name, value],
    ),
  )

export const eventFacts = (event: JournalEvent) => ({
  serial: event.serial,
  kind: event.kind,
  time_ms: event.time,
  parent: event.parent,
  first: event.first,
  lpid: event.lpid,
  call: event.call,
  gfn: event.gfn ?? null,
  args: argsFacts(event.args),
  end: event.end,
  code: event.code ?? null,
  name: event.codeName ?? null,
  reason: event.reason ?? null,
  error: event.error ?? null,
  note: event.note ?? null,
  duration_ms: event.duration ?? null,
  from: event.from ?? null,
  to: event.to ?? null,
  count: event.count ?? null,
})

/** A frame's change of state. */
export const changeFacts = ({ time, code, call, ...change }: FrameChange) => ({
  ...change,
  call,
  code,
  name: journalCodeName(call, code),
  time_ms: time,
})

export const callFacts = ({ call, code, count }: CallCount) => ({
  call,
  code,
  name: typeof code === 'number' ? journalCodeName(call, code) : code,
  count,
})

export const pageFacts = (pages: Readonly<PageCounts>) => ({
  pages_in: pages.pagesIn,
  pages_out: pages.pagesOut,
  pages_shared: pages.pagesShared,
  frames_secured: pages.framesSecured,
  frames_changed: pages.framesChanged,
  faults: pages.faults,
  refusals: pages.refusals,
  deadlocks: pages.deadlocks,
})
