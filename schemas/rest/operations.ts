/** Every operation of the REST API, by name. */
import {
  addFault,
  addFaultPreset,
  getFault,
  listFaultPresets,
  listFaults,
  removeFault,
  removeFaults,
} from './faults.ts'
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
  getAsyncApi,
  getHost,
  getInvariants,
  getLive,
  getMetrics,
  getOpenApi,
  getReady,
  listSessions,
} from './host.ts'
import {
  followJournal,
  getFrameHistory,
  getHostCounters,
  getVmCounters,
  listJournal,
} from './journal.ts'
import { getFrameMap } from './map.ts'
import { fillMemory, getPage, readMemory, writeMemory } from './memory.ts'
import { addSlot, failKsm, flushSlot, listSlots, mapSlot, removeSlot, unmapSlot } from './slot.ts'
import {
  addVmSnapshot,
  getSnapshot,
  getVmSnapshot,
  listCheckpoints,
  loadCheckpoint,
  putSnapshot,
  removeCheckpoint,
  resetHost,
  saveCheckpoint,
} from './state.ts'
import { createVm, deleteVm, getVm, listVms, resetVm } from './vm.ts'
import { waitForCount, waitForFrame, waitForSession, waitForVm } from './wait.ts'

const HOST = {
  getLive,
  getReady,
  getOpenApi,
  getAsyncApi,
  getHost,
  getMetrics,
  denyFrames,
  getInvariants,
  listSessions,
}
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
const JOURNAL = { listJournal, followJournal, getHostCounters, getVmCounters, getFrameHistory }
const FAULTS = {
  listFaults,
  addFault,
  removeFaults,
  getFault,
  removeFault,
  listFaultPresets,
  addFaultPreset,
}
const WAIT = { waitForVm, waitForFrame, waitForSession, waitForCount }
const STATE = {
  getSnapshot,
  putSnapshot,
  getVmSnapshot,
  addVmSnapshot,
  listCheckpoints,
  saveCheckpoint,
  loadCheckpoint,
  removeCheckpoint,
  resetHost,
}

export const OPERATIONS = {
  ...HOST,
  ...VMS,
  ...SLOTS,
  ...FRAMES,
  ...MEMORY,
  ...JOURNAL,
  ...FAULTS,
  ...WAIT,
  ...STATE,
}
export type OperationName = keyof typeof OPERATIONS
