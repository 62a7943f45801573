/** What somebody may begin in a small world, as the cores' own generators. */
import { asFrame, asGfn, asGpa, type Gfn, gpaOf, type Lpid, type Page } from '../../abi/page.ts'
import { bytesOfPage } from '../../abi/page-bytes.ts'
import { present } from '../../lib/assert.ts'
import { sharePages, unshareAllPages, unsharePages } from '../../ultravisor/guest-calls.ts'
import { load, store } from '../../ultravisor/guest-memory.ts'
import type { UvSteps } from '../../ultravisor/steps.ts'
import type { Host, HvSteps, Vm } from '../../uvmem/host.ts'
import { faultIn } from '../../uvmem/mapping.ts'
import { createVm, destroyVm, svmOff } from '../../uvmem/vmm/life.ts'
import { addSlot, flushSlot, removeSlot } from '../../uvmem/vmm/slots.ts'
import { touch, unmap } from '../../uvmem/vmm/touch.ts'
import { contentOf, samePage, Writer } from '../content.ts'
import { isGuestShared } from '../guest-memory.ts'
import {
  FIRST_GFN,
  type GuestAct,
  HOT_GFN,
  HOT_ID,
  type QueuedAct,
  SLOT_ID,
} from './check-world.ts'
import type { Live, LiveVm } from './live.ts'
import { runShortEsm } from './short-esm.ts'

/** The next content of a page: told apart from the one that it holds. */
export function nextContent(writer: Writer, lpid: Lpid, gfn: Gfn, now: Page): bigint {
  const first = contentOf(writer, lpid, gfn, 0)
  return samePage(first, now) ? contentOf(writer, lpid, gfn, 1) : first
}

type GuestSteps = (live: Live, vm: LiveVm, gfn: Gfn, content: Page) => UvSteps<unknown>

const esm =
  (wrong: boolean): GuestSteps =>
  (live, vm) =>
    runShortEsm(live.uv, {
      lpid: vm.lpid,
      gfns: measuredGfns(live, vm),
      sharesFirst: live.setup.world.sharesRtas,
      wrong,
    })

const GUEST_STEPS: { readonly [Act in GuestAct]: GuestSteps } = {
  esm: esm(false),
  'esm-wrong': esm(true),
  load: (live, { lpid }, gfn) => load(live.uv, svmOf(live, lpid), asGpa(gpaOf(gfn)), 8),
  store: (live, { lpid }, gfn, content) =>
    store(live.uv, svmOf(live, lpid), asGpa(gpaOf(gfn)), bytesOfPage(content, 0, 8)),
  share: ({ uv }, { lpid }, gfn) => sharePages(uv, lpid, gfn, 1),
  unshare: ({ uv }, { lpid }, gfn) => unsharePages(uv, lpid, gfn, 1),
  'unshare-all': ({ uv }, { lpid }) => unshareAllPages(uv, lpid),
}

/** A call of a guest; `content` is what a store writes. */
export const guestSteps = (
  live: Live,
  vm: LiveVm,
  act: GuestAct,
  gfn: Gfn,
  content: Page,
): UvSteps<unknown> => GUEST_STEPS[act](live, vm, gfn, content)

const svmOf = (live: Live, lpid: Lpid) => present(live.uv.svms.get(lpid), `SVM ${lpid}`)

/** What a guest's store writes: secret on a secure page. */
export function contentToStore(live: Live, vm: LiveVm, gfn: Gfn): bigint {
  const isPublic = isGuestShared(svmOf(live, vm.lpid), gfn)
  const now = live.memories.get(vm.lpid)?.expected.get(gfn) ?? null
  return nextContent(isPublic ? Writer.GuestPublic : Writer.GuestSecret, vm.lpid, gfn, now)
}

/** What the switch pages in: the measured frames, or all. */
function measuredGfns(live: Live, { lpid }: LiveVm): readonly Gfn[] {
  const { world, strategy, gfns } = live.setup
  if (strategy === 'necessary') return gfns.slice(0, world.measured)
  const vm = present(live.host.vms.get(lpid), `VM ${lpid}`)
  return gfns.filter((gfn) => vm.slots.at(gfn) !== undefined)
}

type HostSteps = (live: Live, vm: Vm, gfn: Gfn) => HvSteps<unknown>

const HOST_STEPS: { readonly [Act in QueuedAct]: HostSteps } = {
  touch: ({ host }, vm, gfn) => touch(host, vm, gfn),
  reclaim: ({ host }, vm, gfn) => unmap(host, vm, gfn, 'reclaim'),
  flush: ({ host }, vm) => flushSlot(host, vm, SLOT_ID),
  reset,
  restart,
  'hot-add': ({ host, setup }, vm) =>
    addSlot(host, vm, { id: HOT_ID, base: asGfn(HOT_GFN), pages: setup.world.hotFrames }),
  'hot-remove': ({ host }, vm) => removeSlot(host, vm, HOT_ID, true),
}

/** An act of the host or of the VMM. */
export const hostSteps = (live: Live, vm: Vm, act: QueuedAct, gfn: Gfn): HvSteps<unknown> =>
  HOST_STEPS[act](live, vm, gfn)

function* reset(live: Live, vm: Vm): HvSteps<unknown> {
  const ret = yield* svmOff(live.host, vm)
  if (ret === 0) yield* loadGuest(live, vm)
  return ret
}

function* restart(live: Live, vm: Vm): HvSteps<unknown> {
  yield* destroyVm(live.host, vm)
  yield* loadGuest(live, makeVm(live.host, vm.lpid, live.setup.world.frames))
  return 0
}

export function makeVm(host: Host, lpid: Lpid, frames: number): Vm {
  const slots = [{ id: SLOT_ID, base: asGfn(FIRST_GFN), pages: frames }]
  return present(createVm(host, { lpid, radix: true, svmEnabled: true, slots }), 'a new VM')
}

/** The boot loader fills the pages that the world says. */
export function* loadGuest(live: Live, vm: Vm): HvSteps<void> {
  const { host, setup } = live
  const memory = live.memories.get(vm.lpid)
  memory?.begin()
  for (const gfn of setup.filled) {
    const frame = yield* faultIn(host, vm, gfn)
    if (vm.fault !== undefined) return
    const content = contentOf(Writer.Boot, vm.lpid, gfn)
    if (frame > 0) host.ram.write(asFrame(frame), content)
    memory?.boot.set(gfn, content)
  }
}
