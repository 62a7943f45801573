/**
 * Who may do what: the roles that a token gives, and the role that each operation of the REST API
 * asks for. One list: the server asks it, and the OpenAPI document is made of it.
 */
import type { OperationName } from './operations.ts'

export const Role = {
  /** Looks at everything, and changes nothing. */
  Reader: 'reader',
  /** Whatever the REST API can do. */
  Operator: 'operator',
  /** Connects as an ultravisor, and does nothing else. */
  Uv: 'uv',
} as const
export type Role = (typeof Role)[keyof typeof Role]

/** What has to be shown: a token with that role, or (`open`) nothing. */
export type Access = 'open' | Role

/**
 * Readers get what only shows the state. To read a VM's memory is an operator's: the host touches the
 * pages for it, and secure ones are paged out.
 */
export const ACCESS = {
  getLive: 'open',
  getReady: 'open',
  getOpenApi: 'reader',
  getAsyncApi: 'reader',
  getHost: 'reader',
  getMetrics: 'reader',
  denyFrames: 'operator',
  getInvariants: 'reader',
  listSessions: 'reader',
  listVms: 'reader',
  createVm: 'operator',
  getVm: 'reader',
  deleteVm: 'operator',
  resetVm: 'operator',
  listSlots: 'reader',
  addSlot: 'operator',
  removeSlot: 'operator',
  flushSlot: 'operator',
  unmapSlot: 'operator',
  mapSlot: 'operator',
  failKsm: 'operator',
  listFrames: 'reader',
  countFrames: 'reader',
  getFrame: 'reader',
  touchFrame: 'operator',
  unmapFrame: 'operator',
  pinFrame: 'operator',
  unpinFrame: 'operator',
  faultFrame: 'operator',
  getFrameMap: 'reader',
  readMemory: 'operator',
  writeMemory: 'operator',
  fillMemory: 'operator',
  getPage: 'operator',
  listJournal: 'reader',
  followJournal: 'reader',
  getHostCounters: 'reader',
  getVmCounters: 'reader',
  getFrameHistory: 'reader',
  listFaults: 'reader',
  addFault: 'operator',
  removeFaults: 'operator',
  getFault: 'reader',
  removeFault: 'operator',
  listFaultPresets: 'reader',
  addFaultPreset: 'operator',
  waitForVm: 'reader',
  waitForFrame: 'reader',
  waitForSession: 'reader',
  waitForCount: 'reader',
  getSnapshot: 'reader',
  putSnapshot: 'operator',
  getVmSnapshot: 'reader',
  addVmSnapshot: 'operator',
  listCheckpoints: 'reader',
  saveCheckpoint: 'operator',
  loadCheckpoint: 'operator',
  removeCheckpoint: 'operator',
  resetHost: 'operator',
} as const satisfies Record<OperationName, Access>

/** An operator may look as well. */
export const permits = (roles: ReadonlySet<Role>, access: Access): boolean =>
  access === 'open' || roles.has(access) || (access === Role.Reader && roles.has(Role.Operator))
