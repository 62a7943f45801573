/**
 * Loaded into a server before it starts: its journal, counters and history look away. What is left is
 * the server without them, which nothing but a bench wants.
 */
import { JournalWatch } from '../../src/hv/journal-watch.ts'

const ignore = (): void => undefined
Object.assign(JournalWatch.prototype, {
  queued: ignore,
  began: ignore,
  asked: ignore,
  answered: ignore,
  ended: ignore,
})
