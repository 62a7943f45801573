/** Durations as options: `30s`, `500ms`, `10m`; a JSON number, or a number alone, is seconds. */
import { z } from 'zod'
import { parseDuration } from '../load/duration.ts'
import { runMsMax } from '../load/stages.ts'

/** Milliseconds, 0 and more. */
export const duration = (what: string) =>
  z
    .union([z.number().transform((seconds) => `${seconds}s`), z.string()], {
      error: `${what}: a duration such as 30s`,
    })
    .transform((given, context): number => {
      const ms = parseDuration(given)
      if (ms >= 0 && ms <= runMsMax) return ms
      context.addIssue({
        code: 'custom',
        message: `${what}: a duration such as 500ms, 30s or 10m, a week at most`,
      })
      return z.NEVER
    })
