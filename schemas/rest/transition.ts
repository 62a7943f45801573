/** A change of state as the API shows it. */
import { z } from 'zod'

export const JournalState = z
  .enum(['normal', 'secure', 'paged_out', 'shared', 'transient', 'none', 'fault'])
  .describe('Of a frame or a VM; none: in no memory slot, or not there')

export const FrameChangeFacts = z
  .strictObject({
    from: JournalState,
    to: JournalState,
    call: z.string().describe('The call or operation that caused it'),
    cause: z.int().describe('Its serial in the journal'),
    code: z.int().describe('What it ended with'),
    name: z.string().describe('The name of the code'),
    time_ms: z.number().describe('By the clock of uptime_ms'),
  })
  .describe('A change of state of a frame')
