/** Tells journal, history and counters which runs of frames an operation changed. */
import type { Lpid } from '../abi/page.ts'
import type { Counters } from './counters.ts'
import type { Change, FrameHistory } from './history.ts'
import type { Journal } from './journal.ts'
import { STATE_NUMBER } from './journal.ts'
import { changesOf, type VmRuns } from './journal-changes.ts'

/** Runs that one operation has in the journal; it says how many more there were. */
export const changesPerOperationMax = 1_024

export interface ChangeKeepers {
  readonly journal: Journal
  readonly history: FrameHistory
  readonly counters: Counters
}

export function tellChanges(
  { journal, history, counters }: ChangeKeepers,
  lpid: Lpid,
  before: VmRuns,
  after: VmRuns,
  change: Change,
): void {
  const { pages } = counters.of(lpid)
  const { name, code, cause, time } = change
  let told = 0
  let untold = 0
  for (const { gfn, count, from, to } of changesOf(before, after)) {
    pages.framesChanged += count
    if (to === 'secure') pages.framesSecured += count
    if (told === changesPerOperationMax) {
      untold++
      continue
    }
    told++
    const place = { lpid, gfn, parent: cause }
    const [left, right] = [STATE_NUMBER[from], STATE_NUMBER[to]]
    journal.frames(name, place, left, right, count, code, time)
    history.addRun(lpid, gfn, count, left, right, change)
  }
  const end = Math.min(before.end, after.end)
  const untoldText = untold === 0 ? '' : `${untold} more runs changed`
  const unseenText = end === Infinity ? '' : `frames from ${end} on were not compared`
  const note = [untoldText, unseenText].filter((text) => text !== '').join('; ')
  if (note !== '') journal.extra(cause, { note })
}
