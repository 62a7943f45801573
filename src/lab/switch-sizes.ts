/** Measures the switch of VMs of growing size under each design. */

import { HV_PROFILES } from '../uvmem/profile.ts'
import { disagreementsOf } from './agreement.ts'
import { type SearchCost, searchCost } from './allocator.ts'
import { type CostModel, predictSeconds } from './cost-model.ts'
import type { Design } from './design.ts'
import { StoryWorld } from './story-world.ts'

/** Pages of 64 KiB in a gigabyte of the thread's counting: 100 GB are 1,638,400 pages. */
export const PAGES_PER_GB = 16_384

export interface SwitchRun {
  readonly design: string
  readonly gigabytes: number
  readonly pages: number
  readonly result: string
  readonly hypercalls: number
  readonly ultracalls: number
  readonly pagesMoved: number
  /** Pages that H_SVM_INIT_DONE secured without a call. */
  readonly pagesLocal: number
  /** Milliseconds that it took here, guest and both sides in one process. */
  readonly tookMs: number
  /** Seconds on a POWER9, predicted. */
  readonly predictedSeconds: number
  /** Frames on which both sides disagree right after the switch; a hundred stands for more. */
  readonly disagreements: number
  readonly search: SearchCost
}

/** One switch of a VM of `gigabytes`; every page has content. */
export function runSwitch(
  design: Design,
  gigabytes: number,
  costs: CostModel,
  now: () => number,
): SwitchRun {
  const pages = Math.max(Math.round(gigabytes * PAGES_PER_GB), 16)
  const world = new StoryWorld(design, pages)
  world.perform({ op: 'boot' })
  const { host, uv } = world.machine
  const since = now()
  const { result } = world.perform({ op: 'esm' })
  const tookMs = now() - since
  const { hypercalls, ultracalls, pagesMoved, pagesAsked } = world.counts
  const offers = HV_PROFILES[design.hv].doneSecures === 'by-ultracall'
  const rest = Math.max(host.devices.pool.taken - pagesAsked, 0)
  const offered = offers ? pages - pagesAsked : 0
  const local = offers ? 0 : rest
  return {
    design: design.name,
    gigabytes,
    pages,
    result,
    hypercalls,
    ultracalls,
    pagesMoved,
    pagesLocal: local,
    tookMs,
    predictedSeconds: predictSeconds({ asked: pagesAsked, local, offered }, costs),
    disagreements: disagreementsOf(host, uv, 100).length,
    search: searchCost(host.devices.pool.taken),
  }
}
