/** Tables of cases: what is done to a world, and everything that must follow from it. */
import type { Test } from 'tap'
import { World, type WorldOptions } from './world.ts'

export interface Row extends WorldOptions {
  readonly why: string
  readonly line: string
  readonly ret: number
  /** The ultracalls, in order; none unless said otherwise. */
  readonly calls?: readonly string[]
  /** The states afterwards; the whole host is as before unless one of these is given. */
  readonly g?: string
  readonly h?: string
  readonly used?: string
  readonly flags?: number
  readonly fault?: string
  readonly source?: string
}

const changes = (row: Row): boolean =>
  [row.g, row.h, row.used, row.flags, row.fault].some((each) => each !== undefined)

/** Runs each row in a world of its own. Without an expected change, nothing at all may have changed. */
export function checkRows(t: Test, rows: readonly Row[]): void {
  for (const row of rows) {
    const world = new World(row)
    const before = world.all
    const told = world.do(row.line)
    t.equal(told.ret, row.ret, `${row.why}: the code`)
    t.same(told.calls, row.calls ?? [], `${row.why}: the ultracalls`)
    t.equal(told.fault, row.fault, `${row.why}: no fault unless told`)
    if (!changes(row)) t.same(world.all, before, `${row.why}: nothing has changed`)
    if (row.source !== undefined) t.equal(told.source, row.source, `${row.why}: who refused`)
    if (row.g !== undefined) t.equal(world.g, row.g, `${row.why}: the states`)
    if (row.h !== undefined) t.equal(world.h, row.h, `${row.why}: the mappings`)
    if (row.used !== undefined) t.equal(world.used, row.used, `${row.why}: the PFNs in use`)
    if (row.flags !== undefined) t.equal(world.flags, row.flags, `${row.why}: the flags`)
  }
}
