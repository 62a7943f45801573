/**
 * Looks over a whole host for what must not be. To be asked while no call is under way.
 *
 * Frames in a row that are alike are looked at as one, so that a host with VMs of 100 GB takes
 * milliseconds.
 */
import type { DevicePfn, Frame } from '../abi/page.ts'
import { asDevicePfn, asFrame } from '../abi/page.ts'
import type { Host } from './host.ts'
import { checkVm, type Holdings } from './invariants-vm.ts'
import { type Held, Invariant, KnownDefect, type Report, type Violation } from './violation.ts'

/** Violations that are reported, at most. */
export const violationsMax = 100

/**
 * @param most violations to report.
 * @returns what does not hold; a `defect` says that the profile is known for it.
 */
export function violationsOf(host: Host, most = violationsMax): readonly Violation[] {
  const found: Violation[] = []
  const report: Report = (violation) => {
    if (found.length < most) found.push(violation)
  }
  const holdings: Holdings = { pfns: [], frames: [], pinned: [] }
  for (const vm of host.vms.values()) checkVm(host, vm, holdings, report)
  checkPfns(host, holdings.pfns, report)
  checkFrames(host, holdings, report)
  checkNotes(host, report)
  return found
}

/** The violations that no known defect explains. */
export const unexplained = (violations: readonly Violation[]): readonly Violation[] =>
  violations.filter(({ defect }) => defect === undefined)

const byStart = (a: Held, b: Held): number => a.start - b.start

function checkPfns(host: Host, mapped: Held[], report: Report): void {
  const { pool } = host.devices
  mapped.sort(byStart)
  const of = (start: number): { pfn: DevicePfn } => ({ pfn: asDevicePfn(start) })
  forEachOverlap(mapped, (start, count) =>
    report({ invariant: Invariant.PfnMappedOnce, count, ...of(start) }),
  )
  const used = [...pool.takenRuns()]
  forEachMissing(mapped, used, (start, count) =>
    report({ invariant: Invariant.MappedPfnIsUsed, count, ...of(start) }),
  )
  const leak = host.profile.undoesPageIn ? {} : { defect: KnownDefect.LeakedPfn }
  forEachMissing(used, mapped, (start, count) =>
    report({ invariant: Invariant.UsedPfnIsMapped, count, ...of(start), ...leak }),
  )
  const taken = used.reduce((sum, { count }) => sum + count, 0)
  if (taken !== pool.taken) report({ invariant: Invariant.CountersAgree, count: 1 })
  const promised = pool.size - pool.taken - host.devices.available
  if (promised !== 0) report({ invariant: Invariant.NothingPromised, count: 1 })
}

function checkFrames({ ram }: Host, { frames: held, pinned }: Holdings, report: Report): void {
  held.sort(byStart)
  const of = (start: number): { frame: Frame } => ({ frame: asFrame(start) })
  forEachOverlap(held, (start, count) =>
    report({ invariant: Invariant.FrameMappedOnce, count, ...of(start) }),
  )
  const pins = [...new Set(pinned)].map((start) => ({ start, count: 1 })).sort(byStart)
  const unmapped: Held[] = []
  forEachMissing(pins, held, (start, count) => unmapped.push({ start, count }))
  held.push(...unmapped)
  held.sort(byStart)
  const used = [...ram.usedRuns()]
  forEachMissing(held, used, (start, count) =>
    report({ invariant: Invariant.HeldFrameIsUsed, count, ...of(start) }),
  )
  forEachMissing(used, held, (start, count) =>
    report({ invariant: Invariant.UsedFrameIsHeld, count, ...of(start) }),
  )
  const taken = used.reduce((sum, { count }) => sum + count, 0)
  if (taken !== ram.used) report({ invariant: Invariant.CountersAgree, count: 1 })
}

function checkNotes(host: Host, report: Report): void {
  const sticky = host.profile.dropMarksExpire ? {} : { defect: KnownDefect.StickyMark }
  for (const [pfn, note] of host.devices.notes()) {
    const at = { pfn, count: 1 }
    if (!host.devices.isUsed(pfn)) report({ invariant: Invariant.NoteIsOfUsedPage, ...at })
    if (note.skipPageOut === true || note.removeGfn === true) {
      report({ invariant: Invariant.MarksExpire, ...at, ...sticky })
    }
  }
}

/** The parts of sorted runs that lie in an earlier one, too. */
function forEachOverlap(
  runs: readonly Held[],
  visit: (start: number, count: number) => void,
): void {
  let end = 0
  for (const { start, count } of runs) {
    if (start < end) visit(start, Math.min(end, start + count) - start)
    end = Math.max(end, start + count)
  }
}

/** The parts of sorted runs that no run of `others`, sorted as well, covers. */
function forEachMissing(
  runs: readonly Held[],
  others: readonly Held[],
  visit: (start: number, count: number) => void,
): void {
  let next = 0
  for (const { start, count } of runs) {
    let at = start
    while (at < start + count) {
      while ((others[next]?.start ?? Number.POSITIVE_INFINITY) + (others[next]?.count ?? 0) <= at)
        next++
      const other = others[next]
      const free = Math.min(start + count, other?.start ?? Number.POSITIVE_INFINITY)
      if (free > at) visit(at, free - at)
      at = other === undefined ? free : Math.max(free, other.start + other.count)
    }
  }
}
