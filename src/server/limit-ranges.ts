/** Which limits a server may be told, and how high each may be set. */
import { LIMITS, type LimitName } from '../../schemas/limits.ts'

/**
 * Limits that are not one server's to choose: the wire's format has the lengths of names in it, and
 * the codecs know how they fill a message.
 */
type FixedLimit =
  | 'sessionNameCharsMax'
  | 'tokenCharsMax'
  | 'batchBytesMax'
  | 'itemsPerMessageMax'
  | 'membersMax'
const FIXED: ReadonlySet<LimitName> = new Set<FixedLimit>([
  'sessionNameCharsMax',
  'tokenCharsMax',
  'batchBytesMax',
  'itemsPerMessageMax',
  'membersMax',
])
export type SettableLimit = Exclude<LimitName, FixedLimit>

/** Milliseconds that a timer of Node.js can wait. */
const timerMsMax = 2 ** 31 - 1

/** Highest value that a limit may be set to. */
const HIGHEST: Readonly<Partial<Record<LimitName, number>>> = {
  vmsMax: LIMITS.vmsMax,
  framesPerSlotMax: 2 ** 32,
  messageBytesMax: 2 ** 30,
  fragmentsPerMessageMax: 2 ** 31 - 1,
  chunksPerMessageMax: 2 ** 31 - 1,
  headersMsMax: timerMsMax,
  requestMsMax: timerMsMax,
  keepAliveMsMax: timerMsMax,
  stillMsMax: timerMsMax,
  handshakeMsMax: timerMsMax,
  sessionGraceMs: timerMsMax,
  resumeMsMax: timerMsMax,
  answersKeptMax: 65_536,
  pingIntervalMs: timerMsMax,
  pongWaitMsMax: timerMsMax,
}

export const SETTABLE_LIMITS = (Object.keys(LIMITS) as LimitName[]).filter(
  (name): name is SettableLimit => !FIXED.has(name),
)

/** A session may end with its connection; of everything else there is 1 at least. */
export const lowestOf = (name: SettableLimit): number => (name === 'sessionGraceMs' ? 0 : 1)
/** Every limit may be this at most. */
export const highestOf = (name: SettableLimit): number => HIGHEST[name] ?? Number.MAX_SAFE_INTEGER
