/** Every operation of the REST API, by name. */
import { denyFrames, getHost, getLive, getReady, listSessions } from './host.ts'

export const OPERATIONS = { getLive, getReady, getHost, denyFrames, listSessions }
export type OperationName = keyof typeof OPERATIONS
