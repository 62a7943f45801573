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

/**
 * A message is filled to batchBytesMax or with one page, so that two of them are never more than this.
 * With less room a client that reads at once would be cut for the first message with pages, resume, be
 * sent it again and be cut again, for ever.
 */
const SEND_BUFFER_BYTES_LEAST = 2 * LIMITS.batchBytesMax

/** Lowest value that a limit may be set to. */
const LOWEST: Readonly<Partial<Record<LimitName, number>>> = {
  // A session may end with its connection.
  sessionGraceMs: 0,
  sendBufferBytesMax: SEND_BUFFER_BYTES_LEAST,
}

/** Of most things there is 1 at least. */
export const lowestOf = (name: SettableLimit): number => LOWEST[name] ?? 1
/** Every limit may be this at most. */
export const highestOf = (name: SettableLimit): number => HIGHEST[name] ?? Number.MAX_SAFE_INTEGER
