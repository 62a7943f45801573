/** Handler: the compact map of a VM's frames. */

import { frameMap } from './frame-map.ts'
import { epochOf, textOfEpoch, timeSince } from './frame-map-tag.ts'
import type { Handlers } from './handler.ts'
import { vmUnknown } from './outcome.ts'

export const MAP_HANDLERS: Handlers<'getFrameMap'> = {
  getFrameMap: ({ hv }, { path: { lpid }, query: { from, frames, since } }) => {
    const vm = hv.vm(lpid)
    if (vm === undefined) return vmUnknown(lpid)
    const epoch = epochOf(vm)
    const time = since === undefined ? undefined : timeSince(vm, epoch, since)
    return {
      etag: textOfEpoch(epoch),
      bytes: () => frameMap(vm, { from, frames, since: time }),
    }
  },
}
