/** The options of `uvmem exec`: those of a server that nobody else has to find. */
import { z } from 'zod'
import { HvOptions } from './hv-options.ts'
import { oneOf, option } from './option.ts'

const { shape } = HvOptions
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

export const ExecOptions = z.strictObject({
  profile: shape.profile,
  pool: shape.pool,
  window: shape.window,
  autoCreate: shape.autoCreate,
  orphans: shape.orphans,
  notifyMigrations: shape.notifyMigrations,
  vm: shape.vm,
  load: shape.load,
  token: shape.token,
  logLevel: option(oneOf(LEVELS, 'a level').default('warn'), `one of ${LEVELS.join(', ')}`, {
    value: 'level',
    group: 'Logs:',
    shownDefault: 'warn',
  }),
  logCalls: shape.logCalls,
})
export type ExecOptions = z.output<typeof ExecOptions>
