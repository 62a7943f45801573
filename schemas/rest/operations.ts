/** Every operation of the REST API, by name. */
import {
  countFrames,
  faultFrame,
  getFrame,
  listFrames,
  pinFrame,
  touchFrame,
  unmapFrame,
  unpinFrame,
} from './frame.ts'
import {
  denyFrames,
  getHost,
  getInvariants,
  getLive,
  getOpenApi,
  getReady,
  listSessions,
} from './host.ts'
import { getFrameMap } from './map.ts'
import { fillMemory, getPage, readMemory, writeMemory } from './memory.ts'
import { addSlot, failKsm, flushSlot, listSlots, mapSlot, removeSlot, unmapSlot } from './slot.ts'
import { createVm, deleteVm, getVm, listVms, resetVm } from './vm.ts'

const HOST = { getLive, getReady, getOpenApi, getHost, denyFrames, getInvariants, listSessions }
const VMS = { listVms, createVm, getVm, deleteVm, resetVm }
const SLOTS = { listSlots, addSlot, removeSlot, flushSlot, unmapSlot, mapSlot, failKsm }
const FRAMES = {
  listFrames,
  countFrames,
  getFrame,
  touchFrame,
  unmapFrame,
  pinFrame,
  unpinFrame,
  faultFrame,
  getFrameMap,
}
const MEMORY = { readMemory, writeMemory, fillMemory, getPage }

export const OPERATIONS = { ...HOST, ...VMS, ...SLOTS, ...FRAMES, ...MEMORY }
export type OperationName = keyof typeof OPERATIONS
