/** Tells journal, history and counters what an operation changed: frames, alone or in runs, and VMs. */
import type { Lpid } from '../abi/page.ts'
import { isSecureWord } from '../uvmem/frame-state.ts'
import { stateWordAt } from '../uvmem/mapping.ts'
import { vmStateOf } from '../uvmem/vm-state.ts'
import type { Counters } from './counters.ts'
import type { Change, FrameHistory } from './history.ts'
import type { Journal } from './journal.ts'
import { STATE_NUMBER } from './journal.ts'
import { changesOf, runsOf, type VmRuns } from './journal-changes.ts'
import type { Ended, OperationNote, Task } from './operation.ts'
import { codeOf } from './vmm-call.ts'
import type { Topic } from './wait.ts'

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

/** Who is told that something changed. */
export interface ChangePorts {
  readonly changed: (topic: Topic, lpid?: Lpid) => void
  /** True when somebody waits at all. */
  readonly awaited: () => boolean
}

/** Compares the frames that an operation may have changed with what they were before. */
export function tellFrames(
  keepers: ChangeKeepers,
  ports: ChangePorts,
  { lpid, gfn }: Task,
  { vm, runs, word, name }: OperationNote,
  cause: number,
  code: number,
  time: number,
): void {
  if (vm === undefined) return
  if (runs !== undefined) {
    tellChanges(keepers, lpid, runs, runsOf(vm), { name, cause, code, time })
  } else {
    if (gfn === undefined) return
    const from = numberOfWord(word)
    const to = numberOfWord(stateWordAt(vm, gfn))
    if (from === to) return
    keepers.journal.frame(name, lpid, gfn, cause, from, to, code, time)
    keepers.history.put(lpid, gfn, from, to, name, code, cause, time)
    keepers.counters.of(lpid).pages.framesChanged++
  }
  if (ports.awaited()) ports.changed('frame', lpid)
}

/** Compares the VM with what it was before. */
export function tellVm(
  { journal, history, counters }: ChangeKeepers,
  ports: ChangePorts,
  { lpid, name: call }: Task,
  { vm, flags, name }: OperationNote,
  cause: number,
  end: Ended<unknown>,
  time: number,
): void {
  if (vm === undefined) return
  const from = vmStateOf(flags)
  const to = vmStateOf(vm.secureGuest)
  if (end.how === 'fault') {
    counters.of(lpid).pages.faults++
    journal.vm(name, lpid, cause, to, 'fault', time, { error: faultText(end) })
  } else if (call === 'destroy' && end.how === 'done' && codeOf(end.result) === 0) {
    journal.vm(name, lpid, cause, from, 'none', time)
    history.forget(lpid)
    counters.retire(lpid)
  } else if (from !== to) journal.vm(name, lpid, cause, from, to, time)
  else return
  ports.changed('vm', lpid)
}

export const faultText = ({ fault }: Extract<Ended<unknown>, { how: 'fault' }>): string =>
  `${fault.kind}: ${fault.message}`

/** The number of a frame's state (`JOURNAL_STATES`) in a state word; see frame-state.ts. */
const numberOfWord = (word: number): number => {
  if (isSecureWord(word)) return 1
  return word === 0 ? 0 : word === 1 ? 3 : 2
}
