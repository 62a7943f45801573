/** The state of the ultravisor core in the words of the recordings. */
import { asGfn } from '../../abi/page.ts'
import {
  hvFrameOf,
  isMapped,
  isOwn,
  isPresent,
  isSoftShared,
  OWN_PRESENT,
} from '../../ultravisor/page-table.ts'
import type { Svm } from '../../ultravisor/svm.ts'
import type { Ultravisor } from '../../ultravisor/ultravisor.ts'

type StateMap = Map<string, string | number>

/** Everything that a recording shows. */
export function stateOf(uv: Ultravisor): StateMap {
  const state: StateMap = new Map([['avail', uv.availableUnits]])
  for (const svm of uv.svms.values()) addSvm(state, svm)
  return state
}

function addSvm(state: StateMap, svm: Svm): void {
  const vm = `svm${svm.lpid}`
  state.set(`${vm}.state`, svm.state)
  state.set(`${vm}.rsv`, svm.reservedUnits)
  const slots = svm.slots.all()
  state.set(`${vm}.slots`, slots.map((slot) => `${slot.id}:${slot.base}+${slot.count}`).join(';'))
  for (const { id, base, count } of slots) {
    let [states, entries] = ['', '']
    for (let gfn = base as number; gfn < base + count; gfn++) {
      const comma = gfn === base ? '' : ','
      states += comma + svm.frames.state(asGfn(gfn))
      entries += comma + entryText(svm.pages.peek(asGfn(gfn)))
    }
    state.set(`${vm}.s${id}.g`, states)
    state.set(`${vm}.s${id}.p`, entries)
  }
  if (svm.frames.count > 0) addFramesOutside(state, svm, vm)
}

function addFramesOutside(state: StateMap, svm: Svm, vm: string): void {
  let ext = ''
  // The recorder walked the frames as the firmware does, and so never saw GFN 0 here.
  for (let gfn = svm.frames.after(0); gfn !== undefined; gfn = svm.frames.after(gfn)) {
    if (svm.slots.find(gfn) !== undefined) continue
    ext += `${ext === '' ? '' : ','}${gfn}:${svm.frames.state(gfn)}`
  }
  if (ext !== '') state.set(`${vm}.ext`, ext)
}

function entryText(entry: number): string {
  if (entry === OWN_PRESENT) return 's'
  if (!isMapped(entry)) return '-'
  const absent = isPresent(entry) ? '' : '!'
  if (isOwn(entry)) return `s${absent}`
  const frame = hvFrameOf(entry)
  if (frame === undefined) return `?${absent}`
  return `${isSoftShared(entry) ? 'h' : 'H'}${frame / 65_536}${absent}`
}
