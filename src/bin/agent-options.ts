/** The options of the hidden command `uvmem uv-agent`. */
import { z } from 'zod'
import { PROTOCOLS, UV_CHOICES } from './choices.ts'
import { CREDENTIAL_OPTIONS } from './net-options.ts'
import { oneOf, option, text } from './option.ts'

export const AgentOptions = z.strictObject({
  url: option(text('an address'), 'the WebSocket of the server', { value: 'url' }),
  profile: option(oneOf(UV_CHOICES, 'a profile').default('firmware'), UV_CHOICES.join(' or '), {
    value: 'name',
    own: true,
  }),
  protocol: option(oneOf(PROTOCOLS, 'a protocol').default('json'), PROTOCOLS.join(' or '), {
    value: 'name',
  }),
  ...CREDENTIAL_OPTIONS,
})
export type AgentOptions = z.output<typeof AgentOptions>
