/** The compact map of a VM's frames. */
import { z } from 'zod'
import { mapFramesMax } from '../frame-map.ts'
import { defineOperation, OCTETS } from './operation.ts'
import { GfnText, numberText } from './values.ts'
import { VmPath } from './vm.ts'

const EPOCH = /^[0-9a-z]{1,32}-[0-9a-z]{1,8}-[0-9a-z]{1,16}$/
const EPOCH_EXPECTED = 'an ETag of this resource without its quotes'

export const getFrameMap = defineOperation({
  method: 'GET',
  route: '/v1/vms/{lpid}/map',
  tag: 'Frames',
  summary: 'The state of every frame, two bits each',
  description:
    'Binary: schemas/frame-map.ts has the form. Runs of one state take four bytes where that is less. The ETag is the epoch of the frames; with since, only frames that may have changed after it are there, or everything when that is not known any more.',
  path: VmPath,
  query: z.strictObject({
    from: GfnText.prefault('0').describe('First GFN to show'),
    frames: numberText(1, mapFramesMax, 'frames in one answer').prefault(String(mapFramesMax)),
    since: z.string().regex(EPOCH, EPOCH_EXPECTED).optional().describe(EPOCH_EXPECTED),
  }),
  answer: OCTETS,
  conditional: true,
  problems: ['vm-unknown'],
})
