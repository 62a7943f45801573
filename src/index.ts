/**
 * What programs that import `uvmem` get: an emulator inside their own process, the ultravisor client
 * SDK, the REST client, and what is needed to boot a guest. The command line is src/bin.
 */
import { VERSION } from './bin/version.ts'
import { type Emulator, startEmulator } from './server/emulator.ts'
import type { EmulatorOptions } from './server/emulator-options.ts'

/** The version of this package. */
export const version: string = VERSION

/**
 * Starts an emulator on a free port of this machine; any number may run at once.
 *
 * ```ts
 * await using emulator = await createEmulator()
 * const client = await emulator.connect({ protocol: 'bin' })
 * ```
 *
 * Rejects with a TypeError for options that do not fit, and with the system's error when the port
 * cannot be had.
 */
export const createEmulator = (options: EmulatorOptions = {}): Promise<Emulator> =>
  startEmulator(options, VERSION)

export type { CloseName, WireErrorName } from '../schemas/errors.ts'
export { LIMITS, type LimitName, type Limits } from '../schemas/limits.ts'
export type { SessionFacts } from '../schemas/messages.ts'
export type { OperationName } from '../schemas/rest/operations.ts'
export type { ProblemDocument, ProblemName } from '../schemas/rest/problem.ts'
export { H, hCodeName, U, uCodeName } from './abi/codes.ts'
export {
  asGfn,
  asGpa,
  asLpid,
  asSlotId,
  type Gfn,
  type Gpa,
  gfnOf,
  gpaOf,
  LPID_MAX,
  type Lpid,
  PAGE_SHIFT,
  PAGE_SIZE,
  type SlotId,
} from './abi/page.ts'
export type { ByteSource } from './formats/byte-source.ts'
export { buildGuest, type Guest, type GuestInput, necessaryGfns } from './guest/guest.ts'
export type { GuestSlot } from './guest/layout.ts'
export { openFile, randomSource } from './peer/file-source.ts'
export { disagreementsOf, type StateRun } from './peer/frame-agreement.ts'
export { type GuestFiles, loadGuest } from './peer/guest-load.ts'
export { type Asked, type Given, HvRest, type JsonOperation, RestError } from './peer/hv-rest.ts'
export { hvRunsOf } from './peer/hv-runs.ts'
export { nodeSha512 } from './peer/node-cipher.ts'
export { type ConnectOptions, connectUv, UvClient, type UvOptions } from './peer/uv-client.ts'
export { UvCallError } from './peer/uv-errors.ts'
export { giveUpSession } from './peer/uv-give-up.ts'
export type { LineState } from './peer/uv-line.ts'
export type { UvProtocol } from './peer/uv-protocol.ts'
export { type EsmWish, type NoSvm, type SvmLife, UvSvm } from './peer/uv-svm.ts'
export { ConnectError, type Ending } from './peer/ws-transport.ts'
export type { Emulator } from './server/emulator.ts'
export type { EmulatorOptions } from './server/emulator-options.ts'
export type { EsmResult, EsmStrategy } from './ultravisor/esm.ts'
export type { UvProfileName } from './ultravisor/profile.ts'
export { HV_PROFILE_NAMES, type HvProfileName } from './uvmem/profile.ts'
