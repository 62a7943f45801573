/** The options of `uvmem exec`: those of a server that nobody else has to find, and that says little. */
import { z } from 'zod'
import { LOG_LEVELS, ServerOptions } from './hv-options.ts'
import { integer, oneOf, option, own } from './option.ts'

export const ExecOptions = z.strictObject({
  ...own({
    port: option(integer(0, 65_535, 'a port').default(0), 'port; 0 takes any free one', {
      value: 'number',
      group: 'Network:',
      shownDefault: '0',
    }),
  }),
  ...ServerOptions.shape,
  logLevel: option(
    oneOf(LOG_LEVELS, 'a level').default('warn'),
    `one of ${LOG_LEVELS.join(', ')}`,
    { value: 'level', group: 'Logs and metrics:', shownDefault: 'warn' },
  ),
})
export type ExecOptions = z.output<typeof ExecOptions>
